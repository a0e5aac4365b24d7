package rules

import (
	"path"
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
	call, _ := c.Call()
	in, ok := s.placed(inst, c)
	if !ok || !writesOnly(in.Dir, c.Writes, s.belowWork) {
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
		return handlesOnly(in, s.belowWork)
	}
	return false
}

// writesAlong reports whether a command of any other step writes only to what the runner copies.
func (s *split) writesAlong(inst *dockerfile.Instruction, c shellCommand) bool {
	in, ok := s.placed(inst, c)
	return ok && (harmless[in.Name] || fileTools[in.Name] && handlesOnly(in, s.comesAlong)) && writesOnly(in.Dir, c.Writes, s.comesAlong)
}

// placed is a command of the shell with the directory that it runs in; ok is false when what it starts is not known.
func (s *split) placed(inst *dockerfile.Instruction, c shellCommand) (in container.Command, ok bool) {
	commands := container.Commands(s.p.File, inst)
	at := slices.IndexFunc(commands, func(have container.Command) bool { return have.Span == c.Span })
	if at < 0 {
		return in, false
	}
	return commands[at], true
}

// builtBy reports whether a program is one that a step builds with.
func (s *split) builtBy(inst *dockerfile.Instruction, program string) bool {
	return slices.ContainsFunc(builtOn(s.p, inst), func(b ecosystem.Fact[string]) bool {
		name, _, _ := strings.Cut(b.Value, " ")
		return name == program
	})
}

// writesOnly reports whether redirections go to places of one kind, or to none that is kept.
func writesOnly(dir string, files []shell.Word, kind func(string) bool) bool {
	return !slices.ContainsFunc(files, func(w shell.Word) bool {
		place := container.Absolute(dir, w.Text)
		return !w.Literal || place != "/dev/null" && !within(place, "/tmp") && !kind(place)
	})
}

// fileTools are programs that write where their operands say, and nowhere else.
var fileTools = map[string]bool{"cp": true, "mv": true, "sed": true, "strip": true, "upx": true, "gzip": true, "rmdir": true, "tee": true}

// handlesOnly reports whether all files that such a program writes are of one kind. cp may read others.
func handlesOnly(c container.Command, kind func(string) bool) bool {
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
	return !slices.ContainsFunc(operands, func(w container.Word) bool {
		place := container.Absolute(c.Dir, w.Text)
		if c.Name == "cp" || c.Name == "mv" { // into it, where it is a folder
			place = path.Join(place, "file")
		}
		return !w.Literal || !kind(place)
	})
}

// belowWork reports whether a place lies in a directory in which something is built, or is one that the runner copies.
func (s *split) belowWork(place string) bool {
	return slices.ContainsFunc(s.workplaces(), func(work string) bool { return work != "/" && within(place, work) })
}
