package rules

import (
	"fmt"

	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var noExpose = &rule.Rule{
	ID:       "runtime/no-expose",
	Severity: finding.Info,
	Safety:   finding.Safe,
	Phase:    rule.Finish,
	Needs:    []rule.Need{rule.NeedFacts},
	Doc: rule.Doc{
		Summary: "A port is served and not declared.",
		What:    "The application listens on a port that no EXPOSE of the final stage names.",
		Why:     "EXPOSE publishes nothing; it tells people and tools (docker run -P, proxies, scanners) where the service is.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY main.py ./
CMD ["python", "-m", "flask", "run", "--port", "5000"]
-- main.py --
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY main.py ./
EXPOSE 5000
CMD ["python", "-m", "flask", "run", "--port", "5000"]
`,
		Fix:   "Adds EXPOSE with the port that the start command or the source names.",
		Proof: "The port answers in the running container.",
		Links: []string{"https://docs.docker.com/reference/dockerfile/#expose"},
	},
	Check: checkNoExpose,
}

func checkNoExpose(p *rule.Pass) error {
	port := p.Facts.Port
	if !port.Known() || len(p.File.EndState(p.Final).Expose) > 0 {
		return nil
	}
	at := endOfSetup(p)
	p.Report(finding.Finding{
		Span:     p.Final.From.Span,
		Message:  fmt.Sprintf("port %d is served and not declared: add EXPOSE %[1]d", port.Value),
		Evidence: proofOf(port),
		Fix: &finding.Fix{
			Title:  fmt.Sprintf("Declare port %d", port.Value),
			Safety: finding.Safe,
			Edits:  []edit.Edit{p.Insert(at, line(p, at, fmt.Sprintf("%s %d", keyword(p, "EXPOSE"), port.Value)))},
		},
	})
	return nil
}
