package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var updateApart = &rule.Rule{
	ID:       "cache/update-apart",
	Severity: finding.Warning,
	Safety:   finding.Safe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "The package lists are fetched in a RUN of their own.",
		What:    "apt-get update (or apk update) is a RUN by itself, and packages are installed in another.",
		Why:     "The update stays cached while the install changes: months later the install asks for versions that the mirror has deleted. And the lists stay in the layer.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN apt-get update
RUN apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
`,
		Fix:   "Moves the update into the RUN that installs. Refused when other steps stand between that may need the lists.",
		Proof: "The same packages are installed.",
		Links: []string{"https://docs.docker.com/build/building/best-practices/#apt-get"},
	},
	Check: checkUpdateApart,
}

func checkUpdateApart(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		steps := runSteps(p, stage)
		for i, s := range steps {
			m := updatesOnly(s)
			if m == nil {
				continue
			}
			f := finding.Finding{
				Span:    s.inst.Span,
				Message: fmt.Sprintf("%s fetches the package lists in a step of its own, which stays cached when the install below changes: do both in one RUN", strings.TrimSpace(firstLine(p.Text(s.inst.Rest)))),
			}
			f.Fix, f.Refused = joinUpdate(p, s, m, steps[i+1:])
			p.Report(f)
		}
	}
	return nil
}

// updatesOnly returns the manager when a step does nothing but fetch its lists.
func updatesOnly(s *runStep) *manager {
	if s.script == nil {
		return nil
	}
	commands := s.script.Commands()
	if len(commands) != 1 {
		return nil
	}
	name, rest := program(commands[0])
	if m := managerOf(name, rest); m != nil && m.system && verb(rest) == m.refresh {
		return m
	}
	return nil
}

func joinUpdate(p *rule.Pass, update *runStep, m *manager, later []*runStep) (*finding.Fix, string) {
	i := slices.IndexFunc(later, func(s *runStep) bool {
		return slices.ContainsFunc(s.installs, func(c installCommand) bool { return c.manager == m })
	})
	if i < 0 {
		return nil, "no later step of this stage installs packages: remove the update"
	}
	target := later[i]
	if target.inst.JSON || len(target.inst.Heredocs) > 0 {
		return nil, "the installing step is not in shell form: move the update there by hand"
	}
	if len(update.inst.Flags)+len(target.inst.Flags) > 0 {
		return nil, "the two steps have flags of their own: join them by hand"
	}
	for _, s := range later[:i] {
		if len(s.other) > 0 || s.script == nil {
			return nil, fmt.Sprintf("line %d may need the package lists: join the steps by hand", p.File.Position(s.inst.Span.Start).Line)
		}
	}
	command := strings.TrimSpace(p.Text(update.inst.Rest))
	if hasUpdate(target, m) {
		return &finding.Fix{Title: "Drop the second update", Safety: finding.Safe, Edits: []edit.Edit{p.Delete(update.inst)}}, ""
	}
	joined := command + " && "
	if strings.Contains(p.Text(target.inst.Rest), "\n") {
		joined = command + " " + string(p.File.Escape) + "\n" + indentOf(p, target.inst) + "&& "
	}
	return &finding.Fix{
		Title:  "Fetch the package lists where they are used",
		Safety: finding.Safe,
		Edits:  []edit.Edit{p.Delete(update.inst), p.Insert(target.inst.Rest.Start, joined)},
	}, ""
}

func hasUpdate(s *runStep, m *manager) bool {
	return slices.ContainsFunc(s.script.Commands(), func(c shellCommand) bool {
		name, rest := program(c)
		return managerOf(name, rest) == m && verb(rest) == m.refresh
	})
}
