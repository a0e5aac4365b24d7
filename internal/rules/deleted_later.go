package rules

import (
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var deletedLater = &rule.Rule{
	ID:       "size/deleted-later",
	Severity: finding.Warning,
	Safety:   finding.Safe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "A later layer deletes what an earlier one added.",
		What:    "A RUN only deletes files or caches that an earlier step of the same stage made.",
		Why:     "Layers are added to each other: what is deleted later still ships, and can be read by anyone who has the image.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpq5
RUN rm -rf /var/lib/apt/lists/*
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
`,
		Fix:   "Moves the deletion of a package cache into the RUN that filled it. Files that a COPY of the context brought go into .dockerignore; refused when a step between the two may use them.",
		Proof: "The same files are there in the end; the layer is smaller.",
		Links: []string{"https://docs.docker.com/build/building/best-practices/"},
	},
	Check: checkDeletedLater,
}

func checkDeletedLater(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		if !ships(p, stage) {
			continue
		}
		steps := runSteps(p, stage)
		for i, step := range steps {
			targets := deletesOnly(step)
			if len(targets) == 0 {
				continue
			}
			if maker, m := filler(p, steps[:i], targets); m != nil {
				f := finding.Finding{
					Span: step.inst.Span,
					Message: fmt.Sprintf("the %s cache is deleted in a layer of its own, and still ships in the layer of line %d: delete it in the same RUN",
						m.name, p.File.Position(steps[maker].inst.Span.Start).Line),
				}
				f.Fix, f.Refused = joinDeletion(p, steps[maker:i+1], m)
				p.Report(f)
			} else if inst := copier(p, stage, step.inst, targets); inst != nil {
				f := finding.Finding{
					Span:    step.inst.Span,
					Message: fmt.Sprintf("%s deleted here and still shipped in the layer of line %d: leave it out with .dockerignore", strings.Join(targets, ", ")+verbFor(len(targets)), p.File.Position(inst.Span.Start).Line),
				}
				f.Fix, f.Refused = ignoreDeleted(p, steps[:i], step, inst, targets)
				p.Report(f)
			}
		}
	}
	return nil
}

// deletesOnly returns what a step deletes when it does nothing else.
func deletesOnly(step *runStep) []string {
	if step.script == nil {
		return nil
	}
	var targets []string
	for _, c := range step.script.Commands() {
		name, rest := program(c)
		switch {
		case c.Depth > 0:
			return nil
		case name == "rm":
			for _, w := range rest {
				if !strings.HasPrefix(w.Text, "-") {
					targets = append(targets, w.Text)
				}
			}
		case name == "apt-get" && verb(rest) == "clean":
			targets = append(targets, "/var/cache/apt")
		default:
			return nil
		}
	}
	return targets
}

// filler finds the last step that made a package cache which is then deleted.
func filler(p *rule.Pass, earlier []*runStep, targets []string) (int, *manager) {
	for i := len(earlier) - 1; i >= 0; i-- {
		for _, m := range earlier[i].managers() {
			if m.cachedIn(targets) && keepsCache(p, earlier[i], m) {
				return i, m
			}
		}
		if m := updatesOnly(earlier[i]); m != nil && m.cachedIn(targets) {
			return i, m
		}
	}
	return 0, nil
}

// joinDeletion moves the last of the steps to the end of the first, which filled the cache.
func joinDeletion(p *rule.Pass, steps []*runStep, m *manager) (*finding.Fix, string) {
	maker, step := steps[0], steps[len(steps)-1]
	line := func(s *runStep) int { return p.File.Position(s.inst.Span.Start).Line }
	at := endOfScript(p, maker)
	switch {
	case updatesOnly(maker) != nil:
		return nil, fmt.Sprintf("line %d only fetches the lists, for a step below: join these two first (cache/update-apart)", line(maker))
	case at < 0:
		return nil, fmt.Sprintf("a command can't be joined to the end of line %d: delete the cache there by hand", line(maker))
	case !chained(step) || len(step.inst.Flags) > 0:
		return nil, "the deletion is more than a chain of commands, or has comments or flags: move it by hand"
	case p.File.StateBefore(maker.inst).User != p.File.StateBefore(step.inst).User:
		return nil, fmt.Sprintf("line %d runs as another user: delete the cache there by hand", line(maker))
	}
	for _, between := range steps[1 : len(steps)-1] {
		if !between.known() || usesLists(between, m) {
			return nil, fmt.Sprintf("line %d may use what is deleted: move the deletion by hand", line(between))
		}
	}
	command := strings.TrimSpace(p.Text(step.inst.Rest))
	return &finding.Fix{
		Title:  "Delete the cache in the RUN that fills it",
		Safety: finding.Safe,
		Edits:  []edit.Edit{p.Insert(at, joined(p, maker.inst, command)), p.Delete(step.inst)},
	}, ""
}

// copier finds the COPY of the context whose files are deleted.
func copier(p *rule.Pass, stage *dockerfile.Stage, below *dockerfile.Instruction, targets []string) *dockerfile.Instruction {
	for _, inst := range stage.Instructions {
		if inst.Index >= below.Index || !copiesSourceOf(p, inst) {
			continue
		}
		state := p.File.StateBefore(inst)
		dest := inst.Dest().Text
		if !path.IsAbs(dest) {
			dest = path.Join(state.Workdir, dest)
		}
		for _, t := range targets {
			if !path.IsAbs(t) {
				t = path.Join(p.File.StateBefore(below).Workdir, t)
			}
			if path.Clean(t) == path.Clean(dest) || strings.HasPrefix(path.Clean(t), strings.TrimSuffix(path.Clean(dest), "/")+"/") {
				return inst
			}
		}
	}
	return nil
}

// ignoreDeleted keeps the files out of the context instead. The steps between
// the COPY and the deletion must not need them, nor may another COPY.
func ignoreDeleted(p *rule.Pass, earlier []*runStep, step *runStep, source *dockerfile.Instruction, targets []string) (*finding.Fix, string) {
	for _, s := range earlier {
		if s.inst.Index > source.Index && !s.known() {
			return nil, fmt.Sprintf("line %d may use the files: if it does not, add them to .dockerignore", p.File.Position(s.inst.Span.Start).Line)
		}
	}
	for _, inst := range p.File.Instructions {
		if inst != source && copiesSource(p, inst) {
			return nil, fmt.Sprintf("line %d copies the context too, and may want the files: if not, add them to .dockerignore", p.File.Position(inst.Span.Start).Line)
		}
	}
	if inst := bindsContext(p); inst != nil {
		return nil, fmt.Sprintf("line %d mounts the context, and may want the files: if not, add them to .dockerignore", p.File.Position(inst.Span.Start).Line)
	}
	if installReadsSource(p) {
		return nil, "installing reads the source, and may want the files: if not, add them to .dockerignore"
	}
	patterns, ok := contextPaths(p, step, source, targets)
	if !ok {
		return nil, "which files of the context these are can't be told: add them to .dockerignore"
	}
	return &finding.Fix{
		Title:  "Leave " + strings.Join(targets, ", ") + " out of the context",
		Safety: finding.Safe,
		Edits:  append(ignore(p, "Not wanted in the image.", patterns), p.Delete(step.inst)),
	}, ""
}

// contextPaths are the paths in the context of what is deleted in the image.
func contextPaths(p *rule.Pass, step *runStep, source *dockerfile.Instruction, targets []string) (paths []string, ok bool) {
	before := p.File.StateBefore(source)
	dest := source.Dest().Text
	if !path.IsAbs(dest) {
		dest = path.Join(before.Workdir, dest)
	}
	for _, t := range targets {
		if !path.IsAbs(t) {
			state := p.File.StateBefore(step.inst)
			t = path.Join(state.Workdir, t)
		}
		name, below := strings.CutPrefix(path.Clean(t), strings.TrimSuffix(path.Clean(dest), "/")+"/")
		if _, found := p.Context.Lookup(name); !below || !found || len(source.Sources()) != 1 || cleanSource(source.Sources()[0].Text) != "." {
			return nil, false
		}
		paths = append(paths, buildctx.EscapePattern(name))
	}
	return paths, true
}

func copiesSourceOf(p *rule.Pass, inst *dockerfile.Instruction) bool {
	return p.Context != nil && copiesSource(p, inst)
}

// bindsContext finds a RUN that mounts the context, or a part of it.
func bindsContext(p *rule.Pass) *dockerfile.Instruction {
	for _, inst := range p.File.Instructions {
		for _, m := range inst.Mounts() {
			if m.Type == "bind" && m.From == "" {
				return inst
			}
		}
	}
	return nil
}
