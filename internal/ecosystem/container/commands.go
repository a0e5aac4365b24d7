package container

import (
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/shell"
)

// Command is one program that a RUN starts.
type Command struct {
	Name string // without its folder
	Args []Word
	Env  []Variable // set for it alone: NAME=value in front of it, or given to env
	Dir  string     // where it runs, absolute in the image
	Line int        // in the Dockerfile
	Span dockerfile.Span
	// Plain says that it runs whenever those in front of it succeed, with nothing redirected.
	Plain bool
	Inst  *dockerfile.Instruction
}

// Variable is a variable of the environment.
type Variable struct {
	Name  string
	Value Word
}

// Word is an argument; Literal says that nothing in it is left to expand. A
// pattern such as uvicorn[standard] counts as literal: it matches no file.
type Word struct {
	Text    string
	Literal bool
}

// Stages are the stage and all that it builds on or copies from, earliest first.
func Stages(f *dockerfile.File, final *dockerfile.Stage) []*dockerfile.Stage {
	wanted := map[*dockerfile.Stage]bool{final: true}
	for i := len(f.Stages) - 1; i >= 0; i-- {
		if s := f.Stages[i]; wanted[s] {
			for _, u := range s.Uses {
				wanted[u] = true
			}
		}
	}
	var list []*dockerfile.Stage
	for _, s := range f.Stages {
		if wanted[s] {
			list = append(list, s)
		}
	}
	return list
}

// Commands lists the programs that a RUN starts, with variables of the build
// replaced and cd followed. Shell code that can't be read has none.
func Commands(f *dockerfile.File, inst *dockerfile.Instruction) []Command {
	script, err := shell.Parse(f, inst)
	if err != nil {
		return nil
	}
	state := f.StateBefore(inst)
	dirs := []string{state.Workdir} // by depth
	var list []Command
	for _, c := range script.Commands() {
		depth := min(c.Depth, 50) + 1
		for len(dirs) <= depth {
			dirs = append(dirs, dirs[len(dirs)-1])
		}
		dirs = dirs[:depth+1]
		call, ok := c.Call()
		if !ok {
			continue
		}
		cmd := Command{Name: call.Name, Dir: dirs[depth], Line: f.Position(c.Span.Start).Line, Span: c.Span, Plain: isPlain(c), Inst: inst}
		cmd.Env = environment(state, inst, call, script.Exec)
		for _, w := range call.Args {
			cmd.Args = append(cmd.Args, expand(state, inst, w, script.Exec))
		}
		if target, ok := changesDir(cmd); ok {
			dirs[depth] = Absolute(dirs[depth], target)
		}
		list = append(list, cmd)
	}
	return list
}

func isPlain(c shell.Command) bool {
	return c.Depth == 0 && !c.Redirects && !c.Negated && !c.Background && !c.Piped && (c.Op == "" || c.Op == "&&" || c.Op == ";")
}

// environment are the variables that are set for one command alone.
func environment(state dockerfile.State, inst *dockerfile.Instruction, call shell.Call, exec bool) []Variable {
	var list []Variable
	for _, a := range call.Assignments {
		list = append(list, Variable{a.Name, expand(state, inst, a.Value, exec)})
	}
	for _, w := range call.Env {
		word := expand(state, inst, w, exec)
		name, value, _ := strings.Cut(word.Text, "=")
		list = append(list, Variable{name, Word{value, word.Literal}})
	}
	return list
}

// expand replaces the variables that the build knows.
func expand(state dockerfile.State, inst *dockerfile.Instruction, w shell.Word, exec bool) Word {
	if w.Literal || w.Glob || exec {
		return Word{w.Text, true}
	}
	text := state.Expand(inst, w.Text)
	return Word{text, !strings.ContainsAny(text, "$`*?~{")}
}

func changesDir(c Command) (string, bool) {
	if c.Name == "cd" && len(c.Args) == 1 && c.Args[0].Literal {
		return c.Args[0].Text, true
	}
	return "", false
}

// Absolute is a path as it is meant in a directory.
func Absolute(dir, name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(dir, name)
}
