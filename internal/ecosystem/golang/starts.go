package golang

import (
	"go/ast"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/shell"
)

// starters are functions that start a program, with the argument that is its name. What follows are the program's own
// arguments, or a slice of its whole command.
var starters = map[string]int{"os/exec.Command": 0, "os/exec.CommandContext": 1, "os.StartProcess": 0, "syscall.Exec": 0, "os/exec.LookPath": 0}

// unknown stands in shell code for what is only known when the program runs.
const unknown = "${_}"

// maxNested bounds shell code within shell code, and scripts that call others.
const maxNested = 10

// starts gathers the programs that the source starts, and what the shell code among them calls and names.
type starts struct {
	d        *detection
	programs []ecosystem.Fact[string]
	// names are words that may name files, those of the context that are started first of all. Unclear is a word of
	// which that is not known; the zero Source when there is none.
	names   []ecosystem.Fact[string]
	unclear ecosystem.Source
	scripts map[string]bool // those of the context that were read
	depth   int
}

// starts finds the programs of the source, and then those of the health check; one whose name is not known is told in a note.
func (d *detection) starts() *starts {
	s := &starts{d: d, scripts: map[string]bool{}}
	d.src.calls(func(c *ast.CallExpr, name string, at place) {
		i, ok := starters[name]
		if !ok || i >= len(c.Args) {
			return
		}
		source := d.src.at(c, "starts it")
		here := func(dockerfile.Span) ecosystem.Source { return source }
		args := []ast.Expr{c.Args[i]}
		if name != "os/exec.LookPath" {
			args = append(args, arguments(c, i+1)...)
		}
		for _, line := range d.src.commandLines(args, at) {
			s.code(line, here)
		}
	})
	d.facts.Programs = slices.Clip(s.programs)
	s.healthCheck()
	return s
}

// healthCheck finds what the health check starts: a shell for its shell form.
func (s *starts) healthCheck() {
	check := s.d.state.Healthcheck
	if check == nil || check.Inner == nil { // none, or NONE
		return
	}
	source := s.d.docker(s.d.in.Dockerfile.Position(check.Span.Start).Line, "the health check starts it")
	script, err := shell.Parse(s.d.in.Dockerfile, check)
	if err != nil {
		s.unknown(source)
		return
	}
	if !check.Inner.JSON {
		s.program(shell.Word{Text: "sh", Literal: true}, source)
	}
	s.script(script, func(dockerfile.Span) ecosystem.Source { return source })
}

// arguments are those of the program that a call starts: the call's own from one on, or the elements of a slice behind the first.
// A slice that is not written out is one argument that is not known.
func arguments(c *ast.CallExpr, from int) []ast.Expr {
	if from >= len(c.Args) {
		return nil
	}
	if list, ok := c.Args[from].(*ast.CompositeLit); ok && len(list.Elts) > 0 {
		if c.Ellipsis.IsValid() {
			return list.Elts
		}
		return list.Elts[1:]
	}
	return c.Args[from:]
}

// commandLines are the commands that arguments may make, quoted for a shell.
func (s *sources) commandLines(args []ast.Expr, at place) []string {
	line := known{texts: []string{""}}
	for _, a := range args {
		k := known{}
		for _, text := range s.code(a, at, 0) {
			k.texts = append(k.texts, shell.Quote([]string{text}))
		}
		line = join(line, k, " ")
	}
	if len(line.texts) == 0 { // longer than what is followed
		return []string{unknown}
	}
	return line.texts
}

// code are the texts that an expression may have, with a mark in the place of each part that is not known.
func (s *sources) code(x ast.Expr, at place, depth int) []string {
	if k := s.text(x, at); k.all && len(k.texts) > 0 {
		return k.texts
	}
	if depth > maxDepth {
		return []string{unknown}
	}
	depth++
	switch x := x.(type) {
	case *ast.ParenExpr:
		return s.code(x.X, at, depth)
	case *ast.BinaryExpr:
		return join(known{texts: s.code(x.X, at, depth)}, known{texts: s.code(x.Y, at, depth)}, "").texts
	case *ast.Ident:
		return s.assignedCode(x, at, depth)
	case *ast.CallExpr:
		if at.f.name(x.Fun) == "fmt.Sprintf" && len(x.Args) > 0 {
			var list []string
			for _, format := range s.code(x.Args[0], at, depth) {
				list = append(list, strings.ReplaceAll(verb.ReplaceAllLiteralString(format, unknown), "%%", "%"))
			}
			return list
		}
	}
	if k := s.text(x, at); len(k.texts) > 0 {
		return append(k.texts, unknown)
	}
	return []string{unknown}
}

// verb is one of a format of fmt, without %%.
var verb = regexp.MustCompile(`%[-+# 0-9.*\[\]]*[a-zA-Z]`)

// assignedCode is what a function assigns to a variable of its own.
func (s *sources) assignedCode(x *ast.Ident, at place, depth int) (list []string) {
	if at.fn == nil {
		return []string{unknown}
	}
	for _, v := range s.assigned(at.fn)[x.Name] {
		more := []string{unknown}
		if v != nil {
			more = s.code(v, at, depth)
		}
		list = union(known{texts: list}, known{texts: more}).texts
	}
	if len(list) == 0 {
		return []string{unknown}
	}
	return list
}

// code reads shell code; what can't be read is a program that is not known.
func (s *starts) code(text string, at func(dockerfile.Span) ecosystem.Source) {
	script, _, err := container.ParseScript(text)
	if err != nil || s.depth >= maxNested {
		s.unknown(at(dockerfile.Span{}))
		return
	}
	s.script(script, at)
}

func (s *starts) script(script *shell.Script, at func(dockerfile.Span) ecosystem.Source) {
	s.depth++
	defer func() { s.depth-- }()
	for _, c := range script.Commands() {
		if len(c.Words) == 0 {
			continue
		}
		source := at(c.Span)
		for _, w := range c.Words[1:] {
			s.word(w, source)
		}
		if c.Words[0].Text == "[" { // read as a pattern
			continue
		}
		s.program(c.Words[0], source)
		call, ok := c.Call()
		if !ok {
			s.unknown(source)
			continue
		}
		s.program(call.Program, source)
		switch {
		case slices.Contains(shells, call.Name):
			s.nested(call, source)
		case (call.Name == "." || call.Name == "source") && len(call.Args) > 0:
			s.program(call.Args[0], source)
		case call.Name == "xargs" || call.Name == "find": // start others that stand among their words
			for _, w := range call.Args {
				if ecosystem.DebianPackages(w.Text) != nil {
					s.program(w, source)
				}
			}
		}
	}
}

// shells are programs that run shell code.
var shells = []string{"sh", "bash", "dash"}

// nested follows the code or script that a shell is given; one that reads another input runs what is not known.
func (s *starts) nested(call shell.Call, source ecosystem.Source) {
	inline := false
	for i := 0; i < len(call.Args); i++ {
		text := call.Args[i].Text
		switch {
		case strings.HasPrefix(text, "-"):
			inline = inline || !strings.HasPrefix(text, "--") && strings.Contains(text, "c")
			if strings.HasSuffix(text, "o") {
				i++ // -o pipefail
			}
			continue
		case !inline:
			file := call.Args[i]
			if !strings.Contains(file.Text, "/") {
				file.Text = "./" + file.Text // a shell looks for it where it runs
			}
			s.program(file, source)
		case !call.Args[i].Literal:
			s.unknown(source)
		default:
			s.code(text, func(dockerfile.Span) ecosystem.Source { return source })
		}
		return
	}
	s.unknown(source)
}

func (s *starts) unknown(source ecosystem.Source) {
	source.Note = "starts a program"
	s.d.note("programs", "starts a program whose name is only known when it runs", source)
}

// program is one that is started by name; a script of the context is read.
func (s *starts) program(w shell.Word, source ecosystem.Source) {
	switch {
	case shell.IsBuiltin(w.Text):
		return
	case !w.Literal || strings.Contains(w.Text, unknown):
		s.unknown(source)
		return
	case slices.ContainsFunc(s.programs, func(f ecosystem.Fact[string]) bool { return f.Value == w.Text }):
		return
	}
	s.programs = append(s.programs, ecosystem.Fact[string]{Value: w.Text, Source: source})
	name, _, ok := s.d.inContext(w.Text)
	if !ok || s.scripts[name] {
		return
	}
	text := container.ShellText(s.d.in.Context, name)
	if text == "" {
		return
	}
	s.scripts[name] = true
	script, line, err := container.ParseScript(text)
	if err != nil {
		s.unknown(ecosystem.Source{File: name})
		return
	}
	s.script(script, func(span dockerfile.Span) ecosystem.Source {
		return ecosystem.Source{File: name, Line: line(span), Note: "starts it"}
	})
}

// word remembers what may name a file.
func (s *starts) word(w shell.Word, source ecosystem.Source) {
	switch {
	case slices.Contains([]string{".", "..", "/"}, w.Text):
	case w.Literal && !strings.Contains(w.Text, unknown):
		source.Note = "names it"
		s.names = append(s.names, ecosystem.Fact[string]{Value: w.Text, Source: source})
	case strings.Contains(w.Text, "/") && !strings.Contains(w.Text, "://") && s.unclear.File == "" && s.scripts[source.File]:
		source.Note = "names a path that is only known when it runs"
		s.unclear = source
	}
}

// inContext is the file of the context that a program's name leads to, and its place in the image.
func (d *detection) inContext(program string) (name, place string, ok bool) {
	if d.files == nil {
		return "", "", false
	}
	places := []string{d.absolute(program)}
	if !strings.Contains(program, "/") {
		places = nil
		for _, dir := range d.searchPath() {
			places = append(places, path.Join(dir, program))
		}
	}
	for _, place := range places {
		if name, ok := d.files.InContext(place); ok && fs.ValidPath(name) && d.dir(name) == "" {
			return name, place, true
		}
	}
	return "", "", false
}
