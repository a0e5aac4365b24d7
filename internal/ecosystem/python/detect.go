// Package python finds the facts about Python applications that pip installs:
// from the Dockerfile, the manifests and the source. Each fact carries the
// file and line that proves it; what can't be shown stays unknown, with a note.
package python

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// Detector is this ecosystem's entry in the registry.
func Detector() ecosystem.Detector { return ecosystem.Detector{Name: "python", Detect: Detect} }

// detection is one run of Detect.
type detection struct {
	portHidden bool // a port is given in a way that can't be read
	*resolver
	in     ecosystem.Input
	facts  *ecosystem.Facts
	base   base
	state  dockerfile.State
	launch launch
	deps   []dependency

	routing     *routing
	served      *served
	entryModule *module
	entryName   string
}

// Detect finds the facts; it returns nil, nil when the application is not Python.
func Detect(input ecosystem.Input) (*ecosystem.Facts, error) {
	if input.Dockerfile != nil && input.Final == nil {
		input.Final = input.Dockerfile.Final()
	}
	d := &detection{in: input, facts: &ecosystem.Facts{Ecosystem: "python"}}
	d.base = baseOf(input.Dockerfile, input.Final)
	d.launch = launchOf(container.StartOf(input.Dockerfile, input.Final))
	d.resolver = &resolver{env: map[string]string{}, workdir: "/"}
	d.readState()
	in := d.installs()
	if !d.base.official && !d.launch.python && !in.pip {
		return nil, nil
	}
	d.version()
	d.deps = in.deps
	if len(d.deps) == 0 && input.Context != nil {
		d.deps = guessed(input.Context)
	}
	d.start()
	d.facts.Native = natives(d.deps, d.facts.Version.Value)
	d.facts.RunEnv, d.facts.Junk = runEnv(), junk()
	d.facts.Bundle = d.bundle(in)
	d.source()
	d.facts.HealthProbe = probe(d.interpreter(), d.facts.Port.Value, d.portVariable())
	return d.facts, nil
}

// interpreter is the name of Python that is sure to exist.
func (d *detection) interpreter() string {
	if d.base.official {
		return "python"
	}
	return "python3"
}

// readState takes over what the final image sets.
func (d *detection) readState() {
	if d.in.Final == nil {
		return
	}
	d.state = d.in.Dockerfile.EndState(d.in.Final)
	d.workdir = d.state.Workdir
	for _, v := range d.state.Env {
		if !strings.Contains(v.Value, "$") {
			d.env[v.Name] = v.Value
		}
	}
}

// docker is the proof that a line of the Dockerfile gives.
func (d *detection) docker(line int, note string) ecosystem.Source {
	name := "Dockerfile"
	if d.in.Dockerfile != nil && d.in.Dockerfile.Name != "" {
		name = d.in.Dockerfile.Name
	}
	return ecosystem.Source{File: name, Line: line, Note: note}
}

func (d *detection) note(about, text string, source ecosystem.Source) {
	d.facts.Remark(about, text, source)
}

func (d *detection) start() {
	s := d.launch.Start
	if s.Argv == nil {
		d.note("start", s.Reason, d.docker(s.Line, ""))
		return
	}
	if strings.HasSuffix(s.Argv[0], ".sh") {
		d.note("start", "the command is a shell script, which is not looked into", d.docker(s.Line, ""))
	}
	d.facts.Start = ecosystem.Fact[[]string]{Value: s.Argv, Source: d.docker(s.Line, "the command")}
}

// source reads the application's own files, and all facts that rest on them.
func (d *detection) source() {
	d.load()
	d.routing = findRouting(d.resolver)
	d.entryModule, d.entryName = d.entry()
	if d.launch.script != "" || d.launch.server == "" {
		d.findServed()
	}
	app := d.application()
	d.facts.Framework, d.facts.Server = d.framework(app), d.server()
	d.facts.Port = d.port()
	d.routes(app)
	d.facts.OpenAPI = d.openAPI(app)
	w := findWrites(d.resolver, d.deps)
	d.facts.Writes = w.found
	for _, at := range w.unclear {
		d.note("writes", "a path that is only known when the program runs: "+at.Note, at)
	}
	d.facts.EnvRead = envReads(d.resolver)
	d.programs()
	d.facts.Imports = d.sources.importedPackages()
	d.needsDev()
	for _, n := range d.sources.notes {
		d.note(n.About, n.Text, n.Source)
	}
}

// load parses the files that are copied into the final image; when none is
// found there, all of the context, as if it lay in the working directory.
func (d *detection) load() {
	d.sources = &sources{byImage: map[string]*module{}}
	if d.in.Context == nil {
		return
	}
	if d.in.Final != nil {
		files := container.FilesOf(d.in.Dockerfile, d.in.Final, d.in.Context)
		d.sources = loadSources(d.in.Context, files.InImage)
	}
	if len(d.sources.list) == 0 {
		d.sources = loadSources(d.in.Context, func(name string) string { return path.Join(d.workdir, name) })
		if len(d.sources.list) > 0 && d.in.Final != nil {
			d.note("scan", "no Python file of the context is copied into the final image as it is, so all of them were read", ecosystem.Source{})
		}
	}
	d.sources.roots = d.importRoots()
}

// importRoots are the directories that Python imports from.
func (d *detection) importRoots() []string {
	var roots []string
	add := func(dir string) {
		if dir = join(d.workdir, dir); !slices.Contains(roots, dir) {
			roots = append(roots, dir)
		}
	}
	if d.launch.script != "" {
		add(path.Dir(d.launch.script))
	}
	if dir, ok := option(d.launch.args, "--app-dir", "--chdir", "--pythonpath"); ok {
		add(dir)
	}
	for _, dir := range strings.Split(d.env["PYTHONPATH"], ":") {
		if dir != "" {
			add(dir)
		}
	}
	add(".")
	add("src")
	return roots
}

// findServed looks for the call that serves: in the started module and in what it imports, or in all modules where it is not known
// which one is started. What no import leads to does not run.
func (d *detection) findServed() {
	if d.launch.script == "" && d.launch.module == "" && d.entryModule == nil {
		return
	}
	modules := d.sources.list
	if d.entryModule != nil {
		modules = d.sources.importedFrom(d.entryModule)
	}
	for _, m := range modules {
		if d.served = findRun(d.routing, m); d.served != nil {
			return
		}
	}
}

// forDevelopers are folders of scripts that developers run.
var forDevelopers = []string{"scripts", "tools", "ci", "dev", "devtools", "hack", "benchmarks", "examples"}

// programs finds what the source starts. What is not known of a script for developers counts where something that is started imports it.
func (d *detection) programs() {
	started := findPrograms(d.resolver)
	d.facts.Programs = started.found.list
	runs := map[string]bool{}
	if d.entryModule != nil {
		for _, m := range d.sources.importedFrom(d.entryModule) {
			runs[m.path] = true
		}
	}
	for _, at := range started.unclear {
		dir, _, inside := strings.Cut(at.File, "/")
		if inside && d.entryModule != nil && slices.Contains(forDevelopers, dir) && !runs[at.File] {
			continue
		}
		d.note("programs", "starts a program whose name is only known when it runs", at)
	}
}

func (d *detection) routes(app *object) {
	if d.facts.Framework.Value == "django" {
		d.facts.Routes = djangoRoutes(d.resolver)
	} else {
		d.facts.Routes = d.routing.routes(app)
	}
	if d.routing.loose > 0 {
		d.note("routes", "routers that were not seen to be mounted are left out", ecosystem.Source{})
	}
	d.facts.Health = container.Health(d.facts.Routes)
}
