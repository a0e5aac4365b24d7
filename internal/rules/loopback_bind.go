package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var loopbackBind = &rule.Rule{
	ID:       "runtime/loopback-bind",
	Severity: finding.Error,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "The server listens on the container's own loopback address.",
		What:    "The start command binds a known server to 127.0.0.1, ::1 or localhost, by an option or because that is the server's default; or the running original was seen to listen there.",
		Why:     "Loopback is the container's own: neither a published port nor another container reaches the server. It looks healthy from inside and answers nobody.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
CMD ["uvicorn", "main:app", "--host", "127.0.0.1", "--port", "8000"]
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
`,
		Fix:   "Writes 0.0.0.0 in the option's place, or adds the option. Refused where the option's value is not a word of the start command, and where the source decides.",
		Proof: "The application starts and answers as before. That it can be reached from outside is not asked: nothing of a proof is exposed.",
		Links: []string{"https://docs.docker.com/engine/network/port-publishing/", "https://www.uvicorn.org/settings/#socket-binding"},
	},
	Check: checkLoopbackBind,
}

// binder is a server and how it is told where to listen.
type binder struct {
	words   []string // the program, and the words its arguments begin with
	options []string // whose value is an address, or address:port
	// loopback says that it listens on loopback unless told otherwise.
	loopback bool
	// add are the words that make it listen everywhere; none where a port would have to be known.
	add []string
	// env are variables that set the same.
	env []string
	// config are options whose file may set the same.
	config []string
}

// binders, with the defaults of the servers' own documentation.
var binders = []binder{
	{words: []string{"uvicorn"}, options: []string{"--host"}, loopback: true, add: []string{"--host", "0.0.0.0"}, env: []string{"UVICORN_HOST"}, config: []string{"--uds", "--fd"}},
	{words: []string{"hypercorn"}, options: []string{"-b", "--bind"}, loopback: true, config: []string{"-c", "--config"}},
	{words: []string{"gunicorn"}, options: []string{"-b", "--bind"}},
	{words: []string{"daphne"}, options: []string{"-b", "--bind"}, loopback: true, add: []string{"-b", "0.0.0.0"}, config: []string{"-u", "--fd", "-e", "--endpoint"}},
	{words: []string{"waitress-serve"}, options: []string{"--host", "--listen"}},
	{words: []string{"granian"}, options: []string{"--host"}, loopback: true, add: []string{"--host", "0.0.0.0"}, env: []string{"GRANIAN_HOST"}},
	{words: []string{"flask", "run"}, options: []string{"-h", "--host"}, loopback: true, add: []string{"--host", "0.0.0.0"}, env: []string{"FLASK_RUN_HOST"}},
	{words: []string{"fastapi", "run"}, options: []string{"--host"}},
	{words: []string{"fastapi", "dev"}, options: []string{"--host"}},
	{words: []string{"streamlit", "run"}, options: []string{"--server.address"}},
	{words: []string{"http.server"}, options: []string{"-b", "--bind"}},
	{words: []string{"jupyter"}, options: []string{"--ip"}},
	{words: []string{"next", "start"}, options: []string{"-H", "--hostname"}},
	{words: []string{"next", "dev"}, options: []string{"-H", "--hostname"}},
	{words: []string{"vite"}, options: []string{"--host"}},
	{words: []string{"http-server"}, options: []string{"-a"}},
	{words: []string{"ng", "serve"}, options: []string{"--host"}},
	{words: []string{"rails", "server"}, options: []string{"-b", "--binding"}},
	{words: []string{"rails", "s"}, options: []string{"-b", "--binding"}},
	{words: []string{"puma"}, options: []string{"-b", "--bind"}},
	{words: []string{"php", "artisan", "serve"}, options: []string{"--host"}, loopback: true, add: []string{"--host=0.0.0.0"}},
	{words: []string{"php"}, options: []string{"-S"}},
	{words: []string{"mkdocs", "serve"}, options: []string{"-a", "--dev-addr"}},
	{words: []string{"hugo", "server"}, options: []string{"--bind"}, loopback: true, add: []string{"--bind", "0.0.0.0"}},
	{words: []string{"jekyll", "serve"}, options: []string{"-H", "--host"}},
}

func checkLoopbackBind(p *rule.Pass) error {
	s := readStartCommand(p)
	if s == nil {
		reportLoopback(p)
		return nil
	}
	at, word, isDefault := boundTo(p, s)
	if at < 0 {
		// A command that names every address was mended since the run, or lost to the source.
		if !slices.ContainsFunc(s.words, func(w startWord) bool { return strings.Contains(w.Text, "0.0.0.0") || strings.Contains(w.Text, "[::]") }) {
			reportLoopback(p)
		}
		return nil
	}
	server := s.name()
	if managePy(s) >= 0 {
		server = "manage.py runserver"
	}
	how := word
	if isDefault {
		how += " unless told otherwise"
	}
	f := finding.Finding{
		Span:    s.words[at].inst.Span,
		Message: fmt.Sprintf("%s listens on %s, which nothing outside of the container reaches: bind 0.0.0.0", server, how),
	}
	f.Fix, f.Refused = bindEverywhere(p, s, at, isDefault)
	p.Report(f)
	return nil
}

// reportLoopback reports a server that was seen to listen on loopback, where the start command does not tell.
func reportLoopback(p *rule.Pass) {
	if p.Facts == nil || !p.Facts.Loopback.Known() {
		return
	}
	p.Report(finding.Finding{
		Span:     p.Final.From.Span,
		Message:  fmt.Sprintf("port %d is open on %s, which nothing outside of the container reaches: listen on 0.0.0.0", p.Facts.Port.Value, p.Facts.Loopback.Value),
		Evidence: proofOf(p.Facts.Loopback),
		Refused:  "the source or its settings name the address, not the Dockerfile: change it there",
	})
}

// boundTo finds the word that binds to loopback, or the last word that names a
// server which does so by default; at is -1 when the server can be reached.
func boundTo(p *rule.Pass, s *startCommand) (at int, address string, isDefault bool) {
	if i := managePy(s); i >= 0 {
		return djangoBind(s, i)
	}
	b := binderOf(s)
	if b == nil {
		return -1, "", false
	}
	given := false
	for i := s.program + 1; i < len(s.words); i++ {
		for _, o := range b.options {
			value, ok := optionValue(s, i, o)
			if !ok {
				continue
			}
			given = true
			if host := loopbackHost(value.text); host != "" {
				return value.at, host, false
			}
		}
	}
	if given || !b.loopback || setElsewhere(p, s, b) || helpOnly(s) {
		return -1, "", false
	}
	return s.program + len(b.words) - 1, "127.0.0.1", true
}

func binderOf(s *startCommand) *binder {
	texts := s.texts()
	for i := range binders {
		if w := binders[i].words; len(texts) >= len(w) && slices.Equal(texts[:len(w)], w) {
			return &binders[i]
		}
	}
	return nil
}

type bindValue struct {
	at   int
	text string
}

// optionValue reads "--host X", "--host=X" and "-bX".
func optionValue(s *startCommand, i int, option string) (bindValue, bool) {
	text := s.words[i].Text
	if text == option && i+1 < len(s.words) {
		return bindValue{i + 1, s.words[i+1].Text}, true
	}
	if v, ok := strings.CutPrefix(text, option+"="); ok {
		return bindValue{i, v}, true
	}
	if v, ok := strings.CutPrefix(text, option); ok && len(option) == 2 && v != "" {
		return bindValue{i, v}, true
	}
	return bindValue{}, false
}

// loopbackHost is the loopback address in a value such as tcp://localhost:3000; empty when there is none.
func loopbackHost(value string) string {
	if _, rest, ok := strings.Cut(value, "://"); ok {
		value = rest
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "::1"} {
		if rest, ok := strings.CutPrefix(value, host); ok && (rest == "" || rest[0] == ':') {
			return host
		}
	}
	return ""
}

// setElsewhere: a variable, a file or words that are known only at run time may say where to listen.
func setElsewhere(p *rule.Pass, s *startCommand, b *binder) bool {
	state := p.File.EndState(p.Final)
	for _, name := range b.env {
		if _, ok := state.EnvVar(name); ok {
			return true
		}
	}
	return s.find(b.config...) >= 0 || slices.ContainsFunc(s.args(), func(w startWord) bool {
		return !w.Literal && !w.Glob && strings.HasPrefix(w.Text, "$")
	})
}

func helpOnly(s *startCommand) bool {
	return len(s.args()) == 0 || s.find("--help", "--version") >= 0
}

// managePy is the index of runserver in "python manage.py runserver"; -1 for other commands.
func managePy(s *startCommand) int {
	i := s.find("runserver")
	if i < 0 || !strings.HasSuffix(s.words[i-1].Text, "manage.py") && s.words[i-1].Text != "django-admin" {
		return -1
	}
	return i
}

// djangoBind reads the address that follows runserver; a port alone leaves loopback in force.
func djangoBind(s *startCommand, runserver int) (at int, address string, isDefault bool) {
	for i := runserver + 1; i < len(s.words); i++ {
		switch w := s.words[i]; {
		case !w.Literal:
			return -1, "", false
		case strings.HasPrefix(w.Text, "-"):
		case loopbackHost(w.Text) != "":
			return i, loopbackHost(w.Text), false
		case numeric(w.Text):
			return i, "127.0.0.1", true
		default:
			return -1, "", false
		}
	}
	return runserver, "127.0.0.1", true
}

func bindEverywhere(p *rule.Pass, s *startCommand, at int, isDefault bool) (*finding.Fix, string) {
	text := s.words[at].Text
	var e edit.Edit
	var ok bool
	switch {
	case !isDefault:
		e, ok = s.replace(p, at, strings.Replace(text, loopbackHost(hostPart(text)), "0.0.0.0", 1))
		ok = ok && s.words[at].Literal
	case numeric(text):
		e, ok = s.replace(p, at, "0.0.0.0:"+text)
	case text == "runserver":
		e, ok = s.add(p, at, "0.0.0.0:8000")
	default:
		b := binderOf(s)
		if b == nil || b.add == nil {
			return nil, "the option takes the port as well, which is not known: give both"
		}
		e, ok = s.add(p, at, b.add...)
	}
	if !ok {
		return nil, "the address stands in shell code, where it can't be replaced by itself: write 0.0.0.0 there"
	}
	return &finding.Fix{
		Title:  "Listen on all addresses of the container",
		Safety: finding.Unsafe,
		Why:    "where the container runs on the host's own network the server can then be reached from outside; the proof starts it and compares its answers",
		Edits:  []edit.Edit{e},
	}, ""
}

// hostPart is an option's value without the option.
func hostPart(text string) string {
	if strings.HasPrefix(text, "--") {
		_, value, _ := strings.Cut(text, "=")
		return value
	}
	if strings.HasPrefix(text, "-") && len(text) > 2 {
		return strings.TrimPrefix(text[2:], "=")
	}
	return text
}
