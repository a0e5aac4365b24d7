package python

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/requirements"
)

// tool is a program that installs what a project declares: poetry, pipenv or uv.
type tool struct {
	name string
	dir  string // of the project, absolute in the image
	// inProject says that the environment is .venv beside the manifests, or at place.
	inProject bool
	place     string
	system    bool   // told to install into the interpreter itself
	refused   string // why its environment can't be carried
	line      int
}

// toolManifests are what each tool reads of a project. A lockfile that is missing is left out.
var toolManifests = map[string][]struct{ name, kind string }{
	"poetry": {{"pyproject.toml", "pyproject"}, {"poetry.lock", "lock"}, {"poetry.toml", "settings"}},
	"pipenv": {{"Pipfile", "pipfile"}, {"Pipfile.lock", "lock"}},
	"uv":     {{"pyproject.toml", "pyproject"}, {"uv.lock", "lock"}, {".python-version", "settings"}, {"uv.toml", "settings"}},
}

// aboutTools are packages that a step which only brings in a tool may install.
var aboutTools = map[string]bool{
	"poetry": true, "pipenv": true, "uv": true, "poetry-plugin-export": true, "pip": true, "setuptools": true, "wheel": true, "virtualenv": true,
}

// project reads a command of poetry, pipenv or uv; false when it installs nothing.
func (in *install) project(inst *dockerfile.Instruction, c container.Command) bool {
	v := verb(c)
	switch {
	case c.Name == "poetry" && v == "config":
		in.settings = append(in.settings, joined(c.Args))
		return true
	case c.Name == "poetry" && (v == "install" || v == "sync" || v == "export"), c.Name == "pipenv" && (v == "install" || v == "sync"), c.Name == "uv" && v == "sync":
	default:
		return false
	}
	source := in.docker(c.Line, c.Name+" "+v)
	in.files = container.FilesAt(in.in.Dockerfile, inst, in.in.Context)
	if in.tool == nil {
		in.tool = &tool{name: c.Name, dir: c.Dir, line: c.Line}
	}
	t := in.tool
	if t.name != c.Name || t.dir != c.Dir {
		t.refused = fmt.Sprintf("%s and %s both install: leave one", t.name, c.Name)
	}
	text := in.projectManifests(c, source)
	switch c.Name {
	case "poetry":
		in.poetry(inst, c, v, text, source)
	case "pipenv":
		in.pipenv(inst, c, text, source)
	case "uv":
		in.uv(inst, c, text, source)
	}
	return true
}

func joined(words []container.Word) string {
	var texts []string
	for _, w := range words {
		texts = append(texts, w.Text)
	}
	return strings.Join(texts, " ")
}

// projectManifests records the manifests, and returns the text of the first.
func (in *install) projectManifests(c container.Command, source ecosystem.Source) (text string) {
	for i, f := range toolManifests[c.Name] {
		name, ok := in.files.InContext(path.Join(c.Dir, f.name))
		content, readable := "", false
		if ok {
			content, readable = readSmall(in.in.Context, name)
		}
		if !readable {
			if i == 0 {
				in.reads(f.name+" of "+c.Name+" does not come from the build context", "", source)
			}
			continue
		}
		if i == 0 {
			text = content
		}
		if in.seen[name] {
			continue
		}
		in.seen[name] = true
		manifest := ecosystem.Manifest{Path: name, Kind: f.kind}
		in.facts.Manifests = append(in.facts.Manifests, ecosystem.Fact[ecosystem.Manifest]{Value: manifest, Source: source})
		switch f.kind {
		case "pyproject":
			in.deps = append(in.deps, fromProject(name, content)...)
		case "pipfile":
			in.deps = append(in.deps, fromPipfile(name, content)...)
		}
	}
	return text
}

// setting reads a variable as it is when a command runs, in lower case.
func (in *install) setting(inst *dockerfile.Instruction, c container.Command, name string) string {
	for _, v := range c.Env {
		if v.Name == name {
			return strings.ToLower(v.Value.Text)
		}
	}
	v, _ := in.variable(inst, name)
	return strings.ToLower(v)
}

// variable is a variable of the image above an instruction.
func (in *install) variable(inst *dockerfile.Instruction, name string) (string, bool) {
	state := in.in.Dockerfile.StateBefore(inst)
	v, ok := state.EnvVar(name)
	return v.Value, ok
}

func isTrue(s string) bool { return s == "1" || s == "true" || s == "yes" || s == "on" }

// hasFlag reports whether one of the flags is given, with or without a value behind "=".
func hasFlag(c container.Command, flags ...string) bool {
	return slices.ContainsFunc(c.Args, func(w container.Word) bool {
		name, _, _ := strings.Cut(w.Text, "=")
		return slices.Contains(flags, name)
	})
}

// flagValues are the values of a flag that may be given several times.
func flagValues(c container.Command, names ...string) (list []string) {
	for i, w := range c.Args {
		name, value, glued := strings.Cut(w.Text, "=")
		if !slices.Contains(names, name) {
			continue
		}
		if !glued && i+1 < len(c.Args) {
			value = c.Args[i+1].Text
		}
		list = append(list, strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	return list
}

func (in *install) poetry(inst *dockerfile.Instruction, c container.Command, v, text string, source ecosystem.Source) {
	p := parseProject(text)
	if v == "export" {
		for _, out := range flagValues(c, "-o", "--output") {
			in.generated[container.Absolute(c.Dir, out)] = true
		}
	} else if mode := p.Tool.Poetry.PackageMode; !hasFlag(c, "--no-root", "--no-directory", "--only-root") && (mode == nil || *mode) {
		in.reads("poetry install links the environment to the source", "give it --no-root where the application is not imported as a package", source)
	}
	if local := p.localDependency(); local != "" {
		in.reads("poetry installs "+local+", which lies in the source", "", source)
	}
	if v != "export" {
		in.poetryDevelopment(inst, c, p, source)
	}
	config := strings.Join(in.settings, "\n")
	if isTrue(in.setting(inst, c, "POETRY_VIRTUALENVS_IN_PROJECT")) || strings.Contains(config, "virtualenvs.in-project true") {
		in.tool.inProject = true
	}
	if in.setting(inst, c, "POETRY_VIRTUALENVS_CREATE") == "false" || strings.Contains(config, "virtualenvs.create false") {
		in.tool.inProject = false // without an active environment, the interpreter's own
	}
}

// poetryDevelopment notes the groups for development that a poetry command installs.
func (in *install) poetryDevelopment(inst *dockerfile.Instruction, c container.Command, p project, source ecosystem.Source) {
	groups := slices.DeleteFunc(p.developmentGroups(), func(group string) bool { return in.leavesOut(inst, c, group) })
	if len(groups) == 0 {
		return
	}
	var packages []string
	for _, group := range groups {
		packages = append(packages, p.groupPackages(group)...)
		if !slices.Contains(in.facts.DevGroups, group) {
			in.facts.DevGroups = append(in.facts.DevGroups, group)
		}
	}
	what := "the group " + groups[0]
	if len(groups) > 1 {
		what = "the groups " + strings.Join(groups, ", ")
	}
	in.development(what, packages, in.shippedOf(c, p.alwaysNeeds()), source)
}

// leavesOut reports whether a poetry command installs without a group.
func (in *install) leavesOut(inst *dockerfile.Instruction, c container.Command, group string) bool {
	if hasFlag(c, "--no-dev", "--only-root") {
		return true
	}
	only, without := flagValues(c, "--only"), flagValues(c, "--without")
	if s := in.setting(inst, c, "POETRY_WITHOUT"); s != "" {
		without = append(without, strings.Split(s, ",")...)
	}
	return len(only) > 0 && !slices.Contains(only, group) || slices.Contains(without, group)
}

// development notes what brings packages that only building and testing need. Those that are shipped anyway are not among them.
func (in *install) development(what string, packages []string, shipped map[string]bool, source ecosystem.Source) {
	if !in.facts.DevDependencies.Known() {
		in.facts.DevDependencies = ecosystem.Fact[string]{Value: what, Source: source}
	}
	for _, name := range packages {
		if name = importName(name); !shipped[name] && !slices.Contains(in.facts.DevPackages, name) {
			in.facts.DevPackages = append(in.facts.DevPackages, name)
		}
	}
	slices.Sort(in.facts.DevPackages)
}

func (in *install) pipenv(inst *dockerfile.Instruction, c container.Command, text string, source ecosystem.Source) {
	p := parsePipfile(text)
	if local := p.local(); local != "" {
		in.reads("Pipfile asks for "+local+", which lies in the source", "", source)
	}
	asked := isTrue(in.setting(inst, c, "PIPENV_DEV"))
	if len(p.DevPackages) > 0 && (asked || hasFlag(c, "--dev", "-d")) {
		in.development("dev-packages", slices.Collect(maps.Keys(p.DevPackages)), in.shippedOf(c, always(p.Packages)), source)
		if asked {
			in.note("dev-dependencies", "the variable PIPENV_DEV asks for them: leave it out", source)
		}
	}
	in.tool.system = hasFlag(c, "--system") || isTrue(in.setting(inst, c, "PIPENV_SYSTEM"))
	in.tool.inProject = !in.tool.system && isTrue(in.setting(inst, c, "PIPENV_VENV_IN_PROJECT"))
	if isTrue(in.setting(inst, c, "PIPENV_IGNORE_VIRTUALENVS")) && !in.tool.inProject {
		in.tool.refused = "PIPENV_IGNORE_VIRTUALENVS hides where pipenv installs: set PIPENV_VENV_IN_PROJECT=1, so that it is .venv beside the Pipfile"
	}
}

func (in *install) uv(inst *dockerfile.Instruction, c container.Command, text string, source ecosystem.Source) {
	p := parseProject(text)
	t := in.tool
	t.inProject = true
	packaged := p.BuildSystem != nil
	if p.Tool.UV.Package != nil {
		packaged = *p.Tool.UV.Package
	}
	switch {
	case len(p.Tool.UV.Workspace) > 0 && !hasFlag(c, "--no-install-workspace"):
		in.links("uv installs the members of a workspace from the source", "add a step with --no-install-workspace before the source is copied", source)
	case packaged && !hasFlag(c, "--no-install-project", "--no-install-workspace"):
		in.links("uv sync links the environment to the source", "add a step with --no-install-project before the source is copied", source)
	}
	if p.localSource() && !hasFlag(c, "--no-install-local") {
		in.links("tool.uv.sources names a path of the source", "", source)
	}
	if _, dev := p.Groups["dev"]; (dev || len(p.Tool.UV.Dev) > 0) && !hasFlag(c, "--no-dev", "--no-default-groups", "--only-group") && !isTrue(in.setting(inst, c, "UV_NO_DEV")) {
		in.development("the group dev", p.uvDevelopment(), in.shippedOf(c, p.alwaysNeeds()), source)
		in.syncedAtStart()
	}
	if v, ok := in.variable(inst, "UV_PROJECT_ENVIRONMENT"); ok {
		t.place = container.Absolute(c.Dir, v)
	}
	if hasFlag(c, "--active") {
		t.refused = "uv sync --active installs into an environment that is made elsewhere: leave the option out, so that it is .venv"
	}
	for _, name := range []string{"UV_PYTHON", "UV_MANAGED_PYTHON"} {
		if in.setting(inst, c, name) != "" {
			t.refused = name + " may bring a Python of uv's own, which lies outside the environment: leave it out, so that the base image's is used"
		}
	}
	if hasFlag(c, "--python", "-p", "--managed-python") {
		t.refused = "--python may bring a Python of uv's own, which lies outside the environment: leave it out, so that the base image's is used"
	}
	if version, _ := versionFile(in.in.Context, ".python-version"); version != "" && in.base.version != "" && !sameVersion(version, in.base.version) {
		t.refused = fmt.Sprintf(".python-version names %s and the base image has %s, so that uv brings a Python of its own, which lies outside the environment: make them the same", version, in.base.version)
	}
}

// brings finds the instruction that brings in a tool and does nothing else.
func (in *install) brings(name string) ecosystem.Fact[string] {
	for _, inst := range in.in.Final.Instructions {
		switch inst.Keyword {
		case "COPY":
			from, ok := inst.Flag("from")
			image, _, _ := strings.Cut(from.Value, "@") // a digest
			if repo, _, _ := strings.Cut(path.Base(image), ":"); ok && repo == name {
				return ecosystem.Fact[string]{Value: name, Source: in.docker(in.in.Dockerfile.Position(inst.Span.Start).Line, "brings "+name)}
			}
		case "RUN":
			if line := in.onlyBrings(inst, name); line > 0 {
				return ecosystem.Fact[string]{Value: name, Source: in.docker(line, "installs "+name)}
			}
		}
	}
	return ecosystem.Fact[string]{}
}

// installer returns the line on which a RUN calls a tool's own installer; 0 when none does.
func (in *install) installer(name string) int {
	for _, inst := range in.in.Final.Instructions {
		if text := in.in.Dockerfile.Text(inst.Rest); inst.Keyword == "RUN" && strings.Contains(text, installers[name]) && installers[name] != "" {
			return in.in.Dockerfile.Position(inst.Span.Start).Line
		}
	}
	return 0
}

// installers are the addresses of the scripts that install each tool.
var installers = map[string]string{"poetry": "install.python-poetry.org", "uv": "astral.sh/uv"}

// onlyBrings returns the line on which a RUN installs a tool; 0 when it does not, or does more.
func (in *install) onlyBrings(inst *dockerfile.Instruction, name string) (line int) {
	for _, c := range container.Commands(in.in.Dockerfile, inst) {
		c = throughPython(c)
		if !isPip(c.Name) || verb(c) != "install" {
			return 0
		}
		for _, w := range afterVerb(c.Args) {
			if strings.HasPrefix(w.Text, "-") {
				continue
			}
			r, err := requirements.ParseRequirement(w.Text)
			if err != nil || !aboutTools[r.Name] {
				return 0
			}
			if r.Name == name {
				line = c.Line
			}
		}
	}
	return line
}
