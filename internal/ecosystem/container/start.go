package container

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/shell"
)

// Start is the command that a container of a stage starts.
type Start struct {
	// Argv is the command without a shell; nil when it is not known, for Reason.
	Argv   []string
	Reason string
	// Likely is the command with variables replaced by what the image sets, as
	// a shell would run it: good to read options from, not to run. It equals
	// Argv where that is known.
	Likely []string
	Line   int // of the instruction that names the program; 0 when there is none
}

// StartOf combines ENTRYPOINT and CMD as Docker does: a shell-form entry point
// ignores CMD; an exec-form one gets CMD's words, with the shell in front when CMD is in shell form.
func StartOf(f *dockerfile.File, stage *dockerfile.Stage) Start {
	if f == nil || stage == nil {
		return Start{Reason: "there is no Dockerfile"}
	}
	return startOf(f, f.EndState(stage))
}

// StartGiven is StartOf a container that is given another value of a variable than the image's.
func StartGiven(f *dockerfile.File, stage *dockerfile.Stage, name, value string) Start {
	if f == nil || stage == nil {
		return StartOf(f, stage)
	}
	state := f.EndState(stage)
	given := dockerfile.Var{Name: name, Value: value}
	state.Env = append(slices.DeleteFunc(slices.Clone(state.Env), func(v dockerfile.Var) bool { return v.Name == name }), given)
	return startOf(f, state)
}

func startOf(f *dockerfile.File, state dockerfile.State) Start {
	entry, cmd := state.Entrypoint, state.Cmd
	switch {
	case entry == nil && cmd == nil:
		return Start{Reason: "neither CMD nor ENTRYPOINT is set, so the base image decides"}
	case entry == nil || isEmpty(entry):
		return single(f, cmd, state)
	case cmd == nil || !entry.JSON:
		return single(f, entry, state)
	case !cmd.JSON:
		return Start{Reason: "the exec-form ENTRYPOINT gets a shell-form CMD as its arguments", Line: line(f, entry)}
	}
	return exec(f, entry, append(texts(entry), texts(cmd)...), state)
}

// StartedWith is what a container of a stage starts with another command than the image's own.
func StartedWith(f *dockerfile.File, stage *dockerfile.Stage, c ecosystem.Command) Start {
	state := f.EndState(stage)
	argv := append(slices.Clone(c.Entrypoint), c.Argv...)
	if entry := state.Entrypoint; c.Entrypoint == nil && entry != nil {
		if !entry.JSON {
			return StartOf(f, stage) // the shell that it starts leaves the command aside
		}
		argv = append(texts(entry), c.Argv...)
	}
	if c.Argv == nil && c.Entrypoint == nil {
		return StartOf(f, stage)
	}
	if len(argv) == 0 {
		return Start{Reason: "the command is empty"}
	}
	return words(argv, state, 0)
}

func isEmpty(i *dockerfile.Instruction) bool { return i.JSON && len(i.Args) == 0 }

func line(f *dockerfile.File, i *dockerfile.Instruction) int { return f.Position(i.Span.Start).Line }

func texts(i *dockerfile.Instruction) []string {
	list := make([]string, len(i.Args))
	for n, w := range i.Args {
		list[n] = w.Text
	}
	return list
}

func single(f *dockerfile.File, inst *dockerfile.Instruction, state dockerfile.State) Start {
	switch {
	case inst == nil || isEmpty(inst):
		return Start{Reason: "the command is empty"}
	case inst.JSON:
		return exec(f, inst, texts(inst), state)
	}
	parsed, err := shell.Parse(f, inst)
	if err != nil {
		return Start{Reason: err.Error(), Line: line(f, inst)}
	}
	return fromScript(parsed, state, line(f, inst))
}

// exec is an exec-form command; one that only starts a shell is looked into.
func exec(f *dockerfile.File, inst *dockerfile.Instruction, argv []string, state dockerfile.State) Start {
	return words(argv, state, line(f, inst))
}

func words(argv []string, state dockerfile.State, line int) Start {
	code, ok := shellCode(argv)
	if !ok {
		return Start{Argv: argv, Likely: argv, Line: line}
	}
	parsed, err := parseCode(code)
	if err != nil {
		return Start{Reason: "the command is shell code that can't be read", Line: line}
	}
	return fromScript(parsed, state, line)
}

// shellCode recognises sh -c CODE.
func shellCode(argv []string) (string, bool) {
	if len(argv) != 3 || argv[1] != "-c" && argv[1] != "-lc" && argv[1] != "-ec" {
		return "", false
	}
	switch path.Base(argv[0]) {
	case "sh", "bash", "ash", "dash":
		return argv[2], true
	}
	return "", false
}

// parseCode reads shell code that stands alone, by giving it a Dockerfile to stand in.
func parseCode(code string) (*shell.Script, error) {
	if strings.ContainsAny(code, "\r\n") {
		return nil, fmt.Errorf("reading shell code: it has several lines")
	}
	f, err := dockerfile.Parse("", []byte("FROM scratch\nRUN "+code))
	if err != nil || len(f.Instructions) != 2 {
		return nil, fmt.Errorf("reading shell code: %w", err)
	}
	return shell.Parse(f, f.Instructions[1])
}

func fromScript(parsed *shell.Script, state dockerfile.State, line int) Start {
	s := Start{Line: line, Argv: parsed.Argv()}
	commands := parsed.Commands()
	if s.Argv == nil {
		s.Reason = "the command needs a shell: " + whyShell(commands)
	}
	if s.Likely = s.Argv; s.Likely == nil && len(commands) > 0 {
		s.Likely = likely(commands[len(commands)-1], state)
	}
	return s
}

// Plain is a command that needs no shell, such as a script of package.json, as argv; why says what stands against that.
func Plain(code string) (argv []string, why string) {
	code = strings.TrimSpace(code)
	if code == "" || strings.ContainsAny(code[:1], "-[<#") {
		return nil, "the command can't be read"
	}
	parsed, err := parseCode(code)
	if err != nil {
		return nil, "the command can't be read"
	}
	if argv = parsed.Argv(); argv == nil {
		return nil, whyShell(parsed.Commands())
	}
	return argv, ""
}

func whyShell(commands []shell.Command) string {
	for _, c := range commands {
		switch {
		case c.Op != "":
			return fmt.Sprintf("it joins commands with %q", c.Op)
		case len(c.Assignments) > 0:
			return "it sets " + c.Assignments[0].Name
		case c.Redirects:
			return "it redirects input or output"
		}
		for _, w := range c.Words {
			if !w.Literal {
				return fmt.Sprintf("it expands %q", w.Text)
			}
		}
	}
	return "it is more than one program with its arguments"
}

// likely is what the last command runs when variables have the values that the image sets, or their defaults.
func likely(c shell.Command, state dockerfile.State) []string {
	lookup := func(name string) (string, bool) {
		v, ok := state.EnvVar(name)
		return v.Value, ok
	}
	var argv []string
	for _, w := range c.Words {
		text := w.Text
		if !w.Literal {
			if expanded, err := dockerfile.Expand(text, '\\', lookup); err == nil {
				text = expanded
			}
		}
		if len(argv) > 0 || text != "exec" {
			argv = append(argv, text)
		}
	}
	return argv
}
