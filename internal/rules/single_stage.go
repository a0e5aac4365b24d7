package rules

import (
	"fmt"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var singleStage = &rule.Rule{
	ID:       "size/single-stage",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Split,
	Needs:    []rule.Need{rule.NeedFacts},
	Doc: rule.Doc{
		Summary: "The image ships what only its build needs.",
		What:    "The file has one stage, which installs dependencies or builds, and its base image or its packages bring compilers and headers, or the source and the tools of its build stay in the image.",
		Why:     "Compilers, headers and package managers are most of the image, are pulled by every node that runs it, and help whoever breaks in.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
RUN apt-get update && apt-get install -y --no-install-recommends gcc libpq-dev && rm -rf /var/lib/apt/lists/*
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
CMD ["python", "main.py"]
-- requirements.txt --
psycopg2==2.9.9
-- main.py --
import psycopg2
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim AS builder
WORKDIR /srv
RUN apt-get update && apt-get install -y --no-install-recommends gcc libpq-dev && rm -rf /var/lib/apt/lists/*
# Everything that is installed goes into one folder, which the runner copies.
RUN python -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
RUN pip uninstall --yes pip

FROM python:3.11-slim AS runner
WORKDIR /srv
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpq5 \
 && rm -rf /var/lib/apt/lists/*
ENV PATH="/opt/venv/bin:$PATH"
COPY --from=builder /opt/venv /opt/venv
COPY . .
CMD ["python", "main.py"]
`,
		Fix:   "Names the stage builder, and adds a runner stage that copies what was installed or built, and repeats what configures the image. Where nothing but the result is needed to run, the runner stands on a base without compilers or a shell. Where building leaves what was installed as it is, that comes from a stage of its own without development dependencies, which a change of the source leaves cached. Refused when a step's effect on the image is not known.",
		Proof: "Both images are built and run: every shared library that the copied files need is there, and the same requests get the same answers.",
		Links: []string{"https://docs.docker.com/build/building/multi-stage/"},
	},
	Check: checkSingleStage,
}

func checkSingleStage(p *rule.Pass) error {
	if len(p.File.Stages) != 1 {
		return nil
	}
	s := newSplit(p)
	if s.last == nil {
		return nil
	}
	ballast, costs := s.ballast()
	if ballast == "" {
		return nil
	}
	f := finding.Finding{
		Span:    p.Final.From.Span,
		Message: fmt.Sprintf("one stage builds and runs: %s; split it, and copy only %s into the runner", ballast, s.carried()),
		Costs:   costs,
	}
	for _, pkg := range p.Facts.RunPackages {
		f.Evidence = append(f.Evidence, needsPackage(pkg)...)
	}
	for _, c := range s.opened() {
		f.Evidence = append(f.Evidence, finding.Evidence{Note: c.From + ": " + c.Source.Note})
	}
	for _, n := range s.keptDev() {
		f.Evidence = append(f.Evidence, finding.Evidence{File: n.Source.File, Line: n.Source.Line, Note: n.Text})
	}
	if p.Facts.Bundle == nil {
		f.Message = fmt.Sprintf("one stage builds and runs: %s; split it into a builder and a runner", ballast)
	}
	if reason := s.refusal(); reason != "" {
		f.Refused = reason
	} else {
		f.Fix = s.fix()
	}
	p.Report(f)
	return nil
}
