package rules

import (
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// endOfScript is the offset behind the last command of a shell-form RUN; -1
// when a command can't be added there.
func endOfScript(p *rule.Pass, step *runStep) int {
	if step.script == nil || step.inst.JSON || len(step.inst.Heredocs) > 0 {
		return -1
	}
	commands := step.script.Commands()
	if len(commands) == 0 {
		return -1
	}
	last := commands[len(commands)-1]
	if last.Depth > 0 || last.Op == "||" || last.Span.End != step.inst.Rest.End {
		return -1
	}
	return last.Span.End
}

// chained reports whether a step is a chain of commands of which each runs only when
// those before it succeeded: what is joined to it with && fails with it.
func chained(step *runStep) bool {
	if step.script == nil || step.inst.JSON || len(step.inst.Heredocs) > 0 || len(step.inst.Comments) > 0 {
		return false
	}
	return !slices.ContainsFunc(step.script.Commands(), func(c shellCommand) bool {
		return c.Op != "" && c.Op != "&&" || c.Depth > 0 || c.Background || c.Negated
	})
}

// joined is what a command looks like behind the last one of a step: on its
// own line where the author gives each command one, and as the author does it.
func joined(p *rule.Pass, inst *dockerfile.Instruction, command string) string {
	lines := strings.Split(p.Text(inst.Rest), "\n")
	turn := " " + string(p.File.Escape) + "\n"
	for n := len(lines) - 1; n > 0; n-- {
		text := strings.TrimSpace(lines[n])
		above := strings.TrimSpace(strings.TrimRight(strings.TrimSpace(lines[n-1]), string(p.File.Escape)))
		switch {
		case strings.HasPrefix(text, "&&"):
			return turn + indent(lines[n]) + "&& " + command
		case strings.HasSuffix(above, "&&"):
			return " &&" + turn + indent(lines[n]) + command
		}
	}
	if len(lines) > 1 {
		return turn + " && " + command
	}
	return " && " + command
}

func indent(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

// addFlag puts a flag behind a command's verb, in a JSON array as an element of its own.
func addFlag(p *rule.Pass, step *runStep, c installCommand, flag string) edit.Edit {
	if step.inst.JSON {
		return p.Insert(c.verbEnd(), `, "`+flag+`"`)
	}
	return p.Insert(c.verbEnd(), " "+flag)
}

// laterInstall finds the line of a step that installs with the package lists that another
// step above it fetched: one of the steps, or one of a stage that builds on theirs. 0 when there is none.
func laterInstall(p *rule.Pass, stage *dockerfile.Stage, later []*runStep, m *manager) int {
	for _, child := range p.File.Stages {
		if child != stage && buildsOn(child, stage) {
			later = append(slices.Clip(later), runSteps(p, child)...)
		}
	}
	for _, s := range later {
		if usesLists(s, m) {
			return p.File.Position(s.inst.Span.Start).Line
		}
	}
	return 0
}

// usesLists reports whether a step installs without fetching the lists first.
func usesLists(s *runStep, m *manager) bool {
	return m.refresh != "" && !hasUpdate(s, m) && slices.ContainsFunc(s.installs, func(c installCommand) bool {
		return c.manager == m && !hasWord(c, m.noCache)
	})
}

// ships reports whether a stage's layers are part of the final image.
func ships(p *rule.Pass, stage *dockerfile.Stage) bool { return buildsOn(p.Final, stage) }

// buildsOn reports whether a stage is the other one, or comes FROM it.
func buildsOn(child, stage *dockerfile.Stage) bool {
	for s := child; s != nil; s = s.Parent {
		if s == stage {
			return true
		}
	}
	return false
}
