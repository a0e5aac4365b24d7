package node

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

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
