package rules

import (
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/shell"
)

var shellForm = &rule.Rule{
	ID:       "runtime/shell-form",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "A shell stands between the container and its process.",
		What:    "CMD or ENTRYPOINT of the final stage is in shell form.",
		Why:     "The shell is process 1 and gets SIGTERM. Most shells do not pass it on: the application is killed after the grace period, with requests in flight.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
CMD uvicorn main:app --host 0.0.0.0
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
CMD ["uvicorn", "main:app", "--host", "0.0.0.0"]
`,
		Fix:   "Writes a single command without expansions in exec form. A single command that needs the shell for a variable gets exec in front, which makes it process 1. Refused for lists of commands, and where ENTRYPOINT and CMD depend on each other.",
		Proof: "The process ends on SIGTERM; the measured stop time is in the table.",
		Links: []string{"https://docs.docker.com/reference/dockerfile/#shell-and-exec-form"},
	},
	Check: checkShellForm,
}

func checkShellForm(p *rule.Pass) error {
	state := p.File.EndState(p.Final)
	for _, inst := range []*dockerfile.Instruction{state.Entrypoint, state.Cmd} {
		if inst == nil || inst.JSON || inst.Stage != p.Final {
			continue
		}
		script, err := shell.Parse(p.File, inst)
		if err == nil && startsWithExec(script) {
			continue
		}
		f := finding.Finding{
			Span:    inst.Span,
			Message: fmt.Sprintf("%s in shell form: the shell is process 1, and SIGTERM may never reach the application; write it as a JSON array", inst.Keyword),
		}
		switch {
		case err != nil:
			f.Refused = "the shell code can't be read: " + err.Error()
		case state.Entrypoint != nil && state.Cmd != nil:
			f.Refused = "ENTRYPOINT and CMD are combined, and changing the form of one changes what the other means: write both by hand"
		default:
			f.Fix, f.Refused = toExecForm(p, inst, script)
		}
		p.Report(f)
	}
	return nil
}

func startsWithExec(s *shell.Script) bool {
	commands := s.Commands()
	return len(commands) == 1 && len(commands[0].Words) > 0 && commands[0].Words[0].Text == "exec"
}

func toExecForm(p *rule.Pass, inst *dockerfile.Instruction, script *shell.Script) (*finding.Fix, string) {
	const why = "a shell sets up words and variables in its own way; the proof starts the container, compares its answers and measures how it stops"
	if script.Simple() {
		return &finding.Fix{
			Title: "Start the process without a shell", Safety: finding.Unsafe, Why: why,
			Edits: []edit.Edit{p.Edit(inst.Rest, execForm(script.Argv()))},
		}, ""
	}
	commands := script.Commands()
	if len(commands) == 1 && !commands[0].Redirects && commands[0].Depth == 0 && commands[0].Span.Start == inst.Rest.Start {
		return &finding.Fix{
			Title: "Let the process take the shell's place", Safety: finding.Unsafe, Why: why,
			Edits: []edit.Edit{p.Insert(inst.Rest.Start, "exec ")},
		}, ""
	}
	return nil, fmt.Sprintf("%q is more than one command: put it into a script that ends with exec", strings.TrimSpace(firstLine(p.Text(inst.Rest))))
}
