package node

import (
	"cmp"
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
	if call, ok := scriptOf(argv); ok {
		r := d.resolve(call, d.home(), 0)
		if r.why != "" {
			d.note("start", "what "+strings.Join(argv, " ")+" runs is not known to be one process: "+r.why, r.at)
		} else {
			argv, source = r.argv, r.at
			d.startsIn(r.dir)
			d.signals(r.at)
		}
	}
	if strings.HasSuffix(argv[0], ".sh") {
		d.note("start", "the command is a shell script, which is not looked into", d.docker(d.start.Line, ""))
	}
	d.facts.Start = ecosystem.Fact[[]string]{Value: argv, Source: source}
}

// home is the package.json of the working directory; without one where none is copied there.
func (d *detection) home() place {
	if !d.here {
		return place{dir: d.state.Workdir}
	}
	return place{d.pkg, d.state.Workdir}
}

func (d *detection) startsIn(dir string) {
	if dir != d.state.Workdir {
		d.facts.StartDir = dir
	}
}

// startDir is where the application starts.
func (d *detection) startDir() string { return cmp.Or(d.facts.StartDir, d.state.Workdir) }

// resolved is the one process that a script comes down to, or why that is not known.
type resolved struct {
	argv []string
	dir  string // where it runs, absolute in the image: managers run a script in its own package
	at   ecosystem.Source
	why  string
}

// maxCalls bounds the scripts that call each other.
const maxCalls = 3

// resolve follows a script of package.json to the command that it runs.
func (d *detection) resolve(c scriptCall, in place, depth int) resolved {
	in, why, at := d.scriptPlace(c, in)
	if why != "" {
		return resolved{at: at, why: why}
	}
	e, ok := in.pkg.get("scripts", c.script)
	if !ok {
		if c.script == "start" && exists(d.in.Context, path.Join(path.Dir(in.pkg.file), "server.js")) {
			return resolved{argv: append([]string{"node", "server.js"}, c.args...), dir: in.dir, at: in.pkg.at(0, "no start script: npm runs server.js")}
		}
		if !c.run && c.manager != "npm" {
			return resolved{at: in.pkg.at(0, ""), why: in.pkg.file + " has no script " + c.script + ", and what else " + c.String() + " does is not followed"}
		}
		return resolved{at: in.pkg.at(0, ""), why: in.pkg.file + " has no script of that name"}
	}
	at = in.pkg.at(e.line, "the script "+c.script)
	if name := d.readsNpm(); name.Known() {
		return resolved{at: name.Source, why: "the source reads " + name.Value + ", which only a package manager sets"}
	}
	argv, why := container.Plain(e.value)
	if why != "" {
		return resolved{at: at, why: why + " (" + e.value + ")"}
	}
	argv = append(argv, c.args...)
	if argv[0] == "node" {
		return resolved{argv: argv, dir: in.dir, at: at}
	}
	if inner, ok := scriptOf(argv); ok && depth < maxCalls {
		return d.resolve(inner, in, depth+1)
	}
	if name, starts := starter(argv); starts {
		return resolved{at: at, why: "it calls " + name + ", and what that starts is not followed (" + e.value + ")"}
	}
	d.facts.Script = ecosystem.Fact[[]string]{Value: argv, Source: at}
	d.startsIn(in.dir)
	return resolved{at: at, why: "it starts " + argv[0] + ", which only the manager's search path finds"}
}

// starter names a program that finds others among the packages and starts them: a package manager, or npx.
func starter(argv []string) (name string, ok bool) {
	name = path.Base(argv[0])
	return name, managerOf(name) != "" || name == "npx"
}

// scriptPlace is the package whose script a call means; why says what stands against following it there.
func (d *detection) scriptPlace(c scriptCall, in place) (at place, why string, source ecosystem.Source) {
	switch {
	case c.many:
		return in, "it may run a script in several workspaces: name the one that starts", d.docker(d.start.Line, "")
	case c.option != "":
		return in, c.option + " is an option of " + c.manager + " that is not known: leave it out", d.docker(d.start.Line, "")
	case c.place != "" && d.files != nil:
		if in = d.workspace(c.place, in.dir); in.pkg == nil {
			return in, "no package.json of a workspace " + c.place + " is installed and lies in the image", d.docker(d.start.Line, "")
		}
	case in.pkg == nil && d.here:
		return in, "package.json can't be read as JSON", source
	case in.pkg == nil:
		return in, "no package.json is copied to the working directory " + in.dir, source
	}
	if d.built.berry.plugged() {
		return in, "yarn's Plug'n'Play gives node a loader", d.built.berry.source
	}
	for _, hook := range []string{"pre" + c.script, "post" + c.script} {
		if e, ok := in.pkg.get("scripts", hook); ok {
			return in, "the script " + hook + " runs besides it (" + e.value + ")", in.pkg.at(e.line, "runs besides it")
		}
	}
	return in, "", source
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

// inits are programs that start another as their child and hand signals on, with those of their options that have a value
// in the next word.
var inits = map[string][]string{"tini": {"-p", "-e"}, "tini-static": {"-p", "-e"}, "docker-init": {"-p", "-e"}, "dumb-init": {"-r", "--rewrite"}, "catatonit": nil}

// withoutInit is a command without the init process in front of it.
func withoutInit(argv []string) []string {
	valued, ok := inits[path.Base(argv[0])]
	for i := 1; ok && i < len(argv); i++ {
		switch {
		case slices.Contains(valued, argv[i]):
			i++
		case argv[i] == "--" && i+1 < len(argv):
			return argv[i+1:]
		case !strings.HasPrefix(argv[i], "-"):
			return argv[i:]
		}
	}
	return argv
}

// programs are those that packages of other names bring.
var programs = map[string]string{
	"fastify": "fastify-cli", "functions-framework": "@google-cloud/functions-framework", "moleculer-runner": "moleculer", "nest": "@nestjs/cli", "ng": "@angular/cli",
	"nuxi": "nuxt", "pm2-docker": "pm2", "pm2-runtime": "pm2", "react-router-serve": "@react-router/serve", "remix-serve": "@remix-run/serve", "rw-server": "@redwoodjs/api-server",
	"sequelize": "sequelize-cli", "strapi": "@strapi/strapi", "tsc": "typescript", "vue-cli-service": "@vue/cli-service",
}

// packagesOf are the packages that may bring a program: the one of its name, and the one that is known to.
func packagesOf(program string) []string {
	if other := programs[program]; other != "" {
		return []string{program, other}
	}
	return []string{program}
}
