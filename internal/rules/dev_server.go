package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var devServer = &rule.Rule{
	ID:       "runtime/dev-server",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "The image starts a server that is made for development.",
		What:    "The start command is a development server, watches files to restart, or the final stage's ENV switches debugging on. A final stage or Dockerfile called dev, test or debug is left alone.",
		Why:     "Development servers handle one request at a time or compile at each start, show stack traces (some with a console) to whoever asks, and need tools that production does not. A watcher is a second process that takes memory and gets the signals.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--reload"]
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
CMD ["uvicorn", "main:app", "--host", "0.0.0.0"]
`,
		Fix:   "Takes the flag or the watcher away where the command is the same without it, and a debug variable that no build step reads. Where another server has to be chosen it only tells which.",
		Proof: "The application starts and answers as before.",
		Links: []string{
			"https://flask.palletsprojects.com/en/stable/deploying/", "https://docs.djangoproject.com/en/stable/ref/django-admin/#runserver",
			"https://www.uvicorn.org/deployment/", "https://nextjs.org/docs/app/api-reference/cli/next",
		},
	},
	Check: checkDevServer,
}

// devCommand is a command for development: the program, and the words that its arguments begin with.
type devCommand struct {
	words   []string
	instead string
	// bare says that the words are the whole command but for flags.
	bare bool
}

// devCommands are those that the tools' own documentation calls development servers.
var devCommands = []devCommand{
	{words: []string{"flask", "run"}, instead: "start a WSGI server, as gunicorn -b 0.0.0.0:8000 app:app"},
	{words: []string{"django-admin", "runserver"}, instead: "start a WSGI server, as gunicorn PROJECT.wsgi"},
	{words: []string{"next", "dev"}, instead: "build with next build, and start with next start"},
	{words: []string{"next"}, bare: true, instead: "build with next build, and start with next start"},
	{words: []string{"nuxt", "dev"}, instead: "build with nuxt build, and start .output/server/index.mjs"},
	{words: []string{"vite"}, bare: true, instead: "build with vite build, and serve dist/ with a web server"},
	{words: []string{"vite", "dev"}, instead: "build with vite build, and serve dist/ with a web server"},
	{words: []string{"vite", "serve"}, instead: "build with vite build, and serve dist/ with a web server"},
	{words: []string{"astro", "dev"}, instead: "build with astro build, and serve dist/ with a web server"},
	{words: []string{"gatsby", "develop"}, instead: "build with gatsby build, and serve public/ with a web server"},
	{words: []string{"ng", "serve"}, instead: "build with ng build, and serve dist/ with a web server"},
	{words: []string{"react-scripts", "start"}, instead: "build with react-scripts build, and serve build/ with a web server"},
	{words: []string{"vue-cli-service", "serve"}, instead: "build with vue-cli-service build, and serve dist/ with a web server"},
	{words: []string{"webpack", "serve"}, instead: "build with webpack, and serve its output with a web server"},
	{words: []string{"webpack-dev-server"}, instead: "build with webpack, and serve its output with a web server"},
	{words: []string{"nest", "start"}, instead: "build with nest build, and start node dist/main"},
	{words: []string{"nodemon"}, instead: "start node itself"},
	{words: []string{"supervisor"}, bare: true, instead: "start node itself"},
	{words: []string{"ts-node-dev"}, instead: "compile with tsc, and start node on the result"},
	{words: []string{"ts-node"}, instead: "compile with tsc, and start node on the result"},
	{words: []string{"tsx", "watch"}, instead: "compile with tsc, and start node on the result"},
	{words: []string{"php", "artisan", "serve"}, instead: "start php-fpm behind a web server"},
	{words: []string{"php", "-S"}, instead: "start php-fpm behind a web server"},
	{words: []string{"hugo", "server"}, instead: "build with hugo, and serve public/ with a web server"},
	{words: []string{"jekyll", "serve"}, instead: "build with jekyll build, and serve _site/ with a web server"},
	{words: []string{"mkdocs", "serve"}, instead: "build with mkdocs build, and serve site/ with a web server"},
	{words: []string{"dotnet", "watch"}, instead: "publish with dotnet publish, and start the result"},
	{words: []string{"cargo", "watch"}, instead: "build with cargo build --release, and start the result"},
	{words: []string{"go", "run"}, instead: "build with go build, and start the result"},
}

// scriptNames are the names that projects give to their development scripts.
var scriptNames = []string{"dev", "start:dev", "develop", "start:debug", "watch", "serve:dev", "run:dev", "start-dev"}

func checkDevServer(p *rule.Pass) error {
	if developmentStage(p) {
		return nil
	}
	if start := readStartCommand(p); start != nil {
		checkDevCommand(p, start)
	}
	checkDebugVariables(p)
	return nil
}

func checkDevCommand(p *rule.Pass, s *startCommand) {
	inst := s.words[s.program].inst
	report := func(message string, fix *finding.Fix, refused string) {
		p.Report(finding.Finding{Span: inst.Span, Message: message, Fix: fix, Refused: refused})
	}
	if i := reloadFlag(s); i >= 0 {
		fix, refused := dropReload(p, s, i)
		report(fmt.Sprintf("%s %s watches the source and starts the application again in a second process: leave the flag out", s.name(), s.words[i].Text), fix, refused)
	}
	if what, instead := devCommandOf(s); what != "" {
		fix, refused := devReplacement(p, s, instead)
		report(fmt.Sprintf("%s is made for development: %s", what, instead), fix, refused)
	}
}

// devCommandOf names the development command that is started, and what stands for it in production.
func devCommandOf(s *startCommand) (what, instead string) {
	texts := s.texts()
	switch name := texts[0]; {
	case slices.Contains([]string{"npm", "yarn", "pnpm", "bun"}, name):
		rest := slices.DeleteFunc(slices.Clone(texts[1:]), func(t string) bool { return strings.HasPrefix(t, "-") || t == "run" || t == "run-script" })
		if len(rest) > 0 && slices.Contains(scriptNames, rest[0]) {
			return name + " run " + rest[0], "build the application in the image, and start the result with node"
		}
		return "", ""
	case name == "fastapi" && wordAt(s.args(), 0) == "dev":
		return "fastapi dev", "use fastapi run"
	case isPython(name) && strings.HasSuffix(wordAt(s.args(), 0), "manage.py") && wordAt(s.args(), 1) == "runserver",
		name == "manage.py" && wordAt(s.args(), 0) == "runserver":
		return "manage.py runserver", "start a WSGI server, as gunicorn PROJECT.wsgi"
	case name == "nest" && s.find("--watch", "-w", "--debug") < 0:
		return "", "" // compiles, and does not watch
	}
	for _, c := range devCommands {
		if len(texts) < len(c.words) || !slices.Equal(texts[:len(c.words)], c.words) {
			continue
		}
		if c.bare && slices.ContainsFunc(texts[1:], func(t string) bool { return !strings.HasPrefix(t, "-") && !numeric(t) && t != "0.0.0.0" }) {
			continue
		}
		return strings.Join(c.words, " "), c.instead
	}
	return "", ""
}

func numeric(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// devReplacement is the edit where one word makes the difference.
func devReplacement(p *rule.Pass, s *startCommand, instead string) (*finding.Fix, string) {
	fix := &finding.Fix{Safety: finding.Unsafe, Why: "the production command may want what the watcher set up; the proof starts the container and compares its answers"}
	var e edit.Edit
	var ok bool
	switch {
	case s.name() == "fastapi":
		fix.Title = "Start with fastapi run"
		e, ok = s.replace(p, s.program+1, "run")
	case s.name() == "nodemon" && len(s.args()) == 1 && isScript(s.args()[0].Text):
		fix.Title = "Start node without nodemon"
		e, ok = s.replace(p, s.program, "node")
		ok = ok && s.words[0].Text != "npx" && s.words[s.program].Text == "nodemon"
	}
	if !ok {
		return nil, "which server replaces it is the author's choice: " + instead
	}
	fix.Edits = []edit.Edit{e}
	return fix, ""
}

func isScript(name string) bool {
	return strings.HasSuffix(name, ".js") || strings.HasSuffix(name, ".mjs") || strings.HasSuffix(name, ".cjs")
}

// reloaders are programs that have a flag to watch the source.
var reloaders = map[string][]string{
	"uvicorn": {"--reload"}, "gunicorn": {"--reload"}, "hypercorn": {"--reload"}, "granian": {"--reload"}, "fastapi": {"--reload"},
	"flask": {"--reload", "--debug"}, "sanic": {"--dev", "--auto-reload"}, "node": {"--watch"}, "litestar": {"--reload"}, "watchmedo": nil,
}

// reloadFlag is the index of the flag that watches; -1 without one. Behind the
// script, arguments are the application's own.
func reloadFlag(s *startCommand) int {
	i := s.find(reloaders[s.name()]...)
	if i < 0 || s.name() != "node" {
		return i
	}
	for _, w := range s.words[s.program+1 : i] {
		if !strings.HasPrefix(w.Text, "-") {
			return -1
		}
	}
	return i
}

func dropReload(p *rule.Pass, s *startCommand, i int) (*finding.Fix, string) {
	e, ok := s.drop(p, i)
	if !ok {
		return nil, fmt.Sprintf("%s stands where it can't be taken out by itself: take it out by hand", s.words[i].Text)
	}
	return &finding.Fix{
		Title:  "Leave " + s.words[i].Text + " out",
		Safety: finding.Unsafe,
		Why:    "without the watcher the application is one process, started once; the proof starts it and compares its answers",
		Edits:  []edit.Edit{e},
	}, ""
}

// debugVariable is a variable that switches debugging on with one of its values.
type debugVariable struct {
	values []string
	effect string
	// build says that tools of the build read it too.
	build bool
}

var debugVariables = map[string]debugVariable{
	"FLASK_DEBUG":            {values: []string{"1", "true", "True", "on"}, effect: "Flask shows stack traces, and a console in which visitors run code"},
	"FLASK_ENV":              {values: []string{"development"}, effect: "Flask shows stack traces, and a console in which visitors run code"},
	"DJANGO_DEBUG":           {values: []string{"1", "true", "True"}, effect: "Django shows settings and stack traces to visitors"},
	"DEBUG":                  {values: []string{"1", "true", "True"}, effect: "many frameworks show stack traces and settings to visitors"},
	"APP_DEBUG":              {values: []string{"1", "true", "True"}, effect: "Laravel and Symfony show stack traces and settings to visitors"},
	"NODE_ENV":               {values: []string{"development", "dev"}, effect: "libraries skip their caches and show stack traces", build: true},
	"RAILS_ENV":              {values: []string{"development"}, effect: "Rails reloads its code and shows stack traces", build: true},
	"RACK_ENV":               {values: []string{"development"}, effect: "Rack shows stack traces", build: true},
	"ASPNETCORE_ENVIRONMENT": {values: []string{"Development"}, effect: "ASP.NET Core shows stack traces to visitors"},
}

func checkDebugVariables(p *rule.Pass) {
	state := p.File.EndState(p.Final)
	for _, v := range state.Env {
		known, ok := debugVariables[v.Name]
		if !ok || !slices.Contains(known.values, v.Value) || v.By.Keyword != "ENV" || v.By.Stage != p.Final {
			continue
		}
		f := finding.Finding{
			Span:    v.Pair.Span,
			Message: fmt.Sprintf("%s=%s ships: %s; set it where the image is used for development", v.Name, v.Value, known.effect),
		}
		f.Fix, f.Refused = dropVariable(p, v, known)
		p.Report(f)
	}
}

func dropVariable(p *rule.Pass, v dockerfile.Var, known debugVariable) (*finding.Fix, string) {
	if known.build {
		return nil, fmt.Sprintf("package managers and build tools read %s too: set it to production once no build step needs its development dependencies", v.Name)
	}
	if reason := readBelow(p, v.By, v.Name); reason != "" {
		line, _, _ := strings.Cut(reason, ":")
		return nil, line + ": set it there alone"
	}
	return &finding.Fix{
		Title:  fmt.Sprintf("Leave %s to development", v.Name),
		Safety: finding.Unsafe,
		Why:    "the application may behave otherwise without it; the proof compares its answers",
		Edits:  cutPairs(p, v.By, []dockerfile.Pair{v.Pair}),
	}, ""
}
