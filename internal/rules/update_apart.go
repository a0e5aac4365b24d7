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
			if line := laterInstall(p, stage, nil, m); line > 0 {
				f.Fix, f.Refused = nil, fmt.Sprintf("line %d, in a stage that builds on this one, installs with these lists: move the update there by hand", line)
			}
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

// joinUpdate takes the update out and puts it in front of every later install
// of the stage that has none of its own.
func joinUpdate(p *rule.Pass, update *runStep, m *manager, later []*runStep) (*finding.Fix, string) {
	line := func(s *runStep) int { return p.File.Position(s.inst.Span.Start).Line }
	installs := func(s *runStep) bool {
		return slices.ContainsFunc(s.installs, func(c installCommand) bool { return c.manager == m })
	}
	first := slices.IndexFunc(later, installs)
	if first < 0 {
		return nil, "no later step of this stage installs packages: remove the update"
	}
	for _, s := range later[:first] {
		if len(s.other) > 0 || s.script == nil {
			return nil, fmt.Sprintf("line %d may need the package lists: join the steps by hand", line(s))
		}
	}
	fix := &finding.Fix{Title: "Fetch the package lists where they are used", Safety: finding.Safe, Edits: []edit.Edit{p.Delete(update.inst)}}
	for _, s := range later[first:] {
		if !installs(s) || hasUpdate(s, m) {
			continue
		}
		if reason := unjoinable(p, update, s); reason != "" {
			return nil, fmt.Sprintf("line %d %s: join the steps by hand", line(s), reason)
		}
		command := strings.TrimSpace(p.Text(update.inst.Rest))
		joined := command + " && "
		if text := p.Text(s.inst.Rest); strings.Contains(text, "\n") {
			joined = command + " " + string(p.File.Escape) + "\n" + leadOf(text)
		}
		fix.Edits = append(fix.Edits, p.Insert(s.inst.Rest.Start, joined))
	}
	return fix, ""
}

// leadOf is how the author begins a continuation line with a command.
func leadOf(text string) string {
	for _, l := range strings.Split(text, "\n")[1:] {
		if strings.HasPrefix(strings.TrimSpace(l), "&&") {
			return indent(l) + "&& "
		}
	}
	return " && "
}

// unjoinable says why the update can't stand in front of a step.
func unjoinable(p *rule.Pass, update, target *runStep) string {
	from, to := p.File.StateBefore(update.inst), p.File.StateBefore(target.inst)
	switch {
	case target.inst.JSON || len(target.inst.Heredocs) > 0:
		return "is not in shell form"
	case len(update.inst.Flags)+len(target.inst.Flags) > 0:
		return "or the update has flags of its own"
	case !chained(update) || slices.ContainsFunc(target.script.Commands(), func(c shellCommand) bool {
		return c.Depth == 0 && (c.Op == "||" || c.Op == ";" || c.Op == "&")
	}):
		return "would run on after an update that failed"
	case from.User != to.User || !slices.Equal(from.Shell, to.Shell):
		return "runs as another user, or in another shell"
	}
	for _, inst := range update.inst.Stage.Instructions {
		if inst.Index > update.inst.Index && inst.Index < target.inst.Index && (inst.Keyword == "COPY" || inst.Keyword == "ADD") && strings.HasPrefix(inst.Dest().Text, "/etc") {
			return "installs after the package sources may have changed"
		}
	}
	return ""
}

func hasUpdate(s *runStep, m *manager) bool {
	if s.script == nil {
		return false
	}
	return slices.ContainsFunc(s.script.Commands(), func(c shellCommand) bool {
		name, rest := program(c)
		return managerOf(name, rest) == m && verb(rest) == m.refresh
	})
}
