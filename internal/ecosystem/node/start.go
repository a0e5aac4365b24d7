package node

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// started is the start command; one of a package manager is followed to what its script runs.
func (d *detection) started() {
	if d.start.Argv == nil {
		d.note("start", d.start.Reason, d.docker(d.start.Line, ""))
		return
	}
	argv, source := d.start.Argv, d.docker(d.start.Line, "the command")
	if script, more, ok := scriptOf(argv); ok {
		direct, at, why := d.resolve(script, more)
		if why != "" {
			d.note("start", "what "+strings.Join(argv, " ")+" runs is not known to be one process: "+why, at)
		} else {
			argv, source = append(direct, more...), at
			d.signals(at)
		}
	}
	if strings.HasSuffix(argv[0], ".sh") {
		d.note("start", "the command is a shell script, which is not looked into", d.docker(d.start.Line, ""))
	}
	d.facts.Start = ecosystem.Fact[[]string]{Value: argv, Source: source}
}

// scriptOf recognises npm start, npm run NAME, yarn NAME and pnpm NAME, with the arguments that the script gets.
func scriptOf(argv []string) (script string, args []string, ok bool) {
	manager := managerOf(path.Base(argv[0]))
	if manager == "" {
		return "", nil, false
	}
	words := slices.DeleteFunc(slices.Clone(argv[1:]), func(w string) bool { return w == "--silent" || w == "-s" })
	if len(words) > 0 && (words[0] == "run" || words[0] == "run-script") {
		words = words[1:]
	} else if manager == "npm" && (len(words) == 0 || words[0] != "start") {
		return "", nil, false
	}
	if len(words) == 0 || strings.HasPrefix(words[0], "-") {
		return "", nil, false
	}
	args = words[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	return words[0], args, true
}

// resolve follows a script of package.json to the command that it runs; why says what stands against that.
func (d *detection) resolve(script string, more []string) (argv []string, at ecosystem.Source, why string) {
	if d.pkg == nil || !d.here {
		return nil, at, "no package.json is copied to the working directory " + d.state.Workdir
	}
	for _, hook := range []string{"pre" + script, "post" + script} {
		if e, ok := d.pkg.get("scripts", hook); ok {
			return nil, d.pkg.at(e.line, "runs besides it"), "the script " + hook + " runs besides it (" + e.value + ")"
		}
	}
	e, ok := d.pkg.get("scripts", script)
	if !ok {
		if script == "start" && exists(d.in.Context, path.Join(path.Dir(d.pkg.file), "server.js")) {
			return []string{"node", "server.js"}, d.pkg.at(0, "no start script: npm runs server.js"), ""
		}
		return nil, d.pkg.at(0, ""), "package.json has no script of that name"
	}
	at = d.pkg.at(e.line, "the script "+script)
	if name := d.readsNpm(); name.Known() {
		return nil, name.Source, "the source reads " + name.Value + ", which only a package manager sets"
	}
	argv, why = container.Plain(e.value)
	if why != "" {
		return nil, at, why + " (" + e.value + ")"
	}
	if argv[0] == "node" {
		return argv, at, ""
	}
	if inner, more, ok := scriptOf(argv); ok && inner != script {
		if next, ok := d.pkg.get("scripts", inner); ok {
			if direct, why := container.Plain(next.value); why == "" && direct[0] == "node" && !d.hasScript("pre"+inner) && !d.hasScript("post"+inner) {
				return append(direct, more...), d.pkg.at(next.line, "the script "+inner), ""
			}
		}
	}
	if managerOf(argv[0]) == "" && argv[0] != "npx" {
		d.facts.Script = ecosystem.Fact[[]string]{Value: append(argv, more...), Source: at}
	}
	return nil, at, "it starts " + argv[0] + ", which only the manager's search path finds"
}

// readsNpm is a variable of a package manager that the source reads.
func (d *detection) readsNpm() ecosystem.Fact[string] {
	for _, f := range d.envReads() {
		if strings.HasPrefix(f.Value, "npm_") {
			return f
		}
	}
	return ecosystem.Fact[string]{}
}

// signals notes when nothing handles SIGTERM: Linux leaves process 1 alone with signals that it does
// not handle, so that an application which ends as the child of a manager would not do so in its place.
func (d *detection) signals(at ecosystem.Source) {
	for _, s := range d.src {
		for i, t := range s.toks {
			handler := t.kind == text && t.text == "SIGTERM" && s.tok(i-1).is("(") && slices.Contains([]string{"on", "once", "addListener"}, s.tok(i-2).text)
			if handler || t.is("enableShutdownHooks") {
				return
			}
		}
		if s.loads("http-graceful-shutdown", "close-with-grace", "@godaddy/terminus", "stoppable", "signal-exit") {
			return
		}
	}
	d.note("signals", "node as process 1 leaves SIGTERM aside where the program does not handle it, and no process.on('SIGTERM', …) is in the source: add one that closes the server", at)
}
