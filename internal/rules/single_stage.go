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

var singleStage = &rule.Rule{
	ID:       "size/single-stage",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Split,
	Needs:    []rule.Need{rule.NeedFacts},
	Doc: rule.Doc{
		Summary: "The image ships what only its build needs.",
		What:    "The file has one stage, which installs dependencies, and its base image or its packages bring compilers and headers.",
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
		Fix:   "Names the stage builder, installs into one folder there, and adds a runner stage that copies that folder and repeats what configures the image. Refused when a step's effect on the image is not known.",
		Proof: "Both images are built and run: every shared library that the copied files need is there, and the same requests get the same answers.",
		Links: []string{"https://docs.docker.com/build/building/multi-stage/"},
	},
	Check: checkSingleStage,
}

func checkSingleStage(p *rule.Pass) error {
	if len(p.File.Stages) != 1 || p.Facts.Bundle == nil {
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
	if reason := s.refusal(); reason != "" {
		f.Refused = reason
	} else {
		f.Fix = s.fix()
	}
	p.Report(f)
	return nil
}

// split is a single stage seen as a builder, up to the last install step, and a runner.
type split struct {
	p     *rule.Pass
	stage *dockerfile.Stage
	steps map[*dockerfile.Instruction]*runStep
	first *dockerfile.Instruction // the first step that installs dependencies
	last  *dockerfile.Instruction // the last one
}

func newSplit(p *rule.Pass) *split {
	s := &split{p: p, stage: p.Final, steps: map[*dockerfile.Instruction]*runStep{}}
	for _, step := range runSteps(p, p.Final) {
		s.steps[step.inst] = step
		if step.installsDependencies() {
			if s.first == nil {
				s.first = step.inst
			}
			s.last = step.inst
		}
	}
	return s
}

// ballast says what the image carries for its build alone.
func (s *split) ballast() (string, []finding.Cost) {
	var parts []string
	var costs []finding.Cost
	if family, ok := s.p.Bases[s.p.File.BaseOf(s.stage)]; ok {
		full, okFull := family.Asked()
		slim, okSlim := family.Slim()
		if okFull && okSlim && slim.TransferBytes < full.TransferBytes {
			saved := full.TransferBytes - slim.TransferBytes
			parts = append(parts, fmt.Sprintf("%s carries compilers and headers (%s of transfer more than %s)", s.stage.Base, bytes(saved), slim.Tag))
			costs = append(costs, finding.Cost{Metric: "transfer_bytes", Value: float64(saved), Unit: "bytes", Basis: basis(family.Estimated), Note: "base image against its slim variant"})
		}
	}
	if names := s.buildPackages(); len(names) > 0 {
		verb := " only compile"
		if len(names) == 1 {
			verb = " only compiles"
		}
		parts = append(parts, strings.Join(names, ", ")+verb)
	}
	return strings.Join(parts, "; "), costs
}

func basis(estimated bool) finding.Basis {
	if estimated {
		return finding.Estimated
	}
	return finding.Observed
}

// before and after the last install step.
func (s *split) before() []*dockerfile.Instruction {
	return slices.DeleteFunc(slices.Clone(s.stage.Instructions), func(i *dockerfile.Instruction) bool { return i.Index > s.last.Index })
}

func (s *split) systemPackages() (names []string, ok bool) {
	for _, inst := range s.before() {
		step := s.steps[inst]
		if step == nil {
			continue
		}
		for _, c := range step.installs {
			if !c.manager.system {
				continue
			}
			more, literal := c.packages()
			if !literal {
				return nil, false
			}
			names = append(names, more...)
		}
	}
	return names, true
}

func (s *split) buildPackages() []string {
	names, _ := s.systemPackages()
	return slices.DeleteFunc(names, func(n string) bool { return !buildOnly(n) })
}

// runPackages are the distribution's packages that the runner needs: those that
// were installed and do more than compile, and the shared libraries of
// dependencies that are compiled here.
func (s *split) runPackages() []string {
	names, _ := s.systemPackages()
	names = slices.DeleteFunc(names, buildOnly)
	for _, n := range s.p.Facts.Native {
		names = append(names, n.Value.RunDebian...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// refusal says why the stage can't be split soundly; empty when it can.
func (s *split) refusal() string {
	line := func(i *dockerfile.Instruction) int { return s.p.File.Position(i.Span.Start).Line }
	if k := s.p.Facts.InstallReadsSource; k.Known() {
		return fmt.Sprintf("installing reads the source itself: %s (%s:%d)", k.Value, k.Source.File, k.Source.Line)
	}
	if script, where := s.absoluteScript(); script != "" {
		return fmt.Sprintf("line %d names %s, which a split would move into %s: call it by name", where, script, s.carried())
	}
	if _, ok := s.systemPackages(); !ok {
		return "which packages are installed depends on a variable: name them"
	}
	for _, inst := range s.before() {
		switch inst.Keyword {
		case "RUN":
			step := s.steps[inst]
			switch {
			case step.script == nil:
				return fmt.Sprintf("the shell code on line %d can't be read", line(inst))
			case !step.known():
				return fmt.Sprintf("%q on line %d changes the image in a way that is not known: move it below the install step, where it stays in the runner", firstLine(s.p.Text(step.other[0].Span)), line(inst))
			case step.accounts && (len(step.installs) > 0):
				return fmt.Sprintf("line %d installs and makes users or directories in one RUN: separate the two", line(inst))
			case step.installsSystem() && step.installsDependencies() && len(s.runPackages()) > 0:
				return fmt.Sprintf("line %d installs distribution packages and dependencies in one RUN: separate the two", line(inst))
			}
		case "USER":
			return fmt.Sprintf("dependencies are installed as the user of line %d", line(inst))
		case "ONBUILD":
			return fmt.Sprintf("line %d is an ONBUILD: what it will run is not known", line(inst))
		case "COPY", "ADD":
			if _, from := inst.Flag("from"); from || (inst.Keyword == "ADD" && strings.Contains(s.p.Text(inst.Rest), "://")) {
				return fmt.Sprintf("line %d brings in files before the install step, from elsewhere than the context: move it below", line(inst))
			}
			if copiesSource(s.p, inst) {
				return fmt.Sprintf("the source is copied on line %d, before dependencies are installed: that has to be mended first (cache/source-before-dependencies)", line(inst))
			}
		}
	}
	return ""
}

// absoluteScript finds a use of a program by its path in the base's own prefix.
func (s *split) absoluteScript() (string, int) {
	for _, inst := range s.stage.Instructions {
		if inst.Keyword != "CMD" && inst.Keyword != "ENTRYPOINT" && inst.Keyword != "RUN" {
			continue
		}
		for _, w := range strings.Fields(s.p.Text(inst.Rest)) {
			w = strings.Trim(w, `"[],'`)
			if strings.HasPrefix(w, "/usr/local/bin/") || strings.HasPrefix(w, "/usr/local/lib/") {
				return w, s.p.File.Position(inst.Span.Start).Line
			}
		}
	}
	return "", 0
}

func (s *split) fix() *finding.Fix {
	edits := []edit.Edit{s.nameStage(), s.createBundle()}
	edits = append(edits, s.startRunner()...)
	return &finding.Fix{
		Title:  "Split into a builder and a runner that copies " + s.carried(),
		Safety: finding.Unsafe,
		Why:    "the runner may miss a file or a shared library that the builder has; the proof checks the libraries and asks both images the same",
		Edits:  edits,
	}
}

const builder = "builder"

// builderName is the builder's: another one when the author's stage has it.
func (s *split) builderName() string {
	if s.stage.Name == builder {
		return "dependencies"
	}
	return builder
}

// runnerName is the author's name, so that --target still builds what runs.
func (s *split) runnerName() string {
	if s.stage.Name != "" {
		return s.stage.Name
	}
	return "runner"
}

func (s *split) nameStage() edit.Edit {
	if s.stage.Name != "" {
		return s.p.Edit(s.stage.From.Args[2].Span, s.builderName())
	}
	return s.p.Insert(s.stage.BaseSpan.End, " "+s.keyword("AS")+" "+s.builderName())
}

func (s *split) keyword(k string) string { return keywordAs(s.p.Text(s.stage.From.KeywordSpan), k) }

// carried names what the runner copies.
func (s *split) carried() string {
	var paths []string
	for _, c := range s.p.Facts.Bundle.Carries {
		paths = append(paths, c.From)
	}
	return strings.Join(paths, ", ")
}

// createBundle makes the folder before the manifests are copied, so that
// changing a manifest does not make it anew.
func (s *split) createBundle() edit.Edit {
	at := s.first
	for _, inst := range s.before() {
		if inst.Index < s.first.Index && (inst.Keyword == "COPY" || inst.Keyword == "ADD") {
			at = inst
			break
		}
	}
	text := "# Everything that is installed goes into one folder, which the runner copies.\n" +
		s.keyword("RUN") + " " + s.p.Facts.Bundle.Create + "\n" + s.bundleEnv()
	return s.p.Insert(s.p.File.Block(at).Start, text)
}

func (s *split) bundleEnv() string {
	var b strings.Builder
	for _, e := range s.p.Facts.Bundle.Env {
		fmt.Fprintf(&b, "%s %s=%q\n", s.keyword("ENV"), e.Name, e.Value)
	}
	return b.String()
}

// startRunner ends the builder behind the last install step and begins the
// runner: what configures the image is repeated there, what only the running
// image needs moves there.
func (s *split) startRunner() []edit.Edit {
	var b strings.Builder
	end := s.p.File.Lines(s.last.Span).End
	if end == len(s.p.File.Source) && !strings.HasSuffix(string(s.p.File.Source), "\n") {
		b.WriteString("\n")
	}
	if finish := s.p.Facts.Bundle.Finish; finish != "" {
		fmt.Fprintf(&b, "%s %s\n", s.keyword("RUN"), finish)
	}
	base := s.p.Text(s.stage.From.Rest)
	if s.stage.Name != "" {
		base = s.p.Text(s.stage.BaseSpan)
	}
	fmt.Fprintf(&b, "\n%s ", s.keyword("FROM"))
	for _, f := range s.stage.From.Flags {
		b.WriteString(s.p.Text(f.Span) + " ")
	}
	fmt.Fprintf(&b, "%s %s %s\n", base, s.keyword("AS"), s.runnerName())
	var edits []edit.Edit
	for _, inst := range s.before() {
		switch s.carry(inst) {
		case repeated:
			b.WriteString(s.p.Text(inst.Span) + "\n")
		case moved:
			b.WriteString(strings.TrimRight(s.p.Text(s.p.File.Block(inst)), "\r\n") + "\n")
			edits = append(edits, s.p.DeleteWithLead(inst))
		}
	}
	b.WriteString(s.installRunPackages())
	b.WriteString(s.bundleEnv())
	for _, c := range s.p.Facts.Bundle.Carries {
		fmt.Fprintf(&b, "%s --from=%s %s %s\n", s.keyword("COPY"), s.builderName(), c.From, c.To)
	}
	return append(edits, s.p.Insert(end, strings.ReplaceAll(b.String(), "\r\n", "\n")))
}

// carrying says where an instruction above the last install step belongs.
type carrying int

const (
	stays    carrying = iota // in the builder alone
	repeated                 // in both
	moved                    // in the runner alone
)

func (s *split) carry(inst *dockerfile.Instruction) carrying {
	switch inst.Keyword {
	case "COPY", "ADD":
		if !bringsManifests(s.p, inst) {
			return repeated // the application may read it
		}
	case "ENV", "WORKDIR", "SHELL", "ARG":
		return repeated
	case "EXPOSE", "LABEL", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "CMD", "ENTRYPOINT", "MAINTAINER":
		return moved
	case "RUN":
		if s.steps[inst].accounts {
			return moved
		}
	}
	return stays
}

func (s *split) installRunPackages() string {
	names := s.runPackages()
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("%s apt-get update \\\n && apt-get install -y --no-install-recommends %s \\\n && rm -rf /var/lib/apt/lists/*\n", s.keyword("RUN"), strings.Join(names, " "))
}
