package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var missingEnv = &rule.Rule{
	ID:       "runtime/missing-env",
	Severity: finding.Info,
	Safety:   finding.Safe,
	Phase:    rule.Finish,
	Needs:    []rule.Need{rule.NeedFacts},
	Doc: rule.Doc{
		Summary: "A variable that the runtime wants in production is not set.",
		What:    "The final stage does not set what the language's runtime needs to behave well in a container.",
		Why:     "Without it logs arrive late or not at all, or the runtime does work that a container throws away.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY main.py ./
CMD ["python", "main.py"]
-- main.py --
print("hello")
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY main.py ./
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
CMD ["python", "main.py"]
`,
		Fix:   "Adds one ENV with what is missing, before the start command.",
		Proof: "The application answers as before.",
		Links: []string{"https://docs.python.org/3/using/cmdline.html#environment-variables"},
	},
	Check: checkMissingEnv,
}

func checkMissingEnv(p *rule.Pass) error {
	state := p.File.EndState(p.Final)
	missing := slices.DeleteFunc(slices.Clone(p.Facts.RunEnv), func(e ecosystem.RunEnv) bool {
		_, set := state.EnvVar(e.Name)
		return set
	})
	if len(missing) == 0 {
		return nil
	}
	var names, pairs []string
	var evidence []finding.Evidence
	for _, e := range missing {
		names = append(names, e.Name)
		pairs = append(pairs, e.Name+"="+e.Value)
		evidence = append(evidence, finding.Evidence{File: p.DockerfilePath, Note: e.Name + ": " + e.Why})
	}
	at := endOfSetup(p)
	p.Report(finding.Finding{
		Span:     p.Final.From.Span,
		Message:  fmt.Sprintf("%s not set in the final stage: add ENV %s", strings.Join(names, " and ")+verbFor(len(names)), strings.Join(pairs, " ")),
		Evidence: evidence,
		Fix: &finding.Fix{
			Title:  "Set " + strings.Join(names, " and "),
			Safety: finding.Safe,
			Edits:  []edit.Edit{p.Insert(at, line(p, at, keyword(p, "ENV")+" "+strings.Join(pairs, " \\\n    ")))},
		},
	})
	return nil
}

func verbFor(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}
