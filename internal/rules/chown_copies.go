package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
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
RUN chown 10001:10001 /srv
USER 10001:10001
CMD ["/srv/run"]
`,
		Fix:   "Sets the owner or mode on the COPY, and leaves the RUN only for the directories that no COPY made, which costs nothing. Refused when the RUN does more, or when other steps wrote into the tree.",
		Proof: "The image still builds, and the application answers as before.",
		Links: []string{"https://docs.docker.com/reference/dockerfile/#copy---chown---chmod"},
	},
	Check: checkChownCopies,
}

func checkChownCopies(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		if !ships(p, stage) {
			continue
		}
		for _, step := range runSteps(p, stage) {
			change, ok := recursiveChange(p, step)
			if !ok {
				continue
			}
			copies := copiesInto(p, stage, step.inst, change.dir)
			if len(copies) == 0 {
				continue
			}
			f := finding.Finding{
				Span:    step.inst.Span,
				Message: fmt.Sprintf("%s stores a second copy of what was copied to %s: set it on the COPY with --%s", change.program, change.dir, change.program),
			}
			if size := shipped(p, copies); size > 0 {
				f.Message = fmt.Sprintf("%s stores a second copy of what was copied to %s (%s): set it on the COPY with --%s", change.program, change.dir, bytes(size), change.program)
				f.Costs = []finding.Cost{{Metric: "image_bytes", Value: float64(size), Unit: "bytes", Basis: finding.Derived, Note: "size of the copied files in the context"}}
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
			case w.Text == "--recursive" || recursiveFlags.MatchString(w.Text):
				recursive = true
			case w.Literal && !strings.HasPrefix(w.Text, "-"):
				words = append(words, w.Text)
			}
		}
		if recursive && len(words) == 2 && c.Depth == 0 && !c.Negated {
			dir := words[1]
			if !path.IsAbs(dir) {
				dir = path.Join(p.File.StateBefore(step.inst).Workdir, dir)
			}
			return treeChange{name, words[0], path.Clean(dir)}, true
		}
	}
	return treeChange{}, false
}

// recursiveFlags are -R and what changes no more than the messages.
var recursiveFlags = regexp.MustCompile(`^-[cfv]*R[cfv]*$`)

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

// madeDirs are the directories below a tree that no COPY made: those of WORKDIR and
// mkdir above a step. reason says why they can't be told.
func madeDirs(p *rule.Pass, stage *dockerfile.Stage, step *runStep, change treeChange, copies []*dockerfile.Instruction) (made []string, reason string) {
	madeAbove := false // a step above the first COPY makes directories in the tree
	for _, inst := range stage.Instructions {
		if inst.Index >= step.inst.Index {
			break
		}
		workdir := p.File.StateBefore(inst).Workdir
		line := p.File.Position(inst.Span.Start).Line
		switch inst.Keyword {
		case "WORKDIR":
			workdir = workdirAfter(p, inst)
			if dir, ok := below(change.dir, workdir); ok {
				made = append(made, dir)
			}
		case "VOLUME":
			return nil, fmt.Sprintf("line %d declares a VOLUME, below which the builder may throw changes away: set the owner by hand", line)
		case "RUN":
			run := readRun(p, inst)
			dirs, ok := run.onlyMakesDirs()
			switch {
			case !ok && run.accounts && strings.Trim(change.value, "0123456789:") != "" && inst.Index > copies[0].Index:
				return nil, fmt.Sprintf("line %d makes users below the COPY, which must know them: move it above", line)
			case !ok && (inst.Index > copies[0].Index || strings.Contains(p.Text(inst.Rest), change.dir)):
				return nil, fmt.Sprintf("line %d may write into %s too: move it above the COPY, or set the owner of what it writes there", line, change.dir)
			}
			for _, dir := range dirs {
				if !path.IsAbs(dir) {
					dir = path.Join(workdir, dir)
				}
				if dir, ok := below(change.dir, dir); ok {
					made = append(made, dir)
					madeAbove = madeAbove || inst.Index < copies[0].Index
				}
			}
		}
	}
	// What mkdir -p makes on the way, and what the base image has: /srv, /opt, /home.
	if madeAbove || path.Dir(change.dir) == "/" {
		made = append(made, change.dir)
	}
	slices.Sort(made)
	return slices.Compact(made), ""
}

// below returns the tree itself, or the directory directly in it that leads to
// dir; ok is false when dir lies elsewhere.
func below(tree, dir string) (string, bool) {
	dir = path.Clean(dir)
	rest, ok := strings.CutPrefix(dir, strings.TrimSuffix(tree, "/")+"/")
	if !ok || rest == "" {
		return tree, dir == tree
	}
	first, _, _ := strings.Cut(rest, "/")
	return path.Join(tree, first), true
}

// onlyMakesDirs returns the directories that a step makes when it writes
// nothing else below the working directory: packages go elsewhere.
func (s *runStep) onlyMakesDirs() (dirs []string, ok bool) {
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

// retarget leaves the RUN to change the directories that no COPY made, and
// takes it out when there are none. The tree itself is changed without what is in it.
func retarget(p *rule.Pass, step *runStep, change treeChange, made []string) edit.Edit {
	var commands []string
	if i := slices.Index(made, change.dir); i >= 0 {
		commands = append(commands, fmt.Sprintf("%s %s %s", change.program, change.value, change.dir))
		made = slices.Delete(slices.Clone(made), i, i+1)
	}
	if len(made) > 0 {
		commands = append(commands, fmt.Sprintf("%s -R %s %s", change.program, change.value, strings.Join(made, " ")))
	}
	if len(commands) == 0 {
		return p.Delete(step.inst)
	}
	return p.Edit(step.inst.Rest, strings.Join(commands, " && "))
}

func ownOnCopy(p *rule.Pass, stage *dockerfile.Stage, step *runStep, change treeChange, copies []*dockerfile.Instruction) (*finding.Fix, string) {
	switch {
	case len(step.script.Commands()) != 1 || step.inst.JSON || len(step.inst.Heredocs)+len(step.inst.Comments) > 0:
		return nil, "the RUN does more than that: set owner and mode on the COPY, and take it out by hand"
	case change.program == "chmod" && strings.Trim(change.value, "01234567") != "":
		return nil, fmt.Sprintf("mode %q is relative to what each file has: COPY --chmod takes such modes in newer Dockerfile versions only: give it as a number", change.value)
	case change.program == "chown" && (strings.HasPrefix(change.value, ":") || strings.HasSuffix(change.value, ":")):
		return nil, fmt.Sprintf("COPY --chown can't say %q: name user and group", change.value)
	case strings.ContainsAny(change.dir, " \t\"'$\\;&|<>()*?["):
		return nil, "the directory's name would need quoting: set the owner by hand"
	}
	made, reason := madeDirs(p, stage, step, change, copies)
	if reason != "" {
		return nil, reason
	}
	owner := change.value
	if change.program == "chown" && !strings.Contains(owner, ":") {
		owner += ":0" // the group stays root's; COPY would take the user's
	}
	edits := []edit.Edit{retarget(p, step, change, made)}
	for _, inst := range copies {
		if _, has := inst.Flag(change.program); has {
			return nil, fmt.Sprintf("line %d sets --%s already: if that is what is wanted, take it out of the RUN by hand", p.File.Position(inst.Span.Start).Line, change.program)
		}
		edits = append(edits, p.Insert(inst.KeywordSpan.End, " --"+change.program+"="+owner))
	}
	return &finding.Fix{
		Title:  fmt.Sprintf("Set --%s on the COPY", change.program),
		Safety: finding.Unsafe,
		Why:    "files that neither a COPY nor a step of this file brought keep their owner; the proof runs the application with it",
		Edits:  edits,
	}, ""
}

// workdirAfter is the directory that a WORKDIR makes.
func workdirAfter(p *rule.Pass, inst *dockerfile.Instruction) string {
	state := p.File.StateBefore(inst)
	if len(inst.Args) == 0 {
		return state.Workdir
	}
	dir := state.Expand(inst, inst.Args[0].Text)
	if path.IsAbs(dir) {
		return dir
	}
	return path.Join(state.Workdir, dir)
}
