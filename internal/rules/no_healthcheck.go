package rules

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var noHealthcheck = &rule.Rule{
	ID:       "runtime/no-healthcheck",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Finish,
	Needs:    []rule.Need{rule.NeedFacts},
	Doc: rule.Doc{
		Summary: "A server without a HEALTHCHECK.",
		What:    "The application serves a port, and the final stage has no HEALTHCHECK.",
		Why:     "A process that hangs still runs: without a health check nobody notices, and traffic keeps going to it.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY main.py ./
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
-- main.py --
from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health():
    return {"status": "ok"}
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY main.py ./
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 \
  CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=3); c.request('GET', '/health'); exit(c.getresponse().status >= 400)"]
CMD ["uvicorn", "main:app", "--host", "0.0.0.0", "--port", "8000"]
`,
		Fix:   "Adds a probe that uses the application's own runtime, not curl. It asks a route that the source declares, or /, where the running application answers that; where none is known, it connects to the port, which a proof does not keep: such a probe passes while the application hangs.",
		Proof: "The probe passes while the application is up, fails while its processes are frozen, and passes again after.",
		Links: []string{"https://docs.docker.com/reference/dockerfile/#healthcheck"},
	},
	Check: checkNoHealthcheck,
}

func checkNoHealthcheck(p *rule.Pass) error {
	facts := p.Facts
	if p.File.EndState(p.Final).Healthcheck != nil || !facts.Port.Known() {
		return nil
	}
	f := finding.Finding{
		Span:     p.Final.From.Span,
		Message:  fmt.Sprintf("no HEALTHCHECK for the server on port %d: when it hangs nobody notices; add one", facts.Port.Value),
		Evidence: proofOf(facts.Port),
	}
	switch {
	case otherService(p) != "":
		f.Refused = otherService(p)
	case facts.HealthProbe == nil:
		f.Refused = noProbe(facts)
	case facts.Port.Source.Observed() && !facts.Health.Known():
		f.Refused = "neither / nor a route that is named for health checks is known to answer with 200, and a probe that only connects passes while it hangs, since the kernel accepts for it: add a route such as /healthz"
	}
	if f.Refused != "" {
		p.Report(f)
		return nil
	}
	if facts.Health.Known() {
		s := facts.Health.Source
		f.Evidence = append(f.Evidence, finding.Evidence{File: s.File, Line: s.Line, Note: s.Note})
	}
	at := endOfSetup(p)
	f.Fix = &finding.Fix{
		Title:  "Add a HEALTHCHECK with the application's own runtime",
		Safety: finding.Unsafe,
		Why:    "a probe that fails on a healthy application would have it restarted; the proof runs it when up, frozen and up again",
		Edits: []edit.Edit{p.Insert(at, line(p, at, fmt.Sprintf("%s --interval=30s --timeout=5s --start-period=15s --retries=3 \\\n  %s %s",
			keyword(p, "HEALTHCHECK"), keyword(p, "CMD"), execForm(facts.HealthProbe(facts.Port.Value, facts.Health.Value)))))},
	}
	p.Report(f)
	return nil
}

// otherService is what stands against a probe where the same image is started with another command elsewhere; empty when nothing does.
func otherService(p *rule.Pass) string {
	for _, c := range p.Commands() {
		if !c.Value.Chosen && !c.Value.Probed {
			return fmt.Sprintf("%s starts the image with another command (%s), which the probe would call unhealthy for ever: give it a healthcheck of its own there (disable: true for none)",
				c.Value.By, whereShown(c.Source))
		}
	}
	return ""
}

// noProbe says why there is no probe: what the ecosystem says about it, if it does.
func noProbe(facts *ecosystem.Facts) string {
	for _, n := range facts.Notes {
		if n.About == "health" {
			return n.Text
		}
	}
	return "no probe is known that needs nothing but the application's own runtime"
}

// execForm writes argv as a JSON array, as Dockerfiles are written by hand: a
// blank behind each comma, and no escapes that only HTML needs.
func execForm(argv []string) string {
	words := make([]string, len(argv))
	for i, w := range argv {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		_ = enc.Encode(w) // a string always encodes
		words[i] = strings.TrimSuffix(b.String(), "\n")
	}
	return "[" + strings.Join(words, ", ") + "]"
}
