package rules

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildkitlint"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var buildChecks = &rule.Rule{
	ID:       "build/*",
	Severity: finding.Warning,
	Safety:   finding.Display,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "BuildKit's own checks.",
		What:    "One of the checks that docker build --check runs raises a warning. Each is named build/ and the check's own name, and runs through BuildKit's library.",
		Why:     "BuildKit knows best what its builder will trip over: unset variables, duplicate stage names, instructions whose case differs.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim as base
CMD ["/bin/true"]
`,
		Fix:   "Shown only, with the page that explains the check.",
		Proof: "Nothing is changed.",
		Links: []string{"https://docs.docker.com/reference/build-checks/"},
	},
	Check: checkBuild,
}

func checkBuild(p *rule.Pass) error {
	warnings, err := buildkitlint.Run(context.Background(), p.DockerfilePath, p.File.Source)
	var rejected *buildkitlint.Rejected
	if errors.As(err, &rejected) {
		p.Report(finding.Finding{Rule: "build/Rejected", Severity: finding.Error, Span: lineSpan(p, rejected.Line), Message: "BuildKit would not build this file: " + rejected.Message})
		return nil
	}
	if err != nil {
		return fmt.Errorf("running BuildKit's checks: %w", err)
	}
	for _, w := range warnings {
		rating := buildkitlint.Rate(w.Rule)
		if rating.CoveredBy != "" {
			continue
		}
		message := w.Message
		if w.Uncertain != "" {
			message += " (" + w.Uncertain + ")"
		}
		p.Report(finding.Finding{
			Rule:     "build/" + w.Rule,
			Severity: rating.Severity,
			Span:     lineSpan(p, w.Line),
			Message:  message,
			Evidence: []finding.Evidence{{Note: strings.TrimSpace(w.Description + " " + w.URL)}},
		})
	}
	return nil
}

// lineSpan is a line's text, the first line when none is known.
func lineSpan(p *rule.Pass, n int) dockerfile.Span {
	if n < 1 || n > p.File.LineCount() {
		n = 1
	}
	return p.File.Line(n)
}
