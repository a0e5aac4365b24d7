package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

const noRecommends = "--no-install-recommends"

var recommendsInstalled = &rule.Rule{
	ID:       "size/recommends-installed",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "apt-get install brings in recommended packages.",
		What:    "apt-get install is called without " + noRecommends + ".",
		Why:     "Recommended packages are meant for a desktop or a full server; in an image they are often larger than what was asked for.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y libpq5 && rm -rf /var/lib/apt/lists/*
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
`,
		Fix:   "Adds the flag.",
		Proof: "The image still builds, and the application answers as before.",
		Links: []string{"https://docs.docker.com/build/building/best-practices/#apt-get"},
	},
	Check: checkRecommendsInstalled,
}

func checkRecommendsInstalled(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		if !ships(p, stage) {
			continue
		}
		for _, step := range runSteps(p, stage) {
			if configuredAbove(p, stage, step.inst) {
				break
			}
			for _, c := range step.installs {
				if c.manager.name != "apt" || withoutRecommends(c) {
					continue
				}
				p.Report(finding.Finding{
					Span:    c.Span,
					Message: fmt.Sprintf("apt-get install also brings in recommended packages, which the image rarely needs: add %s", noRecommends),
					Fix: &finding.Fix{
						Title:  "Leave recommended packages out",
						Safety: finding.Unsafe,
						Why:    "a recommended package may be used after all; the proof builds and runs without it",
						Edits:  []edit.Edit{addFlag(p, step, c, noRecommends)},
					},
				})
			}
		}
	}
	return nil
}

// configuredAbove reports whether apt's configuration is told about recommended packages.
func configuredAbove(p *rule.Pass, stage *dockerfile.Stage, below *dockerfile.Instruction) bool {
	return slices.ContainsFunc(stage.Instructions, func(i *dockerfile.Instruction) bool {
		return i.Index < below.Index && (i.Keyword == "RUN" || i.Keyword == "COPY") && strings.Contains(p.Text(i.Span), "Install-Recommends")
	})
}

func withoutRecommends(c installCommand) bool {
	return slices.ContainsFunc(c.Words, func(w shellWord) bool {
		return w.Text == noRecommends || w.Text == "APT::Install-Recommends=false" || w.Text == "APT::Install-Recommends=0"
	})
}

// verbEnd is where a flag goes: behind the verb and the -y that follows it.
func (c installCommand) verbEnd() int {
	for i, w := range c.Words {
		if w.Text != verb(c.rest()) {
			continue
		}
		if i+1 < len(c.Words) && (c.Words[i+1].Text == "-y" || c.Words[i+1].Text == "--yes") {
			return c.Words[i+1].Span.End
		}
		return w.Span.End
	}
	return c.Span.End
}

func (c installCommand) rest() []shellWord {
	_, rest := program(c.shellCommand)
	return rest
}
