package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var orderByChange = &rule.Rule{
	ID:       "cache/order-by-change",
	Severity: finding.Info,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "What changes often is copied above what hardly ever does.",
		What:    "Of neighbouring COPY and package-installing instructions that do not depend on each other, one whose files changed in more of the last commits stands above one whose files changed in fewer. It is raised from the project's own git history, of ten builds at least.",
		Why:     "A step is built again when anything above it changed. In the other order the step that hardly changes would have been in the cache, and its layer would not have been pushed and pulled anew.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
WORKDIR /srv
# the program
COPY serve.sh ./
# what it plays, which hardly ever changes
COPY sounds ./sounds/
CMD ["./serve.sh"]
-- serve.sh --
#!/bin/sh
-- sounds/horn.wav --
honk
-- HISTORY --
serve.sh
serve.sh
serve.sh
sounds/horn.wav
serve.sh
serve.sh
serve.sh
serve.sh
serve.sh
serve.sh
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
WORKDIR /srv
# what it plays, which hardly ever changes
COPY sounds ./sounds/
# the program
COPY serve.sh ./
CMD ["./serve.sh"]
`,
		Fix:   "Puts the instructions in the order of how often their inputs changed, within the run of neighbours, and never past one that it may depend on: files at the same place, variables, owners and the system's folders keep their order.",
		Proof: "The same files are in the image, and the application answers as before; replay shows the hits before and after.",
		Links: []string{"https://docs.docker.com/build/cache/optimize/"},
	},
	Check: checkOrderByChange,
}

// Thresholds under which an order is a matter of chance.
const (
	orderBuilds = 10  // builds in the history
	orderGain   = 0.2 // of the builds, that a step is spared
)

func checkOrderByChange(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		for _, run := range swappableRuns(p, stage) {
			order := byChange(run)
			i, spared := mostSpared(run, order)
			if i < 0 {
				continue
			}
			above := run[slices.IndexFunc(run, func(m *swappable) bool { return m.changed > run[i].changed })]
			p.Report(finding.Finding{
				Span: run[i].inst.Span,
				Message: fmt.Sprintf("%s changed in %d of the last %d builds, and stands below line %d, which changed in %d: it is built again with that; put what changes less above",
					strings.TrimSpace(firstLine(p.Text(run[i].inst.Span))), run[i].changed, run[i].builds, p.File.Position(above.inst.Span.Start).Line, above.changed),
				Costs: []finding.Cost{{
					Metric: "cache_misses", Value: float64(spared), Unit: "builds", Basis: finding.Derived,
					Note: fmt.Sprintf("of the last %d, that another order spares", run[i].builds),
				}},
				Fix: &finding.Fix{
					Title:  "Put what changes less often first",
					Safety: finding.Unsafe,
					Why:    "one instruction may depend on another in a way that can't be read off the file; the proof compares the application's answers",
					Edits:  []edit.Edit{reorder(p, run, order)},
				},
			})
		}
	}
	return nil
}

// swappable is an instruction that may change places with its neighbours.
type swappable struct {
	inst    *dockerfile.Instruction
	regions []string // absolute paths that it writes at or below; none for a system install
	owner   string   // its --chown and --chmod
	changed int      // builds in which its inputs were new
	builds  int
}

// swappableRuns are the runs of neighbours in a stage that may change places.
func swappableRuns(p *rule.Pass, stage *dockerfile.Stage) (runs [][]*swappable) {
	res := p.Replay()
	if res == nil {
		return nil
	}
	var run []*swappable
	end := func() {
		if len(run) > 1 {
			runs = append(runs, run)
		}
		run = nil
	}
	for _, inst := range stage.Instructions {
		m := readSwappable(p, inst)
		if m == nil {
			end()
			continue
		}
		s := replayed(res, inst)
		if s == nil || s.Hits+s.Misses < orderBuilds {
			end()
			continue
		}
		m.changed, m.builds = s.Changed, s.Hits+s.Misses
		run = append(run, m)
	}
	end()
	return runs
}

// readSwappable returns nil for instructions that stay where they are.
func readSwappable(p *rule.Pass, inst *dockerfile.Instruction) *swappable {
	m := &swappable{inst: inst}
	switch inst.Keyword {
	case "RUN":
		step := readRun(p.File, inst)
		if len(inst.Flags) > 0 || !step.known() || step.accounts || len(step.installs) == 0 || step.installsDependencies() {
			return nil
		}
		return m
	case "COPY", "ADD":
		for _, f := range inst.Flags {
			if f.Name == "chown" || f.Name == "chmod" {
				m.owner += " " + p.Text(f.Span)
			}
		}
		m.regions = regions(p, inst)
		if slices.ContainsFunc(m.regions, ofSystem) || len(m.regions) == 0 {
			return nil
		}
		return m
	}
	return nil
}

// regions are the places that a COPY or ADD writes to.
func regions(p *rule.Pass, inst *dockerfile.Instruction) (list []string) {
	dest := destination(p, inst)
	raw := inst.Dest().Text
	folder := strings.HasSuffix(raw, "/") || raw == "." || len(inst.Sources()) > 1
	_, from := inst.Flag("from")
	_, parents := inst.Flag("parents")
	for _, w := range inst.Sources() {
		name := cleanSource(w.Text)
		e, known := p.Context.Lookup(name)
		if inst.Keyword == "COPY" && folder && !from && !parents && known && e.Mode.IsRegular() {
			list = append(list, path.Join(dest, path.Base(name)))
			continue
		}
		list = append(list, dest)
	}
	if len(inst.Heredocs) > 0 {
		list = append(list, dest)
	}
	return list
}

// ofSystem reports whether a place belongs to the distribution, where links lead from one
// folder to another and package managers read and write.
func ofSystem(place string) bool {
	if place == "/" || strings.Contains(place, "$") {
		return true
	}
	top, _, _ := strings.Cut(strings.TrimPrefix(place, "/"), "/")
	return slices.Contains([]string{"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "root", "run", "sbin", "sys", "tmp", "usr", "var"}, top)
}

// dependent reports whether the order of two instructions may matter.
func dependent(a, b *swappable) bool {
	copies := len(a.regions) > 0 && len(b.regions) > 0
	if !copies { // an install may make the user that an owner's name means; two installs may differ in what they upgrade
		return len(a.regions) == 0 && len(b.regions) == 0 || ownedByName(a.owner+b.owner)
	}
	if a.owner != b.owner {
		return true // folders above a target belong to the one that makes them
	}
	for _, x := range a.regions {
		for _, y := range b.regions {
			if within(x, y) || within(y, x) {
				return true
			}
		}
	}
	return false
}

// ownedByName reports whether flags name an owner by other than numbers.
func ownedByName(flags string) bool {
	_, owner, ok := strings.Cut(flags, "--chown=")
	return ok && strings.Trim(strings.Fields(owner + " ")[0], "0123456789:") != ""
}

func within(inner, outer string) bool { return inner == outer || strings.HasPrefix(inner, outer+"/") }

// byChange is the order in which the least changed comes first, as far as what depends on
// each other keeps its order. It is a list of indices into the run.
func byChange(run []*swappable) (order []int) {
	placed := make([]bool, len(run))
	for range run {
		best := -1
		for i := range run {
			if !placed[i] && free(run, placed, i) && (best < 0 || run[i].changed < run[best].changed) {
				best = i
			}
		}
		placed[best] = true
		order = append(order, best)
	}
	return order
}

// free reports whether everything above i that it depends on is placed.
func free(run []*swappable, placed []bool, i int) bool {
	for above := range i {
		if !placed[above] && dependent(run[above], run[i]) {
			return false
		}
	}
	return true
}

// mostSpared is the step that gains most by an order, with the builds that it is spared at least; -1 when none gains enough.
func mostSpared(run []*swappable, order []int) (step, spared int) {
	step = -1
	for at, i := range order {
		before, after := 0, 0
		for _, above := range run[:i] {
			before = max(before, above.changed)
		}
		for _, above := range order[:at] {
			after = max(after, run[above].changed)
		}
		own := run[i].changed
		if gain := max(before, own) - max(after, own); gain > spared && float64(gain) >= orderGain*float64(run[i].builds) {
			step, spared = i, gain
		}
	}
	return step, spared
}

// reorder writes the instructions of a run in another order, each with the comments above it. The
// lines between them stay where they are.
func reorder(p *rule.Pass, run []*swappable, order []int) edit.Edit {
	spans := make([]dockerfile.Span, len(run))
	for i, m := range run {
		spans[i] = dockerfile.Span{Start: p.File.Block(m.inst).Start, End: p.File.Lines(m.inst.Span).End}
	}
	whole := dockerfile.Span{Start: spans[0].Start, End: spans[len(spans)-1].End}
	var b strings.Builder
	for at, i := range order {
		text := p.Text(spans[i])
		if !strings.HasSuffix(text, "\n") {
			text += p.File.Newline()
		}
		b.WriteString(text)
		if at+1 < len(spans) {
			b.WriteString(p.Text(dockerfile.Span{Start: spans[at].End, End: spans[at+1].Start}))
		}
	}
	text := b.String()
	if !strings.HasSuffix(p.Text(whole), "\n") {
		text = strings.TrimSuffix(text, p.File.Newline())
	}
	return p.Edit(whole, text)
}
