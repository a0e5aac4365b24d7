package container

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/shell"
)

const (
	maxScripts    = 20
	maxScriptSize = 64 << 10
)

// Called are the programs that an image's health check calls, and the shell scripts of the context that its start
// command names, with those that these name in turn. What a script calls under some condition alone counts: no run
// of the image shows it.
func Called(in ecosystem.Input) []ecosystem.Fact[string] {
	if in.Dockerfile == nil || in.Final == nil || in.Context == nil {
		return nil
	}
	c := &callers{in: in, files: FilesOf(in.Dockerfile, in.Final, in.Context), read: map[string]bool{}}
	state := in.Dockerfile.EndState(in.Final)
	c.workdir = state.Workdir
	for _, inst := range []*dockerfile.Instruction{state.Entrypoint, state.Cmd, state.Healthcheck} {
		if inst == nil {
			continue
		}
		if entry := state.Entrypoint; inst == state.Cmd && entry != nil && !isEmpty(entry) { // its words are arguments
			for _, word := range texts(inst) {
				c.follow(word)
			}
			continue
		}
		if script, err := shell.Parse(in.Dockerfile, inst); err == nil {
			c.script(script, func(s dockerfile.Span) ecosystem.Source {
				return ecosystem.Source{File: in.Dockerfile.Name, Line: in.Dockerfile.Position(s.Start).Line, Note: "calls it"}
			})
		}
	}
	return c.found
}

// callers gathers what scripts call.
type callers struct {
	in      ecosystem.Input
	files   *Files
	workdir string
	read    map[string]bool // scripts by their path in the context
	found   []ecosystem.Fact[string]
}

func (c *callers) script(s *shell.Script, at func(dockerfile.Span) ecosystem.Source) {
	for _, call := range s.Calls() {
		if !slices.ContainsFunc(c.found, func(f ecosystem.Fact[string]) bool { return f.Value == call.Name }) {
			c.found = append(c.found, ecosystem.Fact[string]{Value: call.Name, Source: at(call.Span)})
		}
		for _, w := range append([]shell.Word{call.Program}, call.Args...) {
			if w.Literal {
				c.follow(w.Text)
			}
		}
	}
}

// binaries are where a program is looked for that is called by its name alone.
var binaries = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// follow reads the shell script of the context that a word names, if it does.
func (c *callers) follow(word string) {
	dirs := []string{c.workdir}
	if !strings.Contains(word, "/") {
		dirs = append(dirs, binaries...)
	}
	for _, dir := range dirs {
		name, ok := c.files.InContext(Absolute(dir, word))
		if !ok || c.read[name] || len(c.read) == maxScripts {
			continue
		}
		if text := ShellText(c.in.Context, name); text != "" {
			c.read[name] = true
			c.parse(name, text)
			return
		}
	}
}

// ShellText is what a shell script has; empty for any other file.
func ShellText(context fs.FS, name string) string {
	info, err := fs.Stat(context, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxScriptSize {
		return ""
	}
	text, err := fs.ReadFile(context, name)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), "\n")
	interpreter, named := strings.CutPrefix(first, "#!")
	if named && !slices.ContainsFunc(strings.Fields(interpreter), isShell) || !named && path.Ext(name) != ".sh" {
		return ""
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

func isShell(program string) bool {
	return slices.Contains([]string{"sh", "bash", "dash", "ash"}, path.Base(program))
}

// endOfScript ends the heredoc that a script is read as.
const endOfScript = "END_OF_THE_SCRIPT_THAT_IS_READ"

// parse reads a script of the context.
func (c *callers) parse(name, text string) {
	s, line, err := ParseScript(text)
	if err != nil {
		return
	}
	c.script(s, func(span dockerfile.Span) ecosystem.Source {
		return ecosystem.Source{File: name, Line: line(span), Note: "calls it"}
	})
}

// ParseScript reads a shell script by giving it a Dockerfile to stand in. line is the one of the script that a place stands in.
func ParseScript(text string) (s *shell.Script, line func(dockerfile.Span) int, err error) {
	f, err := dockerfile.Parse("", []byte("FROM scratch\nRUN <<'"+endOfScript+"'\n"+text+"\n"+endOfScript+"\n"))
	if err == nil && len(f.Instructions) != 2 {
		err = errors.New("it ends early")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading a shell script: %w", err)
	}
	const above = 2 // lines of the Dockerfile that are not the script's
	s, err = shell.Parse(f, f.Instructions[1])
	return s, func(span dockerfile.Span) int { return f.Position(span.Start).Line - above }, err
}

// builtins are commands of the shell itself.
var builtins = []string{":", ".", "[", "cd", "echo", "eval", "exit", "export", "false", "printf", "pwd", "read", "set", "shift", "source", "test", "trap", "true", "ulimit", "umask", "unset", "wait"}

// Started are the programs that shell code starts; all is false when there may be more.
func Started(code string) (names []string, all bool) {
	s, _, err := ParseScript(code)
	if err != nil {
		return nil, false
	}
	all = true
	for _, c := range s.Commands() {
		call, ok := c.Call()
		if !ok {
			all = all && len(c.Words) == 0 // assignments alone start nothing
			continue
		}
		all = all && call.Name != "eval"
		if !slices.Contains(builtins, call.Name) {
			names = append(names, call.Program.Text)
		}
		inner, whole := startedBy(call)
		names, all = append(names, inner...), all && whole
	}
	return names, all
}

// startedBy are the programs that code given to a shell starts.
func startedBy(call shell.Call) (names []string, all bool) {
	if !isShell(call.Name) {
		return nil, true
	}
	for i, w := range call.Args {
		if strings.HasPrefix(w.Text, "-") && strings.HasSuffix(w.Text, "c") && i+1 < len(call.Args) {
			return Started(call.Args[i+1].Text)
		}
	}
	return nil, true
}
