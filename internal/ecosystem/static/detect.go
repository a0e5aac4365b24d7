// Package static finds the facts about sites that Node builds and that a small server of files, such as
// serve, hands out: the result needs no Node to run, and an unprivileged nginx gives the same answers. Where
// that can't be shown the application is left to the ecosystem of Node.
package static

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// Detector is this ecosystem's entry in the registry; it stands before Node's.
func Detector() ecosystem.Detector { return ecosystem.Detector{Name: "static", Detect: Detect} }

// detection is one run of Detect.
type detection struct {
	in     ecosystem.Input
	facts  *ecosystem.Facts
	state  dockerfile.State
	pkg    *manifest
	server server
	from   ecosystem.Source // what starts the server
}

// Detect finds the facts; it returns nil, nil when the application is no static site whose server nginx can stand for.
func Detect(input ecosystem.Input) (*ecosystem.Facts, error) {
	if input.Dockerfile == nil || input.Context == nil || len(input.Commands) > 0 { // nginx alone can't run those
		return nil, nil
	}
	if input.Final == nil {
		input.Final = input.Dockerfile.Final()
	}
	if input.Final == nil || len(container.Stages(input.Dockerfile, input.Final)) > 1 || !official(input) {
		return nil, nil
	}
	d := &detection{in: input, facts: &ecosystem.Facts{Ecosystem: "static"}, state: input.Dockerfile.EndState(input.Final)}
	files := container.FilesOf(input.Dockerfile, input.Final, input.Context)
	if name, ok := files.InContext(path.Join(d.state.Workdir, "package.json")); ok {
		d.pkg = readManifest(input.Context, name)
	}
	if d.pkg == nil || !d.served() || !d.built() {
		return nil, nil
	}
	d.manifests()
	d.facts.Framework = ecosystem.Fact[string]{Value: "static site", Source: d.from}
	d.facts.Port = ecosystem.Fact[int]{Value: d.server.port, Source: d.from}
	for _, path := range asked {
		d.facts.Routes = append(d.facts.Routes, ecosystem.Fact[ecosystem.Route]{Value: ecosystem.Route{Method: "GET", Path: path}, Source: d.from})
	}
	d.facts.Junk = junk()
	d.facts.Notes = append(d.facts.Notes, ecosystem.Note{About: "health", Text: "the builder has Node and the runner nginx, so that no probe is in both: add a HEALTHCHECK with curl -f to the runner"})
	d.bundle()
	return d.facts, nil
}

// asked are what every such server answers in its own way: the first page, its other names, and what is not there.
var asked = []string{"/", "/index.html", "/index", "/no/such/page", "/no-such-page.html", "/no/such/index"}

// official reports whether the stage stands on a repository named node.
func official(in ecosystem.Input) bool {
	stage := in.Final
	for stage.Parent != nil {
		stage = stage.Parent
	}
	name, _, _ := strings.Cut(in.Dockerfile.BaseOf(stage), "@")
	repo, _, _ := strings.Cut(path.Base(name), ":")
	return repo == "node"
}

// served finds the server that the command starts, looking through one script of package.json.
func (d *detection) served() bool {
	s := container.StartOf(d.in.Dockerfile, d.in.Final)
	if s.Argv == nil || d.state.Entrypoint != nil {
		return false
	}
	argv := s.Argv
	d.from = d.docker(s.Line, "the command serves files")
	if name := scriptOf(argv); name != "" {
		argv = d.pkg.script(name)
		d.from = d.pkg.at("scripts", name, "the script serves files")
	}
	port := ""
	if v, ok := d.state.EnvVar("PORT"); ok {
		port = v.Value
	}
	var ok bool
	d.server, ok = readServer(argv, port)
	if !ok || d.server.port < 1024 || path.IsAbs(d.server.dir) || d.settings() {
		return false
	}
	d.facts.Start = ecosystem.Fact[[]string]{Value: argv, Source: d.from}
	return true
}

// settings reports whether the server reads settings of its own, which are not looked into.
func (d *detection) settings() bool {
	if strings.Contains(string(d.pkg.text), `"static"`) || strings.Contains(string(d.pkg.text), `"now"`) {
		return true
	}
	found := false
	// What can't be walked holds no settings that the image would have.
	_ = fs.WalkDir(d.in.Context, ".", func(_ string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case e.IsDir() && e.Name() == "node_modules":
			return fs.SkipDir
		case e.Name() == "serve.json" || e.Name() == "now.json" || e.Name() == "vercel.json":
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// scriptOf is the script that npm start, npm run NAME and the like name; "" for other commands.
func scriptOf(argv []string) string {
	if !slices.Contains([]string{"npm", "yarn", "pnpm"}, path.Base(argv[0])) {
		return ""
	}
	switch {
	case len(argv) == 2 && argv[1] != "run":
		return argv[1]
	case len(argv) == 3 && argv[1] == "run":
		return argv[2]
	}
	return ""
}

// builders are programs that build sites, where they are called by name.
var builders = []string{"npx", "node", "vite", "ng", "webpack", "parcel", "rollup", "esbuild", "gulp", "astro", "eleventy", "hexo", "gatsby", "tsc"}

// built lists the steps that build; a site without one is left to Node, and so is one whose folder is
// the whole project.
func (d *detection) built() bool {
	for _, inst := range d.in.Final.Instructions {
		if inst.Keyword != "RUN" {
			continue
		}
		for _, c := range container.Commands(d.in.Dockerfile, inst) {
			if c.Dir == d.state.Workdir && builds(c) {
				text := c.Name
				for _, a := range c.Args {
					text += " " + a.Text
				}
				d.facts.Builds = append(d.facts.Builds, ecosystem.Fact[string]{Value: text, Source: d.docker(c.Line, "builds the site")})
			}
		}
	}
	dir := path.Clean(d.server.dir)
	return len(d.facts.Builds) > 0 && dir != "." && !strings.HasPrefix(dir, "..") && d.state.Workdir != "/"
}

func builds(c container.Command) bool {
	if slices.Contains(builders, c.Name) {
		return true
	}
	if len(c.Args) == 0 || !slices.Contains([]string{"npm", "yarn", "pnpm"}, c.Name) {
		return false
	}
	verb := c.Args[0].Text
	return verb == "run" || verb == "run-script" || c.Name != "npm" && strings.HasPrefix(verb, "build")
}

// docker is the proof that a line of the Dockerfile gives.
func (d *detection) docker(line int, note string) ecosystem.Source {
	name := d.in.Dockerfile.Name
	if name == "" {
		name = "Dockerfile"
	}
	return ecosystem.Source{File: name, Line: line, Note: note}
}

// runner is nginx as a user of its own; its configuration is the one file that it lacks.
const runner = "nginxinc/nginx-unprivileged:stable"

// bundle carries the folder that is served.
func (d *detection) bundle() {
	last := d.facts.Builds[len(d.facts.Builds)-1].Source
	d.facts.Bundle = &ecosystem.Bundle{
		Source:  true,
		Carries: []ecosystem.Carry{{From: container.Absolute(d.state.Workdir, d.server.dir), To: root, Why: "the site", Source: last}},
		Runner: &ecosystem.Runner{
			Base: runner, User: "101", Shell: true,
			Files: []ecosystem.RunnerFile{{Path: "/etc/nginx/conf.d/default.conf", Text: d.server.config()}},
			Start: []string{"nginx", "-g", "daemon off;"},
			Why:   "the site is files, and nginx answers for them as " + d.server.name + " does, on the same port",
		},
	}
}

// junk is what Node's tools leave behind; what is built is not among it, because the author may copy it.
func junk() []ecosystem.Junk {
	return []ecosystem.Junk{
		{Pattern: "**/node_modules", What: "installed packages, which the image installs itself"},
		{Pattern: "**/npm-debug.log*", What: "npm's logs"},
		{Pattern: "**/yarn-error.log", What: "yarn's logs"},
		{Pattern: "**/.parcel-cache", What: "Parcel's cache"},
	}
}
