package python

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/requirements"
)

// dependency is a requirement with the place that asks for it.
type dependency struct {
	requirements.Line
	source ecosystem.Source
}

// install collects what the Dockerfile's install commands read.
type install struct {
	*detection
	files *container.Files // at the command being read
	seen  map[string]bool  // manifests
	deps  []dependency
	pip   bool   // pip installs something
	other string // another tool that installs: "poetry"
	moves string // the option that makes pip install elsewhere: "--user"
	// venvs are the virtual environments that the Dockerfile makes, absolute; "" for one with unknown options.
	venvs []string
	// outside is the line of an install that may not go into the environment; 0 when there is none.
	outside   int
	uvPip     bool            // "uv pip" installs
	tool      *tool           // that installs the project; nil for pip
	settings  []string        // what "poetry config" sets
	generated map[string]bool // requirements files that poetry writes, absolute in the image
	// localOnly says that installing reads the source only to build it, and leaves no link to it.
	localOnly bool
}

// Bounds of nested requirements files.
const (
	maxNested    = 10
	maxManifests = 100
)

// installs reads the RUN instructions of all stages that the final one is made from.
func (d *detection) installs() *install {
	in := &install{detection: d, seen: map[string]bool{}, generated: map[string]bool{}}
	if d.in.Dockerfile == nil || d.in.Final == nil {
		return in
	}
	for _, stage := range container.Stages(d.in.Dockerfile, d.in.Final) {
		for _, inst := range stage.Instructions {
			if inst.Keyword == "RUN" {
				in.run(inst)
			}
		}
	}
	return in
}

func (in *install) run(inst *dockerfile.Instruction) {
	for _, c := range container.Commands(in.in.Dockerfile, inst) {
		uv := c.Name == "uv"
		c = throughPython(c)
		switch {
		case c.Name == "venv" || c.Name == "virtualenv":
			in.venvs = append(in.venvs, newEnvironment(c, uv))
		case in.project(inst, c):
		case isPip(c.Name) && verb(c) == "install":
			in.uvPip = in.uvPip || uv
			in.inEnvironment(inst, c)
			in.files = container.FilesAt(in.in.Dockerfile, inst, in.in.Context)
			in.command(c)
		case in.other == "" && otherInstaller(c):
			in.other = c.Name
			if isInterpreter(c.Name) {
				in.other = "setup.py"
			}
			in.reads(in.other+" installs, and it is not known to read its manifests alone", "", in.docker(c.Line, in.other))
		}
	}
}

// throughPython turns "python -m pip install" into "pip install", and "uv pip install" too.
func throughPython(c container.Command) container.Command {
	switch {
	case strings.HasPrefix(c.Name, "python") || strings.HasPrefix(c.Name, "pypy"):
		for i, w := range c.Args {
			if w.Text == "-m" && i+1 < len(c.Args) {
				c.Name, c.Args = c.Args[i+1].Text, c.Args[i+2:]
				break
			}
			if !strings.HasPrefix(w.Text, "-") {
				break
			}
		}
	case c.Name == "uv" && len(c.Args) > 0 && (c.Args[0].Text == "pip" || c.Args[0].Text == "venv"):
		c.Name, c.Args = c.Args[0].Text, c.Args[1:]
	}
	return c
}

// newEnvironment is where a command makes a virtual environment, absolute; "" when an option of it is not known to be harmless.
func newEnvironment(c container.Command, uv bool) string {
	place := ""
	for _, w := range c.Args {
		switch {
		case w.Text == "--upgrade-deps" || w.Text == "--without-pip" || w.Text == "--clear" || w.Text == "--symlinks" || w.Text == "--seed":
		case strings.HasPrefix(w.Text, "-") || place != "" || !w.Literal:
			return ""
		default:
			place = container.Absolute(c.Dir, w.Text)
		}
	}
	if place == "" && uv {
		place = container.Absolute(c.Dir, ".venv")
	}
	return place
}

// inEnvironment notes an install that may not go into the environment that was made.
func (in *install) inEnvironment(inst *dockerfile.Instruction, c container.Command) {
	if in.outside > 0 || in.onlyBrings(inst, "uv") > 0 || in.onlyBrings(inst, "pip") > 0 {
		return
	}
	path, _ := in.variable(inst, "PATH")
	if len(in.venvs) == 0 || !strings.HasPrefix(path, in.venvs[0]+"/bin:") {
		in.outside = c.Line
	}
}

func isPip(name string) bool {
	return name == "pip" || strings.HasPrefix(name, "pip3") || strings.HasPrefix(name, "pip2")
}

func verb(c container.Command) string {
	for _, w := range c.Args {
		if !strings.HasPrefix(w.Text, "-") {
			return w.Text
		}
	}
	return ""
}

// otherInstaller tells whether a command installs the project's dependencies without pip.
func otherInstaller(c container.Command) bool {
	v := verb(c)
	switch c.Name {
	case "pdm", "conda", "mamba", "micromamba":
		return v == "install" || v == "sync" || v == "env" || v == "create" || v == "update"
	case "python", "python3":
		return len(c.Args) > 1 && path.Base(c.Args[0].Text) == "setup.py" && (c.Args[1].Text == "install" || c.Args[1].Text == "develop")
	}
	return false
}

// valued are pip's options that take a value and don't matter here.
var valued = map[string]bool{
	"-i": true, "--index-url": true, "--extra-index-url": true, "-f": true, "--find-links": true,
	"--trusted-host": true, "--timeout": true, "--retries": true, "--cache-dir": true, "--proxy": true,
	"--platform": true, "--python-version": true, "--upgrade-strategy": true, "--src": true,
	"--no-binary": true, "--only-binary": true, "-C": true, "--config-settings": true, "--global-option": true,
	"--progress-bar": true, "--cert": true, "--client-cert": true, "--log": true, "--exists-action": true,
	"--abi": true, "--implementation": true, "--report": true, "--root-user-action": true,
	"--use-feature": true, "--use-deprecated": true, "--python": true, "--group": true, "--build-option": true,
	"--index": true, "--resolution": true, "--prerelease": true,
}

// elsewhere are options that install to another place than the environment.
var elsewhere = map[string]bool{"-t": true, "--target": true, "--prefix": true, "--root": true}

// command reads the arguments of pip install.
func (in *install) command(c container.Command) {
	in.pip = true
	args := afterVerb(c.Args)
	for i := 0; i < len(args); i++ {
		name, value, joined := splitOption(args[i].Text)
		literal := args[i].Literal
		takes := name == "-r" || name == "--requirement" || name == "--requirements" || name == "-c" || name == "--constraint" ||
			name == "-e" || name == "--editable" || valued[name] || elsewhere[name]
		if takes && !joined && i+1 < len(args) {
			i++
			value, literal = args[i].Text, args[i].Literal
		}
		in.argument(c, name, value, literal)
	}
}

func (in *install) argument(c container.Command, name, value string, literal bool) {
	source := in.docker(c.Line, "pip install "+strings.TrimSpace(name+" "+value))
	if elsewhere[name] || name == "--user" {
		in.moves = name
	}
	if valued[name] || elsewhere[name] || name != "" && strings.Contains(value, "://") {
		return
	}
	if !literal {
		in.note("manifests", fmt.Sprintf("pip installs %q, which is only known when the build runs", value), source)
		return
	}
	switch name {
	case "-r", "--requirement", "--requirements":
		in.requirementsFile(container.Absolute(c.Dir, value), "requirements", source, 0)
	case "-c", "--constraint":
		in.requirementsFile(container.Absolute(c.Dir, value), "constraints", source, 0)
	case "-e", "--editable":
		in.reads("pip install -e links the environment to the source", "leave out -e, "+apart, source)
		target, _, _ := strings.Cut(value, "[")
		in.projectFiles(c.Dir, target, source)
	case "":
		in.requirement(c, value, source)
	}
}

// afterVerb drops the words up to install.
func afterVerb(args []container.Word) []container.Word {
	for i, w := range args {
		if w.Text == "install" {
			return args[i+1:]
		}
	}
	return nil
}

// splitOption splits "--name=value" and "-rvalue", behind letters without a value; a word without a dash has no name.
func splitOption(w string) (name, value string, joined bool) {
	switch {
	case strings.HasPrefix(w, "--"):
		name, value, joined = strings.Cut(w, "=")
		return name, value, joined
	case strings.HasPrefix(w, "-"):
		letters := strings.TrimLeft(w[1:], "qvUIh") // -qr FILE
		if len(letters) > 0 && strings.IndexByte("rceitf", letters[0]) >= 0 {
			return "-" + letters[:1], letters[1:], len(letters) > 1
		}
		return w, "", false
	}
	return "", w, false
}

// requirement reads a requirement on pip's command line.
func (in *install) requirement(c container.Command, text string, source ecosystem.Source) {
	line, err := requirements.ParseRequirement(text)
	if text == "." || strings.HasPrefix(text, ".[") {
		line.Kind, err = requirements.Local, nil
		line.Target, _, _ = strings.Cut(text, "[")
	}
	if err != nil {
		in.note("manifests", err.Error(), source)
		return
	}
	if line.Kind == requirements.Local {
		in.links("pip install "+text+" builds it from the source", apart, source)
		in.projectFiles(c.Dir, line.Target, source)
		return
	}
	in.deps = append(in.deps, dependency{line, source})
}

// apart is how pip installs what a project needs without its source.
const apart = "install what it needs from a requirements file before the source is copied, and give this install --no-deps"

// links notes an installation that builds from the source, or links to it, and reads it for nothing else: source that lies at the
// same place in the builder and in the runner is all that it needs.
func (in *install) links(why, advice string, source ecosystem.Source) {
	in.reads(why, advice, source)
	in.localOnly = in.facts.InstallReadsSource.Source == source
}

// reads notes an installation that needs more than manifests; advice is as in Facts.InstallApart.
func (in *install) reads(why, advice string, source ecosystem.Source) {
	in.localOnly = false
	if !in.facts.InstallReadsSource.Known() {
		in.facts.InstallReadsSource = ecosystem.Fact[string]{Value: why, Source: source}
		in.facts.InstallApart = advice
	}
}

// requirementsFile reads a file of the image, if the context has it, and all that it includes.
func (in *install) requirementsFile(image, kind string, source ecosystem.Source, depth int) {
	name, ok := in.files.InContext(image)
	if in.generated[image] {
		return // out of manifests that are known
	}
	if !ok {
		in.note("manifests", image+" does not come from the build context", source)
		in.reads(image+" does not come from the build context", "", source)
		return
	}
	if in.seen[name] || depth > maxNested || len(in.seen) >= maxManifests {
		return
	}
	in.seen[name] = true
	text, ok := readSmall(in.in.Context, name)
	if !ok {
		in.note("manifests", name+" can't be read", source)
		return
	}
	in.facts.Manifests = append(in.facts.Manifests, ecosystem.Fact[ecosystem.Manifest]{Value: ecosystem.Manifest{Path: name, Kind: kind}, Source: source})
	in.lines(image, name, kind, text, depth)
}

func (in *install) lines(image, name, kind, text string, depth int) {
	lines, errs := requirements.Parse([]byte(text))
	for _, err := range errs {
		in.note("manifests", err.Message, ecosystem.Source{File: name, Line: err.Line, Note: "can't be read"})
	}
	for _, l := range lines {
		if strings.Contains(l.Target, "://") && l.Kind >= requirements.Include {
			continue // read from the network
		}
		at := ecosystem.Source{File: name, Line: l.Number, Note: l.Text}
		switch l.Kind {
		case requirements.Include, requirements.Constraint:
			inner := kind
			if l.Kind == requirements.Constraint {
				inner = "constraints"
			}
			in.requirementsFile(container.Absolute(path.Dir(image), l.Target), inner, at, depth+1)
		case requirements.Option:
			if _, here := in.files.InContext(container.Absolute(path.Dir(image), l.Value)); here && l.Option == "--find-links" {
				in.links(name+" has pip look for packages in "+l.Value+", which lies in the source", "", at)
			}
		case requirements.Local:
			in.reads(name+" asks for "+l.Target+", which lies in the source", "", at)
		case requirements.Package, requirements.VCS, requirements.Remote:
			if kind == "requirements" {
				in.deps = append(in.deps, dependency{l, at})
			}
		}
	}
}

// projectFiles records the manifests of a project that pip builds.
func (in *install) projectFiles(dir, target string, source ecosystem.Source) {
	for _, f := range projectManifests {
		name, ok := in.files.InContext(path.Join(container.Absolute(dir, target), f.name))
		if !ok || in.seen[name] {
			continue
		}
		text, ok := readSmall(in.in.Context, name)
		if !ok {
			continue
		}
		in.seen[name] = true
		manifest := ecosystem.Manifest{Path: name, Kind: f.kind}
		in.facts.Manifests = append(in.facts.Manifests, ecosystem.Fact[ecosystem.Manifest]{Value: manifest, Source: source})
		in.deps = append(in.deps, f.read(name, text)...)
	}
}

// has returns the dependency of that name.
func has(deps []dependency, name string) (dependency, bool) {
	i := slices.IndexFunc(deps, func(d dependency) bool { return d.Name == name })
	if i < 0 {
		return dependency{}, false
	}
	return deps[i], true
}
