package golang

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// building is all that the Dockerfile does to make the program.
type building struct {
	stage *dockerfile.Stage // of the last build
	base  base              // of that stage
	steps []*step
	// unclear says why the outputs are not known; empty when they are.
	unclear string
	line    int // of what is unclear
}

// step is one command that makes programs, or moves or changes one that is made.
type step struct {
	command  container.Command
	verb     string   // "build", "install"; "" for what follows a build: mv, cp, chmod, strip
	dir      string   // absolute, with -C followed
	packages []string // as written
	output   string   // of -o, as written
	tags     given    // of -tags, as written
	env      map[string]string
	outputs  []output
}

// given is a flag's value, with $ in it where that is not known.
type given struct {
	value string
	set   bool
}

// output is a program in the image.
type output struct {
	path string // absolute
	pkg  string // directory of the package in the context; "" when it is not known
}

// withValue are flags of go build and go install whose value may stand in a word of its own.
var withValue = map[string]bool{
	"o": true, "p": true, "asmflags": true, "buildmode": true, "compiler": true, "gccgoflags": true, "gcflags": true,
	"installsuffix": true, "ldflags": true, "mod": true, "modfile": true, "overlay": true, "pgo": true,
	"pkgdir": true, "tags": true, "toolexec": true, "C": true, "coverpkg": true, "covermode": true, "vet": true,
}

// findBuilds lists the steps that build, in the stages that the final image is made of.
func (d *detection) findBuilds() *building {
	b := &building{}
	for _, stage := range container.Stages(d.in.Dockerfile, d.in.Final) {
		for _, inst := range stage.Instructions {
			if inst.Keyword != "RUN" {
				continue
			}
			before := len(b.steps)
			d.stepsOf(b, inst)
			if len(b.steps) > before {
				b.stage = stage
			}
		}
	}
	if b.stage != nil {
		b.base = baseOf(d.in.Dockerfile, b.stage)
		d.files = container.FilesOf(d.in.Dockerfile, b.stage, d.in.Context)
	}
	return b
}

func (d *detection) stepsOf(b *building, inst *dockerfile.Instruction) {
	env := map[string]string{}
	for _, v := range d.in.Dockerfile.StateBefore(inst).Env {
		env[v.Name] = v.Value
	}
	for _, c := range container.Commands(d.in.Dockerfile, inst) {
		switch {
		case c.Name == "export":
			for _, a := range c.Args {
				if name, value, ok := strings.Cut(a.Text, "="); ok {
					env[name] = value
				}
			}
		case c.Name == "go":
			if s := goStep(c, env); s != nil {
				b.steps = append(b.steps, s)
			}
		case c.Name == "make" && d.in.Context != nil && d.exists("go.mod"):
			if b.unclear == "" {
				b.unclear, b.line = "make runs commands that are not read: run go build in the Dockerfile", c.Line
			}
		case follows[c.Name] && len(b.steps) > 0:
			b.steps = append(b.steps, &step{command: c, dir: c.Dir})
		}
	}
}

// follows are commands that move a program that was built, or change it where it is.
var follows = map[string]bool{"mv": true, "cp": true, "install": true, "chmod": true, "strip": true, "upx": true}

// goStep reads go build and go install; nil for other commands and for tools that are installed by version.
func goStep(c container.Command, env map[string]string) *step {
	args := c.Args
	dir := c.Dir
	if len(args) > 1 && args[0].Text == "-C" {
		dir, args = container.Absolute(dir, args[1].Text), args[2:]
	}
	if len(args) == 0 || args[0].Text != "build" && args[0].Text != "install" {
		return nil
	}
	s := &step{command: c, verb: args[0].Text, dir: dir, env: map[string]string{}}
	for name, value := range env {
		s.env[name] = value
	}
	for _, v := range c.Env {
		s.env[v.Name] = v.Value.Text
		if !v.Value.Literal {
			s.env[v.Name] = "$"
		}
	}
	if !s.read(args[1:]) {
		return nil
	}
	return s
}

// read takes over flags and packages; false when a version is installed, which is no package of the context.
func (s *step) read(args []container.Word) bool {
	for i := 0; i < len(args); i++ {
		text := args[i].Text
		if !args[i].Literal && !strings.HasPrefix(text, "-") {
			s.packages = append(s.packages, "$")
			continue
		}
		if !strings.HasPrefix(text, "-") {
			if strings.Contains(text, "@") {
				return false
			}
			s.packages = append(s.packages, text)
			continue
		}
		name, value, joined := strings.Cut(strings.TrimLeft(text, "-"), "=")
		literal := args[i].Literal
		if !joined && withValue[name] && i+1 < len(args) {
			i++
			value, literal = args[i].Text, args[i].Literal
		}
		switch {
		case name == "o" && !literal:
			s.output = "$"
		case name == "o":
			s.output = value
		case name == "tags" && !literal:
			s.tags = given{"$", true}
		case name == "tags":
			s.tags = given{value, true}
		case name == "C":
			s.dir = container.Absolute(s.dir, value)
		case name == "buildmode" && value != "exe" && value != "pie" && value != "default":
			return false
		}
	}
	return true
}

// name finds out where the programs lie, following those that are moved.
func (b *building) name(d *detection) {
	var kept []*step
	for _, s := range b.steps {
		switch {
		case s.verb == "":
			if b.follow(s) {
				kept = append(kept, s)
			}
			continue
		case s.output == "$" || slices.Contains(s.packages, "$"):
			b.confuse("the path or package that it builds depends on a variable", s)
		case s.env["GOOS"] != "" && s.env["GOOS"] != "linux":
			b.confuse("it builds for GOOS="+s.env["GOOS"], s)
		default:
			s.outputs = d.outputsOf(s)
		}
		kept = append(kept, s)
	}
	b.steps = kept
}

func (b *building) confuse(why string, s *step) {
	if b.unclear == "" {
		b.unclear, b.line = why, s.command.Line
	}
}

// follow applies mv, cp and the like to the outputs so far; false when they touch none.
func (b *building) follow(s *step) bool {
	var operands []string
	for _, a := range s.command.Args {
		if !strings.HasPrefix(a.Text, "-") {
			operands = append(operands, container.Absolute(s.dir, a.Text))
		}
	}
	touched := false
	for _, made := range b.steps {
		for i := range made.outputs {
			o := &made.outputs[i]
			if !slices.Contains(operands, o.path) {
				continue
			}
			touched = true
			if n := len(operands); (s.command.Name == "mv" || s.command.Name == "cp" || s.command.Name == "install") && operands[n-1] != o.path {
				o.path = moved(o.path, operands[n-1], s.command.Args[len(s.command.Args)-1].Text)
			}
		}
	}
	return touched
}

// moved is where mv puts a file.
func moved(file, dest, written string) string {
	if strings.HasSuffix(written, "/") || written == "." || slices.Contains([]string{"/usr/local/bin", "/usr/bin", "/bin", "/", "/go/bin", "/opt", "/app", "/usr/local/sbin"}, dest) && path.Base(file) != path.Base(dest) {
		return path.Join(dest, path.Base(file))
	}
	return dest
}

// outputsOf names what a step makes, as the go command does.
func (d *detection) outputsOf(s *step) []output {
	packages := d.mains(s)
	if s.verb == "install" {
		return inDir(d.binDir(s), packages, d)
	}
	switch {
	case s.output == "":
		if len(packages) != 1 {
			return nil // several packages are compiled, and nothing is kept
		}
		return inDir(s.dir, packages, d)
	case s.output == "/dev/null":
		return nil
	case strings.HasSuffix(s.output, "/") || d.isDir(container.Absolute(s.dir, s.output)) || len(packages) > 1:
		return inDir(container.Absolute(s.dir, s.output), packages, d)
	}
	o := output{path: container.Absolute(s.dir, s.output)}
	if len(packages) == 1 {
		o.pkg = packages[0].dir
	}
	return []output{o}
}

func (d *detection) isDir(image string) bool {
	name, ok := d.files.InContext(image)
	if !ok || !fs.ValidPath(name) || d.in.Context == nil {
		return false
	}
	info, err := fs.Stat(d.in.Context, name)
	return err == nil && info.IsDir()
}

// binDir is where go install puts programs: GOBIN, or bin below GOPATH, which is /go in the official image.
func (d *detection) binDir(s *step) string {
	if bin := s.env["GOBIN"]; bin != "" {
		return bin
	}
	if gopath := s.env["GOPATH"]; gopath != "" {
		return path.Join(gopath, "bin")
	}
	return "/go/bin"
}

func inDir(dir string, packages []mainPackage, d *detection) []output {
	var list []output
	for _, p := range packages {
		list = append(list, output{path: path.Join(dir, p.program), pkg: p.dir})
	}
	return list
}

// facts are the steps for the rules.
func (b *building) facts(d *detection) []ecosystem.Fact[string] {
	var list []ecosystem.Fact[string]
	for _, s := range b.steps {
		text := s.command.Name
		for _, a := range s.command.Args {
			text += " " + a.Text
		}
		note := "builds the program"
		if s.verb == "" {
			note = "puts the program into its place"
		}
		list = append(list, ecosystem.Fact[string]{Value: text, Source: d.docker(s.command.Line, note)})
	}
	return list
}

// outputs are all programs that are made, each once.
func (b *building) outputs() []output {
	var list []output
	for _, s := range b.steps {
		for _, o := range s.outputs {
			if !slices.Contains(list, o) {
				list = append(list, o)
			}
		}
	}
	return list
}
