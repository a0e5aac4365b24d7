package node

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// building is what the Dockerfile's RUN steps do with packages and source.
type building struct {
	installs []step
	builds   []step
	global   []step // npm install -g
	packages []entry
	berry    berry
	spaces   bool // workspaces are installed
	// manifests are the package.json files that are installed.
	manifests []*manifest
	// gitHooks is a script that runs with the install and fails without the development dependency that it calls.
	gitHooks *entry
	dev      bool // some package.json that is installed has development dependencies
}

// step is one command of a package manager, or one that builds.
type step struct {
	container.Command
	manager string
	dir     string // where it works, absolute in the image
	dev     bool   // development dependencies are installed
	scripts bool   // install scripts run
}

// installs reads the RUN instructions of all stages that the final one is made from.
func (d *detection) installs() {
	for _, stage := range container.Stages(d.in.Dockerfile, d.in.Final) {
		for _, inst := range stage.Instructions {
			if inst.Keyword != "RUN" {
				continue
			}
			for _, c := range container.Commands(d.in.Dockerfile, inst) {
				d.command(inst, c)
			}
		}
	}
	if !d.built.dev {
		return
	}
	for i, s := range d.built.installs {
		if s.dev && !leftOut(s, d.built.installs[i+1:]) {
			d.facts.DevDependencies = ecosystem.Fact[string]{Value: "devDependencies", Source: d.docker(s.Line, "installs them")}
			return
		}
	}
}

// leftOut reports whether one of the later installs takes the development dependencies of another out again.
func leftOut(s step, later []step) bool {
	return slices.ContainsFunc(later, func(l step) bool { return l.dir == s.dir && !l.dev })
}

func (d *detection) command(inst *dockerfile.Instruction, c container.Command) {
	s := step{Command: c, manager: managerOf(c.Name), dir: c.Dir, scripts: true}
	verb, rest := s.verb()
	call, runs := scriptOf(append([]string{c.Name}, words(s)...))
	switch {
	case c.Name == "corepack" || s.manager == "yarn" && verb == "set":
		d.prepares(s)
	case s.manager == "":
		if name := buildProgram(c); name != "" && !d.reachesOut(inst, c) {
			s.builds(d, name)
		}
	case installVerb(s.manager, verb) || s.manager == "yarn" && verb == "workspaces" && len(rest) > 0 && rest[0] == "focus":
		if s.flag("-g", "--global", "--location=global") || s.manager == "yarn" && verb == "global" {
			d.built.global = append(d.built.global, s)
			return
		}
		d.install(inst, s)
	case s.manager == "npm" && slices.Contains([]string{"test", "t", "tst"}, verb) || runs && isCheck(call.script):
		d.facts.Checks = append(d.facts.Checks, ecosystem.Fact[string]{Value: s.manager + " " + strings.Join(words(s), " "), Source: d.docker(s.Line, "checks the source")})
	case runs && isBuild(call.script) && (call.run || d.hasScript(call.script) || slices.Contains(builders, call.script)):
		s.builds(d, call.String())
	case (verb == "exec" || verb == "x") && len(rest) > 0 && !downloads(rest):
		s.builds(d, s.manager+" exec "+rest[0])
	}
}

func (s step) builds(d *detection, what string) {
	d.built.builds = append(d.built.builds, s)
	d.facts.Builds = append(d.facts.Builds, ecosystem.Fact[string]{Value: what, Source: d.docker(s.Line, "builds")})
}

// hasScript reports whether the package.json of the working directory, or one that is installed, has a script.
func (d *detection) hasScript(name string) bool {
	return slices.ContainsFunc(d.manifests(), func(m *manifest) bool {
		_, ok := m.get("scripts", name)
		return ok
	})
}

func managerOf(program string) string {
	switch program {
	case "npm", "pnpm", "yarn":
		return program
	case "yarnpkg":
		return "yarn"
	}
	return ""
}

// builders are programs that build, and that packages bring.
var builders = []string{"tsc", "esbuild", "webpack", "vite", "rollup", "next", "nest", "parcel"}

// buildProgram names what a RUN builds with when it does so without a script of package.json.
func buildProgram(c container.Command) string {
	var words []string
	for _, a := range c.Args {
		if !strings.HasPrefix(a.Text, "-") {
			words = append(words, a.Text)
		}
	}
	switch name := c.Name; {
	case name == "npx" && len(words) > 0:
		return "npx " + words[0]
	case name == "node" && len(words) > 0 && slices.Contains(extensions, path.Ext(words[0])):
		return "node " + words[0]
	case slices.Contains(builders, name):
		return name
	}
	return ""
}

// downloads reports whether a program of a package is told to install something, which goes to the home directory or the
// system more often than not. husky installs hooks of git.
func downloads(words []string) bool {
	return words[0] != "husky" && slices.ContainsFunc(words[1:], func(w string) bool {
		return w == "install" || w == "install-deps" || w == "download"
	})
}

// system are the folders of an image whose files a script names by their full path.
var system = []string{"data", "etc", "home", "mnt", "opt", "root", "srv", "usr", "var"}

// reachesOut reports whether a program that would count as a build is known to write elsewhere than where it runs, or may for
// all that its source tells: it downloads, or names the home directory or the folders of the system.
func (d *detection) reachesOut(inst *dockerfile.Instruction, c container.Command) bool {
	var words []string
	for _, a := range c.Args {
		if !strings.HasPrefix(a.Text, "-") {
			words = append(words, a.Text)
		}
	}
	if len(words) == 0 || d.in.Context == nil || c.Name != "node" {
		return c.Name == "npx" && len(words) > 0 && downloads(words)
	}
	file, ok := container.FilesAt(d.in.Dockerfile, inst, d.in.Context).InContext(container.Absolute(c.Dir, words[0]))
	if !ok {
		return false
	}
	code, _ := readSmall(d.in.Context, file)
	return slices.ContainsFunc(tokens(code), func(t token) bool {
		first, _, _ := strings.Cut(strings.TrimPrefix(t.text, "/"), "/")
		named := (t.kind == text || t.kind == template) && strings.HasPrefix(t.text, "/") && slices.Contains(system, first) && !within(t.text, d.state.Workdir)
		return named || t.is("homedir")
	})
}

// isBuild reports whether a script makes something: all do but those that check or serve.
func isBuild(script string) bool {
	first, _, _ := strings.Cut(script, ":")
	return script != "" && !isCheck(script) && !slices.Contains([]string{"start", "dev", "serve", "watch"}, first)
}

// isCheck reports whether a script looks at the source and makes nothing that runs.
func isCheck(script string) bool {
	first, _, _ := strings.Cut(script, ":")
	return slices.Contains([]string{"test", "lint", "format", "e2e", "coverage"}, first)
}

// valued are options of the managers whose value is the next word.
var valued = []string{"--prefix", "--cwd", "-C", "--dir", "--filter", "-F", "--workspace", "-w", "--cache", "--registry", "--loglevel", "--omit", "--include", "--exclude", "--from", "-j", "--network-timeout"}

// verb is the first word that is no option, and the words behind it.
func (s step) verb() (string, []string) {
	var words []string
	for i, a := range s.Args {
		if !strings.HasPrefix(a.Text, "-") && (i == 0 || !slices.Contains(valued, s.Args[i-1].Text)) {
			words = append(words, a.Text)
		}
	}
	if len(words) == 0 {
		return "", nil
	}
	return words[0], words[1:]
}

func installVerb(manager, verb string) bool {
	switch manager {
	case "npm":
		return slices.Contains([]string{"install", "i", "ci", "clean-install", "add"}, verb)
	case "yarn":
		return slices.Contains([]string{"", "install", "add", "global"}, verb)
	}
	return slices.Contains([]string{"install", "i", "add"}, verb)
}

func (s step) flag(names ...string) bool {
	return slices.ContainsFunc(s.Args, func(w container.Word) bool { return slices.Contains(names, w.Text) })
}

// option is the value of an option, behind = or in the next word.
func (s step) option(names ...string) string {
	for i, a := range s.Args {
		for _, n := range names {
			if v, ok := strings.CutPrefix(a.Text, n+"="); ok {
				return v
			}
			if a.Text == n && i+1 < len(s.Args) {
				return s.Args[i+1].Text
			}
		}
	}
	return ""
}

// install is one step that installs what a package.json lists.
func (d *detection) install(inst *dockerfile.Instruction, s step) {
	if dir := s.option("--prefix", "--cwd", "-C", "--dir"); dir != "" {
		s.dir = container.Absolute(s.dir, dir)
	}
	env := d.environment(inst, s)
	s.dev = bringsDev(s, env)
	s.scripts = !s.flag("--ignore-scripts")
	d.built.installs = append(d.built.installs, s)
	if d.in.Context == nil {
		return
	}
	files := container.FilesAt(d.in.Dockerfile, inst, d.in.Context)
	name, ok := files.InContext(path.Join(s.dir, "package.json"))
	if !ok {
		return
	}
	m := readManifest(d.in.Context, name)
	if m == nil {
		d.note("manifests", name+" can't be read as JSON", ecosystem.Source{File: name})
		return
	}
	at := d.docker(s.Line, s.manager+" reads it")
	d.addManifest(name, "package", at)
	for _, f := range besides(s.manager) {
		if other, ok := files.InContext(path.Join(s.dir, f.Path)); ok && exists(d.in.Context, other) {
			d.addManifest(other, f.Kind, at)
		}
	}
	if s.manager == "yarn" {
		d.readsFolder(path.Join(path.Dir(name), ".yarn"), at)
		d.findBerry(m, env)
		for _, f := range berryFiles(d.in.Context, path.Dir(name)) {
			d.addManifest(f, "settings", at)
		}
	}
	spaces, unclear := d.workspaces(m, s.manager)
	if unclear.value != "" {
		d.built.spaces = true
		d.readsSource(unclear.value, ecosystem.Source{File: unclear.file, Line: unclear.line})
	}
	for _, w := range spaces {
		if inner := readManifest(d.in.Context, w.value); inner != nil {
			d.built.spaces = true
			d.addManifest(w.value, "workspace", ecosystem.Source{File: w.file, Line: w.line, Note: "is a workspace"})
			d.reads(inner, s)
		}
	}
	d.reads(m, s)
	d.patches(m, s)
}

// patches adds the files that pnpm applies to packages when it installs them.
func (d *detection) patches(m *manifest, s step) {
	if s.manager != "pnpm" {
		return
	}
	for _, e := range m.all("pnpm.patchedDependencies") {
		if file := path.Join(path.Dir(m.file), e.value); exists(d.in.Context, file) {
			d.addManifest(file, "settings", m.at(e.line, "patches a package"))
			d.readsFolder(path.Dir(file), m.at(e.line, "patches a package"))
		}
	}
	file := path.Join(path.Dir(m.file), "pnpm-workspace.yaml")
	if text, ok := readSmall(d.in.Context, file); ok && strings.Contains(text, "patchedDependencies:") {
		d.readsSource("pnpm-workspace.yaml names patches of packages, which are not followed", ecosystem.Source{File: file, Line: 1})
	}
}

// besides are the other files that a manager reads in the directory of package.json.
func besides(manager string) []ecosystem.Manifest {
	settings := ecosystem.Manifest{Path: ".npmrc", Kind: "settings"}
	switch manager {
	case "npm":
		return []ecosystem.Manifest{{Path: "npm-shrinkwrap.json", Kind: "lock"}, {Path: "package-lock.json", Kind: "lock"}, settings}
	case "yarn":
		return []ecosystem.Manifest{{Path: "yarn.lock", Kind: "lock"}, settings, {Path: ".yarnrc", Kind: "settings"}, {Path: ".yarnrc.yml", Kind: "settings"}}
	}
	return []ecosystem.Manifest{{Path: "pnpm-lock.yaml", Kind: "lock"}, settings, {Path: "pnpm-workspace.yaml", Kind: "settings"}, {Path: ".pnpmfile.cjs", Kind: "settings"}}
}

func (d *detection) addManifest(name, kind string, source ecosystem.Source) {
	for _, m := range d.facts.Manifests {
		if m.Value.Path == name {
			return
		}
	}
	d.facts.Manifests = append(d.facts.Manifests, ecosystem.Fact[ecosystem.Manifest]{Value: ecosystem.Manifest{Path: name, Kind: kind}, Source: source})
}

// hooks are the scripts of a project that installing runs.
var hooks = []string{"preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare"}

// reads finds what makes installing need more than manifests, and gathers the dependencies.
func (d *detection) reads(m *manifest, s step) {
	d.built.manifests = append(d.built.manifests, m)
	for _, section := range []string{"dependencies", "optionalDependencies", "devDependencies"} {
		for _, e := range m.all(section) {
			d.built.dev = d.built.dev || section == "devDependencies"
			if section != "devDependencies" || s.dev {
				d.built.packages = append(d.built.packages, e)
			}
			if local(e.value) {
				d.readsSource(e.name+" lies in the source ("+e.value+")", m.at(e.line, section))
			}
			switch beside := path.Dir(m.file); e.name {
			case "@prisma/client", "prisma":
				d.readsFolder(path.Join(beside, "prisma"), m.at(e.line, section))
			case "patch-package":
				d.readsFolder(path.Join(beside, "patches"), m.at(e.line, section))
			}
			if e.name == "@prisma/client" && s.scripts {
				d.readsSource("installing @prisma/client generates code from prisma/schema.prisma", m.at(e.line, section))
			}
		}
	}
	for _, section := range []string{"overrides", "resolutions", "pnpm.overrides"} {
		for _, e := range m.all(section) {
			if local(e.value) {
				d.readsSource(e.name+" lies in the source ("+e.value+")", m.at(e.line, section))
			}
		}
	}
	for _, e := range m.all("scripts") {
		if !s.scripts || !slices.Contains(hooks, e.name) {
			continue
		}
		if setsGitHooks(e.value) {
			if !forgiven(e.value) {
				d.built.gitHooks = &e
			}
			continue
		}
		for _, word := range strings.Fields(e.value) {
			d.readsFolder(path.Join(path.Dir(m.file), path.Dir(word)), m.at(e.line, "scripts"))
		}
		d.readsSource("the script "+e.name+" runs with it ("+e.value+")", m.at(e.line, "scripts"))
	}
}

// setsGitHooks reports whether a script only lets git call the project's checks, for which it reads none of the source:
// husky, is-ci || husky install.
func setsGitHooks(script string) bool {
	if strings.ContainsAny(script, "<>`(") {
		return false
	}
	commands := strings.FieldsFunc(script, func(r rune) bool { return strings.ContainsRune("|&;", r) })
	return len(commands) > 0 && !slices.ContainsFunc(commands, func(command string) bool {
		words := strings.Fields(command)
		return len(words) > 0 && !slices.Contains([]string{"husky", "is-ci", "lefthook", "simple-git-hooks", "true", ":", "exit", "echo", "test", "["}, words[0])
	})
}

// forgiven reports whether a script comes to a good end although what it calls is not there.
func forgiven(script string) bool {
	at := strings.LastIndex(script, "||")
	return at >= 0 && slices.Contains([]string{"true", ":", "exit 0"}, strings.TrimSpace(script[at+2:]))
}

// readsFolder notes a folder of the context that installing reads, when it is there and not the whole of it.
func (d *detection) readsFolder(dir string, at ecosystem.Source) {
	known := slices.ContainsFunc(d.facts.InstallFolders, func(f ecosystem.Fact[string]) bool { return f.Value == dir })
	if dir != "." && !known && fs.ValidPath(dir) && isDirectory(d.in.Context, dir) {
		d.facts.InstallFolders = append(d.facts.InstallFolders, ecosystem.Fact[string]{Value: dir, Source: at})
	}
}

// local reports whether what is installed of a package is a folder or an archive of the source, as npm tells that from
// a version, a repository (user/name) and an address.
func local(wanted string) bool {
	scheme, _, schemed := strings.Cut(wanted, ":")
	if schemed {
		return slices.Contains([]string{"file", "link", "portal"}, scheme)
	}
	archive := slices.ContainsFunc([]string{".tgz", ".tar.gz", ".tar"}, func(end string) bool { return strings.HasSuffix(strings.ToLower(wanted), end) })
	return archive || strings.HasPrefix(wanted, ".") || strings.HasPrefix(wanted, "/") || strings.HasPrefix(wanted, "~/")
}

func (d *detection) readsSource(why string, at ecosystem.Source) {
	if !d.facts.InstallReadsSource.Known() {
		d.facts.InstallReadsSource = ecosystem.Fact[string]{Value: why, Source: at}
	}
}

// environment are the variables of a command, by their names in lower case.
func (d *detection) environment(inst *dockerfile.Instruction, s step) map[string]string {
	env := map[string]string{}
	for _, v := range d.in.Dockerfile.StateBefore(inst).Env {
		env[strings.ToLower(v.Name)] = v.Value
	}
	for _, v := range s.Env {
		env[strings.ToLower(v.Name)] = v.Value.Text
	}
	return env
}

// bringsDev reports whether an install step brings development dependencies.
func bringsDev(s step, env map[string]string) bool {
	if s.flag("--production=false", "--prod=false", "--include=dev", "--dev") || s.option("--include") == "dev" {
		return true
	}
	if s.flag("--production", "--production=true", "--prod", "-P", "--only=production", "--only=prod", "--no-dev") || s.option("--omit") == "dev" {
		return false
	}
	return env["node_env"] != "production" && env["npm_config_production"] != "true" && env["npm_config_omit"] != "dev"
}
