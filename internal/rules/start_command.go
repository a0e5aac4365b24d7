package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/shell"
)

// startCommand is what the final stage starts, with the place of each word.
type startCommand struct {
	words []startWord
	// program is the index of the word that names the program which serves, behind
	// exec, tini, python -m, npx and the like.
	program int
}

type startWord struct {
	shellWord
	inst *dockerfile.Instruction
	// fixed says that the word can't be edited where it stands.
	fixed bool
}

// readStartCommand returns nil when the start command is not known: the base
// decides, the shell code can't be read, or it is no list of words.
func readStartCommand(p *rule.Pass) *startCommand {
	state := p.File.EndState(p.Final)
	entry, cmd := state.Entrypoint, state.Cmd
	if entry != nil && entry.JSON && len(entry.Args) == 0 {
		entry = nil
	}
	var words []startWord
	switch {
	case entry == nil && cmd == nil:
		return nil
	case entry == nil:
		words = wordsOfStart(p, cmd)
	case cmd == nil || !entry.JSON:
		words = wordsOfStart(p, entry)
	case cmd.JSON:
		words = slices.Concat(wordsOfStart(p, entry), wordsOfStart(p, cmd))
	}
	s := &startCommand{words: words}
	if s.program = programAt(words); s.program < 0 {
		return nil
	}
	return s
}

// wordsOfStart are the words of the last command of an instruction, which is the one that stays.
func wordsOfStart(p *rule.Pass, inst *dockerfile.Instruction) []startWord {
	script, fixed := scriptOfStart(p, inst)
	if script == nil {
		return nil
	}
	commands := script.Commands()
	last := commands[len(commands)-1]
	if last.Depth > 0 || last.Piped || last.Op == "|" {
		return nil
	}
	var words []startWord
	for _, w := range last.Words {
		words = append(words, startWord{shellWord: w, inst: inst, fixed: fixed})
	}
	return words
}

// scriptOfStart looks into ["sh", "-c", "script"], whose words have no place of their own.
func scriptOfStart(p *rule.Pass, inst *dockerfile.Instruction) (script *shell.Script, fixed bool) {
	if inst.JSON && len(inst.Args) == 3 {
		if s := readArray(p, inst); s != nil {
			if s.err != nil || len(s.own()) == 0 {
				return nil, true
			}
			return s.script, true
		}
	}
	script, err := shell.Parse(p.File, inst)
	if err != nil || len(script.Commands()) == 0 {
		return nil, false
	}
	return script, false
}

// starters start the program that follows their own words; the number says how many of these there are.
var starters = map[string]int{
	"exec": 0, "env": 0, "nohup": 0, "tini": 0, "dumb-init": 0, "catatonit": 0, "npx": 0, "bunx": 0,
	"gosu": 1, "su-exec": 1, "opentelemetry-instrument": 0, "ddtrace-run": 0,
}

// runners start the program that follows a word of theirs: poetry run, bundle exec.
var runners = map[string][]string{
	"poetry": {"run"}, "uv": {"run"}, "pipenv": {"run"}, "pdm": {"run"}, "hatch": {"run"}, "bundle": {"exec"},
	"yarn": {"exec"}, "pnpm": {"exec", "dlx"}, "npm": {"exec"},
}

// programAt is the index of the program; -1 when it can't be told.
func programAt(words []startWord) int {
	for i := 0; i < len(words); {
		w := words[i]
		if !w.Literal {
			return -1
		}
		name := path.Base(w.Text)
		next := i + 1
		own, starts := starters[name]
		switch {
		case starts:
			next += own
		case isPython(name) && wordAt(words, i+1) == "-m":
			next++
		case slices.Contains(runners[name], wordAt(words, i+1)):
			next++
		default:
			return i
		}
		for next < len(words) && (strings.HasPrefix(words[next].Text, "-") || name == "env" && strings.Contains(words[next].Text, "=")) {
			next++
		}
		i = next
	}
	return -1
}

func isPython(name string) bool {
	return strings.HasPrefix(name, "python") && strings.Trim(name[len("python"):], "0123456789.") == ""
}

func wordAt(words []startWord, i int) string {
	if i < len(words) {
		return words[i].Text
	}
	return ""
}

// name is the program's, without its folder.
func (s *startCommand) name() string { return path.Base(s.words[s.program].Text) }

// args are the words behind the program.
func (s *startCommand) args() []startWord { return s.words[s.program+1:] }

// texts are the program's name and its arguments, for messages and tables.
func (s *startCommand) texts() []string {
	list := []string{s.name()}
	for _, w := range s.args() {
		list = append(list, w.Text)
	}
	return list
}

// find is the index in words of the first argument that is one of these; -1 without one.
func (s *startCommand) find(texts ...string) int {
	i := slices.IndexFunc(s.args(), func(w startWord) bool { return slices.Contains(texts, w.Text) })
	if i < 0 {
		return -1
	}
	return s.program + 1 + i
}

// drop takes a word out, with what separates it from its neighbour; ok is false
// when it can't be edited or is all that its instruction has.
func (s *startCommand) drop(p *rule.Pass, i int) (edit.Edit, bool) {
	w := s.words[i]
	switch {
	case w.fixed:
		return edit.Edit{}, false
	case i > 0 && s.words[i-1].inst == w.inst:
		return p.Edit(dockerfile.Span{Start: s.words[i-1].Span.End, End: w.Span.End}, ""), true
	case i+1 < len(s.words) && s.words[i+1].inst == w.inst:
		return p.Edit(dockerfile.Span{Start: w.Span.Start, End: s.words[i+1].Span.Start}, ""), true
	}
	return edit.Edit{}, false
}

// replace writes another text in a word's place.
func (s *startCommand) replace(p *rule.Pass, i int, text string) (edit.Edit, bool) {
	w := s.words[i]
	if w.fixed {
		return edit.Edit{}, false
	}
	if !w.inst.JSON && p.Text(w.Span) == w.Text && strings.Trim(text, bareBytes) == "" {
		return p.Edit(w.Span, text), true
	}
	return p.Edit(w.Span, s.quoted(w, text)), true
}

// bareBytes mean themselves in a word of a shell that is an argument.
const bareBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,"

// add puts words behind a word.
func (s *startCommand) add(p *rule.Pass, i int, texts ...string) (edit.Edit, bool) {
	w := s.words[i]
	if w.fixed {
		return edit.Edit{}, false
	}
	var b strings.Builder
	for _, t := range texts {
		if w.inst.JSON {
			b.WriteString(",")
		}
		b.WriteString(" " + s.quoted(w, t))
	}
	return p.Insert(w.Span.End, b.String()), true
}

func (s *startCommand) quoted(w startWord, text string) string {
	if w.inst.JSON {
		array := shell.ExecForm([]string{text})
		return array[1 : len(array)-1]
	}
	return shell.Quote([]string{text})
}

// developmentStage reports whether the author says that the result is not what ships.
func developmentStage(p *rule.Pass) bool {
	for _, name := range []string{p.Final.Name, strings.ToLower(path.Base(p.DockerfilePath))} {
		for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '.' || r == '-' || r == '_' }) {
			if part == "dev" || part == "develop" || part == "development" || part == "test" || part == "debug" {
				return true
			}
		}
	}
	return false
}
