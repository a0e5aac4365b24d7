package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/project"
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
		Fix:   "Puts the run of neighbours in the order with the lowest expected time over the history, at the times of the last proof where all are known, and never one past one that it may depend on: files at the same place, variables, owners and the system's folders keep their order.",
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
			order := cheapest(run)
			i, spared := mostSpared(run, order)
			if i < 0 {
				continue
			}
			builds, own := len(run[i].changed), times(run[i].changed)
			above := run[:i][mostChanged(run[:i])]
			p.Report(finding.Finding{
				Span: run[i].inst.Span,
				Message: fmt.Sprintf("%s changed in %d of the last %d builds, and stands below line %d, which changed in %d: it is built again with that; put what changes less above",
					strings.TrimSpace(firstLine(p.Text(run[i].inst.Span))), own, builds, p.File.Position(above.inst.Span.Start).Line, times(above.changed)),
				Costs: []finding.Cost{{
					Metric: "cache_misses", Value: float64(spared), Unit: "builds", Basis: finding.Derived,
					Note: fmt.Sprintf("of the last %d, that another order spares", builds),
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
	changed []bool   // by build: its inputs were new
	seconds float64  // of the step, when last built without a cache; 1 where that is not known of every step of the run
}

// swappableRuns are the runs of neighbours in a stage that may change places.
func swappableRuns(p *rule.Pass, stage *dockerfile.Stage) (runs [][]*swappable) {
	res := p.Replay()
	if res == nil {
		return nil
	}
	var run []*swappable
	end := func() {
		if len(run) > 1 && len(run) <= longestRun {
			weigh(run)
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
		m.changed = s.Changed
		m.seconds = p.StepSeconds[project.StepKey(p.Text(inst.Span))]
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
		step := readRun(p, inst)
		if len(inst.Flags) > 0 || !step.known() || step.accounts || len(step.installs) == 0 || step.installsDependencies() || ownFile(p, step) != "" {
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

// weigh gives every step the same weight where the time of one is not known.
func weigh(run []*swappable) {
	if slices.ContainsFunc(run, func(m *swappable) bool { return m.seconds <= 0 }) {
		for _, m := range run {
			m.seconds = 1
		}
	}
}

// longestRun bounds the orders that are looked at: all subsets of a run.
const longestRun = 12

// cheapest is the order with the lowest expected time over the history's builds, as far as what depends on each
// other keeps its order: a step is built again in each build in which it or a step above it in the run changed. Of
// orders that cost the same it is the one nearest to the author's. It is a list of indices into the run.
func cheapest(run []*swappable) (order []int) {
	all := 1<<len(run) - 1
	cost := make([]float64, all+1) // of what is still to be placed, by the set that is placed
	for placed := all - 1; placed >= 0; placed-- {
		cost[placed] = -1
		for i := range run {
			if c, ok := appended(run, cost, placed, i); ok && (cost[placed] < 0 || c < cost[placed]) {
				cost[placed] = c
			}
		}
	}
	for placed := 0; placed != all; {
		for i := range run {
			if c, ok := appended(run, cost, placed, i); ok && c <= cost[placed] {
				order, placed = append(order, i), placed|1<<i
				break
			}
		}
	}
	return order
}

// appended is the cost of placing step i next, and all others behind it; false when it can't stand there.
func appended(run []*swappable, cost []float64, placed, i int) (float64, bool) {
	if placed&(1<<i) != 0 {
		return 0, false
	}
	for above := range i {
		if placed&(1<<above) == 0 && dependent(run[above], run[i]) {
			return 0, false
		}
	}
	next := placed | 1<<i
	return run[i].seconds*float64(rebuilds(run, next)) + cost[next], true
}

// rebuilds counts the builds in which any step of a set changed.
func rebuilds(run []*swappable, set int) (n int) {
	for build := range run[0].changed {
		for i, m := range run {
			if set&(1<<i) != 0 && m.changed[build] {
				n++
				break
			}
		}
	}
	return n
}

func times(changed []bool) (n int) {
	for _, c := range changed {
		if c {
			n++
		}
	}
	return n
}

func mostChanged(run []*swappable) (most int) {
	for i, m := range run {
		if times(m.changed) > times(run[most].changed) {
			most = i
		}
	}
	return most
}

// mostSpared is the step that gains most by an order, with the builds that it is spared; -1 when none gains enough.
func mostSpared(run []*swappable, order []int) (step, spared int) {
	step = -1
	placed := 0
	for _, i := range order {
		placed |= 1 << i
		gain := rebuilds(run, 1<<(i+1)-1) - rebuilds(run, placed)
		if gain > spared && float64(gain) >= orderGain*float64(len(run[i].changed)) {
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
