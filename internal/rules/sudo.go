package rules

import (
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var sudoUsed = &rule.Rule{
	ID:       "security/sudo",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "A build step uses sudo, or installs it.",
		What:    "RUN calls sudo, or installs it into a stage that ships.",
		Why:     "As root sudo does nothing. As another user it means that a program which makes anybody root ships with the application: whoever gets into the application is root a moment later.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN sudo ldconfig
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN ldconfig
`,
		Fix:   "Takes sudo away where the step is known to run as root and sudo has no options that change something. Elsewhere it tells what to do: USER root around the steps that need it.",
		Proof: "The image builds without it, and the application answers as before.",
		Links: []string{"https://docs.docker.com/build/building/best-practices/#user"},
	},
	Check: checkSudo,
}

func checkSudo(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		for _, step := range runSteps(p, stage) {
			if step.script == nil {
				continue
			}
			checkSudoCalls(p, step)
			if ships(p, stage) {
				checkSudoInstalled(p, step)
			}
		}
	}
	return nil
}

// checkSudoCalls reports all calls of a step at once: what holds for one holds for the others.
func checkSudoCalls(p *rule.Pass, step *runStep) {
	var edits []edit.Edit
	var first dockerfile.Span
	reason := ""
	for _, c := range step.script.Commands() {
		at := sudoWord(c)
		if at < 0 || changesUser(c.Words[at+1:]) {
			continue
		}
		if first.End == 0 {
			first = c.Words[at].Span
		}
		e, refused := dropSudo(p, step, c, at)
		if refused != "" {
			reason = refused
			continue
		}
		edits = append(edits, e)
	}
	if first.End == 0 {
		return
	}
	f := finding.Finding{Span: first}
	if !runsAsRoot(p, step.inst) {
		user := "as whom the step runs is not known"
		if u := p.File.StateBefore(step.inst).User; u != "" {
			user = "the step runs as " + u
		}
		f.Message = "sudo in a build step needs a user who may become root without a password, in the image that ships: write USER root above the step, and the user below it again"
		f.Refused = user + ": write USER root above the step by hand, and the application's user below it"
		p.Report(f)
		return
	}
	f.Message = "sudo does nothing here, the step runs as root: leave it out, and do not install it"
	if f.Refused = reason; len(edits) > 0 {
		f.Refused = ""
		f.Fix = &finding.Fix{
			Title:  "Run the commands without sudo",
			Safety: finding.Unsafe,
			Why:    "sudo starts commands with an environment of its own; the proof builds without it and compares the application's answers",
			Edits:  edits,
		}
	}
	p.Report(f)
}

// changesUser reports whether sudo is there to run something as another user than root.
func changesUser(words []shellWord) bool {
	for _, w := range words {
		if !strings.HasPrefix(w.Text, "-") {
			return false
		}
		if strings.HasPrefix(w.Text, "--user") || strings.HasPrefix(w.Text, "--group") || !strings.HasPrefix(w.Text, "--") && strings.ContainsAny(w.Text, "ug") {
			return true
		}
	}
	return false
}

// sudoWord is the index of sudo among the words that start a command; -1 without one.
func sudoWord(c shellCommand) int {
	for i, w := range c.Words {
		switch {
		case !w.Literal:
			return -1
		case path.Base(w.Text) == "sudo":
			return i
		case w.Text != "exec" && w.Text != "env" && w.Text != "nohup" && w.Text != "time":
			return -1
		}
	}
	return -1
}

// dropSudo is the edit that takes sudo away, or the reason why there is none.
func dropSudo(p *rule.Pass, step *runStep, c shellCommand, at int) (edit.Edit, string) {
	next := at + 1
	if next < len(c.Words) && (c.Words[next].Text == "-E" || c.Words[next].Text == "-n") {
		next++ // the environment stays anyway, and root is not asked for a password
	}
	switch {
	case next >= len(c.Words) || len(c.Words[next].Text) == 0 || c.Words[next].Text[0] == '-':
		return edit.Edit{}, "sudo has options here that change the user or the environment: take it out by hand, or use USER"
	case step.inst.JSON:
		return edit.Edit{}, "the step is a JSON array: take sudo out by hand"
	}
	return p.Edit(dockerfile.Span{Start: c.Words[at].Span.Start, End: c.Words[next].Span.Start}, ""), ""
}

func checkSudoInstalled(p *rule.Pass, step *runStep) {
	for _, c := range step.installs {
		if !c.manager.system {
			continue
		}
		for _, w := range c.args {
			if w.Text == "sudo" {
				p.Report(finding.Finding{
					Span:    w.Span,
					Message: fmt.Sprintf("%s installs sudo into the image that ships: containers need no way to become root; switch with USER while building, and leave it out", c.manager.name),
					Refused: "a script of the application may call it: remove it by hand once none does",
				})
			}
		}
	}
}
