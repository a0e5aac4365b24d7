package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
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
		What:    "The application listens on a port that no EXPOSE of the final stage names. Where there is an EXPOSE, only a port that was seen in the running original speaks against it.",
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
		Fix:   "Adds EXPOSE with the port that the running original answered on, or that the start command or the source names.",
		Proof: "The port answers in the running container.",
		Links: []string{"https://docs.docker.com/reference/dockerfile/#expose"},
	},
	Check: checkNoExpose,
}

func checkNoExpose(p *rule.Pass) error {
	port, declared := p.Facts.Port, p.File.EndState(p.Final).Expose
	if !port.Known() || len(declared) > 0 && !(port.Source.Observed() && misses(declared, port.Value)) {
		return nil
	}
	at := endOfSetup(p)
	span, message := p.Final.From.Span, fmt.Sprintf("port %d is served and not declared: add EXPOSE %[1]d", port.Value)
	if len(declared) > 0 {
		span = declared[0].By.Span
		message = fmt.Sprintf("port %d is served, and EXPOSE names %s: whoever goes by it finds no service there; add EXPOSE %[1]d", port.Value, texts(declared))
	}
	p.Report(finding.Finding{
		Span:     span,
		Message:  message,
		Evidence: proofOf(port),
		Fix: &finding.Fix{
			Title:  fmt.Sprintf("Declare port %d", port.Value),
			Safety: finding.Safe,
			Edits:  []edit.Edit{p.Insert(at, line(p, at, fmt.Sprintf("%s %d", keyword(p, "EXPOSE"), port.Value)))},
		},
	})
	return nil
}

// misses reports whether a port is not among those that are declared. Where one of these is not a plain number (a
// range, a variable), it may be.
func misses(declared []dockerfile.Value, port int) bool {
	for _, d := range declared {
		n, err := strconv.Atoi(strings.TrimSuffix(d.Text, "/tcp"))
		if err != nil && !strings.HasSuffix(d.Text, "/udp") || n == port {
			return false
		}
	}
	return true
}

func texts(values []dockerfile.Value) string {
	var all []string
	for _, v := range values {
		all = append(all, v.Text)
	}
	return strings.Join(all, ", ")
}
