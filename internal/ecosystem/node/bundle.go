package node

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// elsewhere are packages that download programs to the home directory when they are installed, with what they bring.
var elsewhere = map[string]string{"puppeteer": "Chrome", "cypress": "its browser", "playwright": "browsers", "@playwright/test": "browsers"}

// bundle decides what the runner gets: node_modules alone where the source runs as it is, or the
// whole working directory where something is built in it. What stands against it is told in a note about the bundle.
func (d *detection) bundle() {
	for _, s := range d.built.global {
		if names := d.mayRun(s); len(names) > 0 {
			d.facts.Global = append(d.facts.Global, ecosystem.Fact[string]{Value: strings.Join(names, ", "), Source: d.docker(s.Line, "installs for all of the image")})
		}
	}
	next := d.nextBundle()
	if d.facts.DevDependencies.Known() && next == nil {
		if why, source := d.needsDev(); why != "" {
			d.note("dev-dependencies", why, source)
		} else if e := d.built.gitHooks; e != nil && len(d.built.builds) == 0 {
			d.note("dev-dependencies", "the script "+e.name+" runs with the install and calls what is one of them ("+e.value+"): write "+e.value+" || true", ecosystem.Source{File: e.file, Line: e.line})
		} else if d.built.berry.source.File != "" && len(d.built.builds) == 0 {
			d.note("dev-dependencies", "yarn 2 and later have no option of install that leaves them out: "+d.built.berry.focusing(), d.built.berry.source)
		}
	}
	if d.built.berry.plugged() {
		d.facts.RunsFromCache = ecosystem.Fact[string]{Value: "yarn", Source: d.built.berry.source}
	}
	if why, source := d.noBundle(); why != "" {
		d.note("bundle", why, source)
		return
	}
	if next != nil {
		d.facts.Bundle = next
		return
	}
	if len(d.built.builds) > 0 || d.built.spaces {
		d.facts.Bundle = d.wholeDirectory()
		return
	}
	b := &ecosystem.Bundle{Manifests: true}
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
		return "the base is not an official Node.js image, so that it is not known what else it brings: build on node, or split by hand", d.docker(d.base.line, "")
	case d.built.berry.plugged():
		return plugNPlay, d.built.berry.source
	case len(d.built.installs) == 0:
		return "no step installs what package.json lists: add RUN npm ci, or split by hand", ecosystem.Source{}
	case d.state.Workdir == "/":
		return "the working directory is /, so that what was installed can't be told from the system: set WORKDIR", ecosystem.Source{}
	case d.root() == "/":
		return "packages are installed in /, so that they can't be told from the system: set WORKDIR above the install", d.docker(d.built.installs[0].Line, "")
	}
	for _, s := range d.built.installs {
		if root := d.root(); !within(s.dir, root) {
			return "packages are installed in " + s.dir + ", outside the working directory " + root + ": install there, or split by hand", d.docker(s.Line, "")
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
	if len(d.built.packages) == 0 && len(d.built.builds) == 0 && !d.built.spaces {
		return "package.json lists no packages that are installed, so that there is nothing to carry", ecosystem.Source{}
	}
	return "", ecosystem.Source{}
}

// root is the folder of the whole application: the working directory or, where that lies below the one that packages
// are installed in, as that of a workspace does, the latter.
func (d *detection) root() string {
	root := d.state.Workdir
	for _, s := range d.built.installs {
		if within(root, s.dir) {
			root = s.dir
		}
	}
	return root
}

func within(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// startsGlobal refuses what is installed outside the working directory where the runner can't install it again.
func (d *detection) startsGlobal() (string, ecosystem.Source) {
	for _, s := range d.built.global {
		names := d.mayRun(s)
		source := slices.ContainsFunc(names, func(name string) bool {
			return strings.HasPrefix(name, ".") || strings.ContainsAny(name, ":$") || strings.HasSuffix(name, ".tgz")
		})
		if len(names) > 0 && (s.manager != "npm" || source) {
			return s.manager + " " + strings.Join(words(s), " ") + " brings programs to a place that is not carried: add what the application runs to dependencies, or install it by name with npm install -g", d.docker(s.Line, "")
		}
	}
	if len(d.start.Likely) == 0 {
		return "", ecosystem.Source{}
	}
	program := path.Base(withoutInit(d.start.Likely)[0])
	if program == "pnpm" {
		return "the command starts pnpm, which the runner would not have: start node itself", d.docker(d.start.Line, "")
	}
	if d.built.berry.source.File != "" && bringsYarn(d.start.Likely) {
		return "the command starts yarn, of which the runner would only have the first version: start node itself", d.docker(d.start.Line, "")
	}
	return "", ecosystem.Source{}
}

// wholeDirectory carries the working directory as the build left it, with the files that are read at run time. Of
// workspaces, each may have a node_modules of its own.
func (d *detection) wholeDirectory() *ecosystem.Bundle {
	c := ecosystem.Carry{From: d.root(), To: d.root()}
	if n := len(d.facts.Builds); n > 0 {
		c.Why, c.Source = "the application as it was built, with the files that it reads when it runs", d.facts.Builds[n-1].Source
	} else {
		c.Why, c.Source = "the packages of all workspaces", d.docker(d.built.installs[len(d.built.installs)-1].Line, "installs them")
	}
	b := &ecosystem.Bundle{Source: true, Carries: []ecosystem.Carry{c}}
	if d.facts.DevDependencies.Known() && !d.noted("dev-dependencies") {
		if b.Prune, b.PruneDir = d.prune(), d.built.installs[0].dir; b.Prune == "" {
			d.keepsDev()
		}
	}
	if len(d.facts.Builds) > 0 && !d.buildsIntoModules() {
		d.installsApart(b)
	}
	return b
}

// installsApart says what installing fills: node_modules beside each package.json that lists packages and, of workspaces,
// that of each.
func (d *detection) installsApart(b *ecosystem.Bundle) {
	for _, s := range d.built.installs {
		switch modules := path.Join(s.dir, "node_modules"); {
		case slices.Contains(b.Installed, s.dir) || slices.Contains(b.Installed, modules):
		case d.built.spaces:
			b.Installed = append(b.Installed, s.dir)
		case d.listsPackages(s.dir):
			b.Installed = append(b.Installed, modules)
		}
	}
	dirs := b.Installed
	if d.built.spaces { // a build may put a node_modules of its own among what it makes
		dirs = d.moduleDirs()
	}
	if len(dirs) == 0 {
		b.Installed = nil
		return
	}
	b.Drop = "rm -rf " + strings.Join(dirs, " ")
}

// moduleDirs are the node_modules beside each package.json that is installed.
func (d *detection) moduleDirs() (dirs []string) {
	for _, m := range d.built.manifests {
		image := d.files.InImage(m.file)
		if dir := path.Join(path.Dir(image), "node_modules"); image != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// listsPackages reports whether the package.json of a directory of the image lists packages that are installed.
func (d *detection) listsPackages(dir string) bool {
	return d.files != nil && slices.ContainsFunc(d.built.packages, func(e entry) bool { return path.Dir(d.files.InImage(e.file)) == dir })
}

// buildsIntoModules reports whether building is known to write to node_modules what the application needs when it
// runs, or may for all that its steps tell.
func (d *detection) buildsIntoModules() bool {
	for _, e := range d.built.packages {
		if strings.HasPrefix(e.name, "@prisma/") || slices.Contains([]string{"prisma", "patch-package", "ts-patch"}, e.name) {
			return true
		}
	}
	return slices.ContainsFunc(d.built.builds, func(s step) bool {
		text := strings.Join(words(s), " ")
		for _, m := range d.built.manifests {
			for _, e := range m.all("scripts") {
				text += " " + e.value
			}
		}
		return strings.Contains(text, "node_modules")
	})
}

func words(s step) (list []string) {
	for _, a := range s.Args {
		list = append(list, a.Text)
	}
	return list
}

// prune is the command that takes development dependencies out again. It runs no scripts:
// those of the project may need what it takes out.
func (d *detection) prune() string {
	if len(d.built.installs) != 1 {
		return ""
	}
	switch manager := d.built.installs[0].manager; {
	case manager == "npm":
		return "npm prune --omit=dev --ignore-scripts"
	case d.built.berry.focuses:
		return "yarn workspaces focus --all --production"
	case d.built.berry.source.File != "":
		return "" // only a plugin can
	case manager == "yarn":
		return "yarn install --production" + d.frozen() + " --ignore-scripts --prefer-offline"
	case d.built.spaces:
		return "CI=true pnpm install --prod" + d.frozen() + " --ignore-scripts --prefer-offline"
	}
	return "pnpm prune --prod --ignore-scripts"
}

// keepsDev notes why development dependencies are not taken out again.
func (d *detection) keepsDev() {
	if len(d.built.installs) > 1 {
		d.note("dev-dependencies", "packages are installed in more than one step, and taking development dependencies out is known for one: install once, or take them out behind the build by hand", d.docker(d.built.installs[1].Line, "installs more"))
		return
	}
	d.note("dev-dependencies", "which yarn installs is not known to be 4 or later, and before that only a plugin takes development dependencies out: "+d.built.berry.focusing()+" behind the build", d.built.berry.source)
}

// frozen is the option that keeps yarn classic and pnpm to the lockfile, where there is one.
func (d *detection) frozen() string {
	if slices.ContainsFunc(d.facts.Manifests, func(m ecosystem.Fact[ecosystem.Manifest]) bool { return m.Value.Kind == "lock" }) {
		return " --frozen-lockfile"
	}
	return ""
}

// manifests are the package.json files that are installed, and that of the working directory.
func (d *detection) manifests() []*manifest {
	if d.pkg == nil {
		return d.built.manifests
	}
	return append(slices.Clip(d.built.manifests), d.pkg)
}
