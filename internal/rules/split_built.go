package rules

import (
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/shell"
)

// partOfBuild reports whether a command of a step that builds does no more than that: it builds, is a call of the manager of
// dependencies, or writes only where something is built.
func (s *split) partOfBuild(inst *dockerfile.Instruction, c shellCommand) bool {
	call, ok := c.Call()
	if !ok {
		return false
	}
	commands := container.Commands(s.p.File, inst)
	at := slices.IndexFunc(commands, func(have container.Command) bool { return have.Span == c.Span })
	if at < 0 {
		return false
	}
	in := commands[at]
	if !s.writesInWork(in.Dir, c.Writes) {
		return false
	}
	m := managerOf(call.Name, call.Args)
	switch {
	case s.builtBy(inst, call.Name) || harmless[call.Name]:
		return true
	case m != nil && !m.system:
		return verb(call.Args) != "link" // for all of the image
	case call.Name == "cd":
		return len(in.Args) == 1 && in.Args[0].Literal
	case fileTools[call.Name]:
		return s.handlesWork(in)
	}
	return false
}

// builtBy reports whether a program is one that a step builds with.
func (s *split) builtBy(inst *dockerfile.Instruction, program string) bool {
	return slices.ContainsFunc(builtOn(s.p, inst), func(b ecosystem.Fact[string]) bool {
		name, _, _ := strings.Cut(b.Value, " ")
		return name == program
	})
}

// writesInWork reports whether redirections go to where something is built, or nowhere.
func (s *split) writesInWork(dir string, files []shell.Word) bool {
	return !slices.ContainsFunc(files, func(w shell.Word) bool {
		place := container.Absolute(dir, w.Text)
		return !w.Literal || place != "/dev/null" && !within(place, "/tmp") && !s.belowWork(place)
	})
}

// fileTools are programs that write where their operands say, and nowhere else.
var fileTools = map[string]bool{"cp": true, "mv": true, "sed": true, "strip": true, "upx": true, "gzip": true, "rmdir": true, "tee": true}

// handlesWork reports whether all files that such a program writes lie where something is built. cp may read others.
func (s *split) handlesWork(c container.Command) bool {
	operands := slices.DeleteFunc(slices.Clone(c.Args), func(w container.Word) bool { return strings.HasPrefix(w.Text, "-") })
	intoOption := slices.ContainsFunc(c.Args, func(w container.Word) bool {
		return strings.HasPrefix(w.Text, "-t") || strings.HasPrefix(w.Text, "--target-directory")
	})
	if len(operands) == 0 || intoOption {
		return false
	}
	switch c.Name {
	case "cp":
		operands = operands[len(operands)-1:]
	case "sed": // behind the script
		operands = operands[min(1, len(operands)-1):]
	}
	return !slices.ContainsFunc(operands, func(w container.Word) bool { return !w.Literal || !s.belowWork(container.Absolute(c.Dir, w.Text)) })
}

// belowWork reports whether a place lies in a directory in which something is built, or is one that the runner copies.
func (s *split) belowWork(place string) bool {
	return slices.ContainsFunc(s.workplaces(), func(work string) bool { return work != "/" && within(place, work) })
}
