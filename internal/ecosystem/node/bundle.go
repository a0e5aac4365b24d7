package node

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// elsewhere are packages that download programs to the home directory when they are installed, with what they bring.
var elsewhere = map[string]string{"puppeteer": "Chrome", "cypress": "its browser", "playwright": "browsers", "@playwright/test": "browsers"}

// bundle decides what the runner gets: node_modules alone where the source runs as it is, or the
// whole working directory where something is built in it. What stands against it is told in a note about the bundle.
func (d *detection) bundle() {
	if d.facts.DevDependencies.Known() {
		if why, source := d.needsDev(); why != "" {
			d.note("dev-dependencies", why, source)
		}
	}
	if why, source := d.noBundle(); why != "" {
		d.note("bundle", why, source)
		return
	}
	if len(d.built.builds) > 0 {
		d.facts.Bundle = d.wholeDirectory()
		return
	}
	b := &ecosystem.Bundle{}
	for _, s := range d.built.installs {
		dir := path.Join(s.dir, "node_modules")
		if !slices.ContainsFunc(b.Carries, func(c ecosystem.Carry) bool { return c.From == dir }) {
			b.Carries = append(b.Carries, ecosystem.Carry{From: dir, To: dir, Why: "dependencies", Source: d.docker(s.Line, "installs them")})
		}
	}
	d.facts.Bundle = b
}

func (d *detection) noted(about string) bool {
	return slices.ContainsFunc(d.facts.Notes, func(n ecosystem.Note) bool { return n.About == about })
}

func (d *detection) noBundle() (string, ecosystem.Source) {
	switch {
	case !d.base.official:
		return "the base is not an official Node.js image, so that it is not known what else it brings", d.docker(d.base.line, "")
	case d.built.berry.File != "":
		return "yarn 2 and later may install without node_modules (Plug'n'Play), which is not understood: split by hand", d.built.berry
	case len(d.built.installs) == 0:
		return "no step installs what package.json lists", ecosystem.Source{}
	case d.state.Workdir == "/":
		return "the working directory is /, so that what was installed can't be told from the system: set WORKDIR", ecosystem.Source{}
	}
	for _, s := range d.built.installs {
		if s.dir != d.state.Workdir && !strings.HasPrefix(s.dir, d.state.Workdir+"/") {
			return "packages are installed in " + s.dir + ", outside the working directory " + d.state.Workdir, d.docker(s.Line, "")
		}
	}
	for _, e := range d.built.packages {
		if what := elsewhere[e.name]; what != "" {
			return e.name + " downloads " + what + " to the home directory, which a runner would not have: install it in the runner by hand", ecosystem.Source{File: e.file, Line: e.line}
		}
	}
	if why, source := d.startsGlobal(); why != "" {
		return why, source
	}
	for _, m := range d.facts.Manifests {
		if m.Value.Kind == "workspace" && len(d.built.builds) == 0 {
			return "a workspace may have packages in a node_modules of its own, so that what was installed is in more than one place: split by hand", m.Source
		}
	}
	if len(d.built.packages) == 0 && len(d.built.builds) == 0 {
		return "package.json lists no packages that are installed, so that there is nothing to carry", ecosystem.Source{}
	}
	return "", ecosystem.Source{}
}

// startsGlobal refuses a start command that needs what is installed outside the working directory.
func (d *detection) startsGlobal() (string, ecosystem.Source) {
	if len(d.start.Likely) == 0 {
		return "", ecosystem.Source{}
	}
	program := path.Base(d.start.Likely[0])
	brought := []string{"node", "npm", "npx", "yarn"}
	if len(d.built.global) > 0 && !slices.Contains(brought, program) {
		return "the command starts " + program + ", which npm install -g may have brought to a place that is not carried: add it to dependencies", d.docker(d.built.global[0].Line, "")
	}
	if program == "pnpm" {
		return "the command starts pnpm, which the runner would not have: start node itself", d.docker(d.start.Line, "")
	}
	return "", ecosystem.Source{}
}

// wholeDirectory carries the working directory as the build left it, with the files that are read at run time.
func (d *detection) wholeDirectory() *ecosystem.Bundle {
	b := &ecosystem.Bundle{Source: true, Carries: []ecosystem.Carry{{
		From: d.state.Workdir, To: d.state.Workdir,
		Why:    "the application as it was built, with the files that it reads when it runs",
		Source: d.facts.Builds[len(d.facts.Builds)-1].Source,
	}}}
	if d.facts.DevDependencies.Known() && !d.noted("dev-dependencies") {
		b.Finish = d.prune()
	}
	return b
}

// prune is the command that takes development dependencies out again. It runs no scripts:
// those of the project may need what it takes out.
func (d *detection) prune() string {
	if len(d.built.installs) != 1 || d.built.installs[0].dir != d.state.Workdir {
		return ""
	}
	switch d.built.installs[0].manager {
	case "npm":
		return "npm prune --omit=dev --ignore-scripts"
	case "yarn":
		frozen := ""
		if slices.ContainsFunc(d.facts.Manifests, func(m ecosystem.Fact[ecosystem.Manifest]) bool { return m.Value.Kind == "lock" }) {
			frozen = " --frozen-lockfile"
		}
		return "yarn install --production" + frozen + " --ignore-scripts --prefer-offline"
	}
	return "pnpm prune --prod --ignore-scripts"
}

// needsDev names a development dependency that the running application needs; empty when none is seen to be needed.
func (d *detection) needsDev() (string, ecosystem.Source) {
	if d.facts.Start.Value == nil || path.Base(d.facts.Start.Value[0]) != "node" {
		return d.startNeedsDev()
	}
	if d.pkg == nil {
		return "package.json was not found in the working directory", ecosystem.Source{}
	}
	for _, s := range d.src {
		for _, im := range s.imports() {
			name := packageOf(im.path)
			if _, production := d.pkg.get("dependencies", name); name == "" || production {
				continue
			}
			if e, dev := d.pkg.get("devDependencies", name); dev && !s.buildsOnly() {
				return name + " is a development dependency, and " + s.file + " loads it: they stay in the image; move it to dependencies (" + d.pkg.file + ":" + strconv.Itoa(e.line) + ")", s.at(im.line, "loads it")
			}
		}
	}
	for _, a := range d.facts.Start.Value[1:] { // node -r ts-node/register
		if _, dev := d.pkg.get("devDependencies", packageOf(a)); dev {
			return "the command needs " + packageOf(a) + ", a development dependency: move it to dependencies", d.facts.Start.Source
		}
	}
	return "", ecosystem.Source{}
}

// startNeedsDev is about a command that is not node's: it must be known and of "dependencies".
func (d *detection) startNeedsDev() (string, ecosystem.Source) {
	if d.facts.Start.Value == nil {
		return "what starts is not known, so that development dependencies stay", d.docker(d.start.Line, "")
	}
	program := path.Base(d.facts.Start.Value[0])
	if _, ok := d.pkg.get("dependencies", program); ok {
		return "", ecosystem.Source{}
	}
	if script, _, ok := scriptOf(d.facts.Start.Value); ok {
		if e, ok := d.pkg.get("scripts", script); ok {
			if argv, why := container.Plain(e.value); why == "" {
				if _, ok := d.pkg.get("dependencies", argv[0]); ok {
					return "", ecosystem.Source{}
				}
			}
			return "the script " + script + " (" + e.value + ") is not known to run with dependencies alone", d.pkg.at(e.line, "")
		}
	}
	return "the command starts " + program + ", which is not known to be among dependencies", d.docker(d.start.Line, "")
}

// buildsOnly reports whether a file is run by a build step, and so is no part of the running application.
func (s *source) buildsOnly() bool {
	d := s.d
	for _, b := range d.built.builds {
		for _, a := range b.Args {
			if b.Name == "node" && s.image != "" && container.Absolute(b.Dir, a.Text) == s.image {
				return true
			}
		}
		for _, e := range d.pkg.all("scripts") {
			if !slices.ContainsFunc(b.Args, func(a container.Word) bool { return a.Text == e.name }) {
				continue
			}
			for _, w := range strings.Fields(e.value) {
				if path.Clean(w) == s.file {
					return true
				}
			}
		}
	}
	return false
}
