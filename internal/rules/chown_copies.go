package rules

import (
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var chownCopies = &rule.Rule{
	ID:       "size/chown-copies",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Needs:    []rule.Need{rule.NeedContext},
	Doc: rule.Doc{
		Summary: "chown or chmod writes a second copy of a tree.",
		What:    "A RUN changes the owner or mode of files that an earlier COPY brought in.",
		Why:     "A layer holds whole files: changing only their owner stores all of them again.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
WORKDIR /srv
COPY . .
RUN chown -R 10001:10001 /srv
USER 10001:10001
CMD ["/srv/run"]
-- run --
#!/bin/sh
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
WORKDIR /srv
COPY --chown=10001:10001 . .
USER 10001:10001
CMD ["/srv/run"]
`,
		Fix:   "Sets the owner or mode on the COPY, and removes the RUN; directories that another step made keep it. Refused when the RUN does more, or when other steps wrote into the tree.",
		Proof: "The image still builds, and the application answers as before.",
		Links: []string{"https://docs.docker.com/reference/dockerfile/#copy---chown---chmod"},
	},
	Check: checkChownCopies,
}

func checkChownCopies(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		for _, step := range runSteps(p, stage) {
			change, ok := recursiveChange(p, step)
			if !ok {
				continue
			}
			copies := copiesInto(p, stage, step.inst, change.dir)
			if len(copies) == 0 {
				continue
			}
			size := shipped(p, copies)
			f := finding.Finding{
				Span:    step.inst.Span,
				Message: fmt.Sprintf("%s stores a second copy of what was copied to %s (%s): set it on the COPY with --%s", change.program, change.dir, bytes(size), change.program),
				Costs:   []finding.Cost{{Metric: "image_bytes", Value: float64(size), Unit: "bytes", Basis: finding.Derived, Note: "size of the copied files in the context"}},
			}
			f.Fix, f.Refused = ownOnCopy(p, stage, step, change, copies)
			p.Report(f)
		}
	}
	return nil
}

// treeChange is "chown -R OWNER DIR" or "chmod -R MODE DIR".
type treeChange struct{ program, value, dir string }

func recursiveChange(p *rule.Pass, step *runStep) (treeChange, bool) {
	if step.script == nil {
		return treeChange{}, false
	}
	for _, c := range step.script.Commands() {
		name, rest := program(c)
		if name != "chown" && name != "chmod" {
			continue
		}
		var words []string
		recursive := false
		for _, w := range rest {
			switch {
			case w.Text == "-R" || w.Text == "--recursive":
				recursive = true
			case w.Literal && !strings.HasPrefix(w.Text, "-"):
				words = append(words, w.Text)
			}
		}
		if recursive && len(words) == 2 {
			dir := words[1]
			if !path.IsAbs(dir) {
				dir = path.Join(p.File.StateBefore(step.inst).Workdir, dir)
			}
			return treeChange{name, words[0], path.Clean(dir)}, true
		}
	}
	return treeChange{}, false
}

// copiesInto are the instructions above one that copy context files to a directory or below it.
func copiesInto(p *rule.Pass, stage *dockerfile.Stage, above *dockerfile.Instruction, dir string) []*dockerfile.Instruction {
	var copies []*dockerfile.Instruction
	for _, inst := range stage.Instructions {
		if inst.Index >= above.Index {
			break
		}
		if inst.Keyword != "COPY" && inst.Keyword != "ADD" {
			continue
		}
		dest := inst.Dest().Text
		if !path.IsAbs(dest) {
			dest = path.Join(p.File.StateBefore(inst).Workdir, dest)
		}
		if dest = path.Clean(dest); dest == dir || strings.HasPrefix(dest, strings.TrimSuffix(dir, "/")+"/") {
			copies = append(copies, inst)
		}
	}
	return copies
}

func shipped(p *rule.Pass, copies []*dockerfile.Instruction) int64 {
	var total int64
	for _, inst := range copies {
		if _, from := inst.Flag("from"); from {
			continue
		}
		if copied, err := copiedBy(p, inst); err == nil {
			total += copied.Bytes
		}
	}
	return total
}

// onlyMakesDirs returns the directories that a step makes when it writes
// nothing else below the working directory: packages go elsewhere.
func onlyMakesDirs(p *rule.Pass, s *runStep) (dirs []string, ok bool) {
	if !s.known() {
		return nil, false
	}
	for _, c := range s.script.Commands() {
		name, rest := program(c)
		if !accountPrograms[name] {
			continue
		}
		if name != "mkdir" {
			return nil, false
		}
		for _, w := range rest {
			if strings.HasPrefix(w.Text, "-") {
				continue
			}
			if !w.Literal {
				return nil, false
			}
			dirs = append(dirs, w.Text)
		}
	}
	return dirs, true
}

// retarget leaves the RUN to change the directories that no COPY brought, and
// takes it out when there are none.
func retarget(p *rule.Pass, step *runStep, dirs []string) edit.Edit {
	if len(dirs) == 0 {
		return p.Delete(step.inst)
	}
	words := step.script.Commands()[0].Words
	return p.Edit(words[len(words)-1].Span, strings.Join(dirs, " "))
}

func ownOnCopy(p *rule.Pass, stage *dockerfile.Stage, step *runStep, change treeChange, copies []*dockerfile.Instruction) (*finding.Fix, string) {
	switch {
	case len(step.script.Commands()) != 1:
		return nil, "the RUN does more than that: set owner and mode on the COPY, and take it out by hand"
	case strings.ContainsAny(change.value, "$"):
		return nil, "the owner or mode depends on a variable"
	case change.program == "chmod" && strings.Trim(change.value, "01234567") != "":
		return nil, fmt.Sprintf("mode %q is relative to what each file has: COPY --chmod takes such modes in newer Dockerfile versions only", change.value)
	}
	var made []string // directories that other steps made in the tree
	for _, s := range runSteps(p, stage) {
		if s.inst.Index < copies[0].Index || s.inst.Index >= step.inst.Index {
			continue
		}
		dirs, ok := onlyMakesDirs(p, s)
		if !ok {
			return nil, fmt.Sprintf("line %d may write into %s between the two", p.File.Position(s.inst.Span.Start).Line, change.dir)
		}
		made = append(made, dirs...)
	}
	edits := []edit.Edit{retarget(p, step, made)}
	for _, inst := range copies {
		if _, has := inst.Flag(change.program); has {
			return nil, fmt.Sprintf("line %d sets --%s already", p.File.Position(inst.Span.Start).Line, change.program)
		}
		edits = append(edits, p.Insert(inst.KeywordSpan.End, " --"+change.program+"="+change.value))
	}
	return &finding.Fix{
		Title:  fmt.Sprintf("Set --%s on the COPY", change.program),
		Safety: finding.Unsafe,
		Why:    "the directory itself keeps its owner, and so do files that no COPY brought; the proof runs the application with it",
		Edits:  edits,
	}, ""
}
