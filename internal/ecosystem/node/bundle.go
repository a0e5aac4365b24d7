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

// needsDev names a development dependency that the running application needs; empty when none is seen to be needed.
func (d *detection) needsDev() (string, ecosystem.Source) {
	if d.facts.Start.Value == nil {
		return "what starts is not known, so that development dependencies stay: name the file that node runs in CMD", d.docker(d.start.Line, "")
	}
	argv, why, source := d.runsWithout("the command", d.facts.Start.Value, d.docker(d.start.Line, ""))
	if why != "" {
		return why, source
	}
	if why, source := d.othersNeedDev(); why != "" {
		return why, source
	}
	for _, s := range d.src {
		if why, at := d.loadsDev(s); why != "" && !s.forTools() && !s.buildsOnly() {
			return why, at
		}
	}
	if why, source := d.namesDev(); why != "" {
		return why, source
	}
	return d.preloadsDev("the command", argv, d.facts.Start.Source)
}

// loadsDev names a development dependency that a file loads.
func (d *detection) loadsDev(s *source) (string, ecosystem.Source) {
	for _, im := range s.imports() {
		name := packageOf(im.path)
		if e := d.develops(s.file, name); name != "" && e.name != "" {
			return name + " is a development dependency, and " + s.file + " loads it: they stay in the image; move it to dependencies (" + e.file + ":" + strconv.Itoa(e.line) + ")", s.at(im.line, "loads it")
		}
	}
	return "", ecosystem.Source{}
}

// namesDev is a development dependency that a file of the source names without loading it: a view engine, a transport of
// logs, a folder that is served.
func (d *detection) namesDev() (string, ecosystem.Source) {
	listed := map[string]bool{}
	for _, m := range d.manifests() {
		for _, e := range m.all("devDependencies") {
			listed[e.name] = true
		}
	}
	for _, s := range d.src {
		if s.forTools() || s.buildsOnly() {
			continue
		}
		for i, t := range s.toks {
			if t.kind != text && t.kind != template || s.tok(i-1).is("from") && s.ofType(i-1) {
				continue
			}
			for _, name := range namesIn(t.text) {
				if !listed[name] {
					continue
				}
				if e := d.develops(s.file, name); e.name != "" {
					return name + " is a development dependency, and " + s.file + " names it: they stay in the image; move it to dependencies (" + e.file + ":" + strconv.Itoa(e.line) + ")", s.at(t.line, "names it")
				}
			}
		}
	}
	return "", ecosystem.Source{}
}

// namesIn are the packages that a text may mean: all of it, and what stands behind node_modules.
func namesIn(text string) []string {
	const folder = "node_modules/"
	at := strings.LastIndex(text, folder)
	if at < 0 {
		return []string{text}
	}
	return []string{packageOf(text[at+len(folder):])}
}

// forTools reports whether a file is one that tools load, by its name: .eslintrc.js, gulpfile.js, build/webpack.prod.js.
// Below the top of a package rollup.js may be anything.
func (s *source) forTools() bool {
	parts := strings.Split(strings.ToLower(path.Base(s.file)), ".")
	switch stem := parts[0]; {
	case stem == "seed":
		return path.Base(path.Dir(s.file)) == "prisma"
	case stem == "":
		return true
	default:
		settings := len(parts) > 2 && slices.Contains([]string{"config", "conf", "setup", "base", "common", "dev", "prod"}, parts[1])
		return slices.Contains([]string{"gulpfile", "gruntfile", "webpack", "karma", "jest", "vitest", "babel", "rollup"}, stem) && (settings || s.d.topOfPackage(s.file))
	}
}

// startFile is the file that the command starts, or else the package.json of the working directory.
func (d *detection) startFile() string {
	switch {
	case d.entry != nil:
		return d.entry.file
	case d.pkg != nil:
		return d.pkg.file
	}
	return "package.json"
}

// manifests are the package.json files that are installed, and that of the working directory.
func (d *detection) manifests() []*manifest {
	if d.pkg == nil {
		return d.built.manifests
	}
	return append(slices.Clip(d.built.manifests), d.pkg)
}

// develops is the development dependency that a file means by the name of a package: of the package.json files in the
// folders above it the nearest that lists the package decides. It is the zero entry for all others.
func (d *detection) develops(file, name string) entry {
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		for _, m := range d.manifests() {
			if path.Dir(m.file) != dir {
				continue
			}
			if _, production := m.get("dependencies", name); production {
				return entry{}
			}
			if e, ok := m.get("devDependencies", name); ok {
				return e
			}
		}
		if dir == "." || dir == "/" {
			return entry{}
		}
	}
}

// othersNeedDev is about what else containers of the image are started with.
func (d *detection) othersNeedDev() (string, ecosystem.Source) {
	for _, c := range d.in.Commands {
		start := container.StartedWith(d.in.Dockerfile, d.in.Final, c.Value)
		if start.Argv == nil {
			return c.Value.By + " starts the image with a command that is not looked into, so that development dependencies stay: start one program there, or build a stage for it", c.Source
		}
		if dir := c.Value.Dir; dir != "" && dir != d.state.Workdir {
			return c.Value.By + " starts the image in " + dir + ", so that development dependencies stay: build a stage for it", c.Source
		}
		argv, why, source := d.runsWithout(c.Value.By, start.Argv, c.Source)
		if why == "" {
			why, source = d.preloadsDev(c.Value.By, argv, c.Source)
		}
		if why != "" {
			return why, source
		}
	}
	return "", ecosystem.Source{}
}

// preloadsDev is about node -r ts-node/register.
func (d *detection) preloadsDev(by string, argv []string, at ecosystem.Source) (string, ecosystem.Source) {
	for _, a := range argv[1:] {
		if packageOf(a) == "ts-node" && !strings.Contains(a, "transpile-only") {
			return by + " loads " + a + ", which compiles the source and may need development dependencies for that: compile it in a RUN, and start what that makes", at
		}
		if name := packageOf(a); name != "" && d.develops(d.startFile(), name).name != "" {
			return by + " needs " + name + ", a development dependency: move it to dependencies", at
		}
	}
	return "", ecosystem.Source{}
}

// runsWithout is what a command comes down to, when that is node or a program of "dependencies"; why says what stands
// against its running with these alone.
func (d *detection) runsWithout(by string, argv []string, here ecosystem.Source) (_ []string, why string, source ecosystem.Source) {
	argv = withoutInit(argv)
	if path.Base(argv[0]) == "node" {
		return argv, "", here
	}
	if d.pkg == nil {
		return nil, "package.json was not found in the working directory", ecosystem.Source{}
	}
	program := throughNpx(argv)
	if ok, why, source := d.listed(d.pkg, program, here); ok {
		return argv, why, source
	}
	for _, name := range packagesOf(program) {
		if e := d.develops(d.pkg.file, name); e.name != "" {
			return nil, by + " starts " + program + ", a development dependency: move it to dependencies (" + e.file + ":" + strconv.Itoa(e.line) + "), or start what the build makes", here
		}
	}
	if strings.HasSuffix(program, ".sh") {
		return nil, by + " starts " + program + ", a script that is not looked into, so that development dependencies stay: start node itself", here
	}
	if call, ok := scriptOf(argv); ok {
		in, _, _ := d.scriptPlace(call, d.home())
		if in.pkg == nil {
			in.pkg = d.pkg
		}
		if e, ok := in.pkg.get("scripts", call.script); ok {
			at := in.pkg.at(e.line, "")
			if argv, why := container.Plain(e.value); why == "" {
				if path.Base(argv[0]) == "node" {
					return argv, "", at
				}
				if ok, why, source := d.listed(in.pkg, throughNpx(argv), at); ok {
					return argv, why, source
				}
			}
			return nil, by + " runs the script " + call.script + " (" + e.value + "), which is not known to need dependencies alone: list there what it starts", at
		}
	}
	return nil, by + " starts " + program + ", which is not known to be among dependencies: list its package there", here
}

// transpilers are programs that compile the source when they start, for which they want the types that it is written with.
var transpilers = []string{"nest", "ng", "tsc", "vue-cli-service", "ts-node", "ts-node-dev"}

// listed reports whether dependencies bring a program, and why it may need more than them all the same.
func (d *detection) listed(pkg *manifest, program string, at ecosystem.Source) (ok bool, why string, place ecosystem.Source) {
	if !slices.ContainsFunc(packagesOf(program), func(name string) bool { _, ok := pkg.get("dependencies", name); return ok }) {
		return false, "", at
	}
	if slices.Contains(transpilers, program) {
		return true, program + " compiles the source when it starts, and may need development dependencies for that: compile it in a RUN, and start what that makes", at
	}
	for _, ext := range extensions {
		settings := &source{file: path.Join(path.Dir(pkg.file), program+".config"+ext)}
		if text, found := readSmall(d.in.Context, settings.file); found {
			settings.toks = tokens(text)
			if why, at := d.loadsDev(settings); why != "" {
				return true, why, at
			}
		}
	}
	return true, "", at
}

// throughNpx is the program that a command starts, looking through npx.
func throughNpx(argv []string) string {
	if path.Base(argv[0]) == "npx" {
		for _, a := range argv[1:] {
			if !strings.HasPrefix(a, "-") {
				return a
			}
		}
	}
	return path.Base(argv[0])
}

// runsIn reports whether a build step runs a script of a package.json that names a file.
func (m *manifest) runsIn(b step, file string) bool {
	for _, e := range m.all("scripts") {
		if !slices.ContainsFunc(b.Args, func(a container.Word) bool { return a.Text == e.name }) {
			continue
		}
		for _, w := range strings.Fields(e.value) {
			if path.Join(path.Dir(m.file), w) == file {
				return true
			}
		}
	}
	return false
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
		for _, m := range d.manifests() {
			if m.runsIn(b, s.file) {
				return true
			}
		}
	}
	return false
}
