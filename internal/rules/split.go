package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// split is a single stage seen as a builder, up to the last install step, and a runner.
type split struct {
	p     *rule.Pass
	stage *dockerfile.Stage
	steps map[*dockerfile.Instruction]*runStep
	first *dockerfile.Instruction // the first step that installs dependencies or builds
	last  *dockerfile.Instruction // the last one
	// built are the steps that make outputs out of the source or, where the builder alone has it, check it.
	built map[*dockerfile.Instruction]bool
	// bundle is what the runner gets; empty when the ecosystem knows of none.
	bundle ecosystem.Bundle
	// carries is where instructions above the cut belong, as far as that was asked.
	carries map[*dockerfile.Instruction]carrying
	// work are the workplaces, once they were asked for.
	work []string
}

func newSplit(p *rule.Pass) *split {
	s := &split{p: p, stage: p.Final, steps: map[*dockerfile.Instruction]*runStep{}, built: map[*dockerfile.Instruction]bool{}, carries: map[*dockerfile.Instruction]carrying{}}
	if p.Facts.Bundle != nil {
		s.bundle = *p.Facts.Bundle
		s.bundle.Carries = append(slices.Clip(s.bundle.Carries), s.opened()...)
	}
	for _, step := range runSteps(p, p.Final) {
		s.steps[step.inst] = step
		s.built[step.inst] = len(builtOn(p, step.inst)) > 0 || s.bundle.Source && len(on(p, step.inst, p.Facts.Checks)) > 0
		if s.installs(step) || s.built[step.inst] {
			if s.first == nil {
				s.first = step.inst
			}
			s.last = step.inst
		}
	}
	s.bundle.Carries = slices.DeleteFunc(slices.Clone(s.bundle.Carries), s.broughtBelow)
	return s
}

// broughtBelow reports whether what is carried comes from the context below the cut alone: the runner has it from there.
func (s *split) broughtBelow(c ecosystem.Carry) bool {
	if s.last == nil || s.p.Context == nil || !s.bundle.Source {
		return false
	}
	context := s.p.Context.FS()
	_, before := container.FilesAt(s.p.File, s.last, context).InContext(c.From)
	_, after := container.FilesOf(s.p.File, s.stage, context).InContext(c.From)
	return after && !before
}

// opened are files of the context that the running original was seen to open and that the runner would not get: each
// with those beside it, of which other requests may want one.
func (s *split) opened() (more []ecosystem.Carry) {
	if !s.bundle.Source {
		return nil // the runner copies the source itself
	}
	workdir := s.p.File.EndState(s.stage).Workdir
	for _, f := range s.p.Facts.RunFiles {
		place := f.Value
		if dir := path.Dir(place); dir != workdir {
			place = dir
		}
		rel, below := strings.CutPrefix(f.Value, workdir+"/")
		if s.p.Context == nil || !below {
			continue
		}
		if _, inContext := s.p.Context.Lookup(rel); !inContext {
			continue
		}
		if !slices.ContainsFunc(slices.Concat(s.bundle.Carries, more), func(c ecosystem.Carry) bool { return within(place, c.To) }) {
			more = append(more, ecosystem.Carry{From: place, To: place, Why: "read at run time", Source: f.Source})
		}
	}
	return more
}

// global are the packages that an instruction installs for all of the image, as far as the running application may call them.
func (s *split) global(inst *dockerfile.Instruction) (names []string) {
	for _, g := range on(s.p, inst, s.p.Facts.Global) {
		names = append(names, g.Value)
	}
	return names
}

// installs reports whether a step installs dependencies of the application, and not only programs for all of the image.
func (s *split) installs(step *runStep) bool {
	return step.installsDependencies() && (len(s.global(step.inst)) == 0 || !step.onlyGlobal())
}

// onlyGlobal reports whether a step installs programs for all of the image, and nothing else.
func (s *runStep) onlyGlobal() bool {
	return !s.accounts && !slices.ContainsFunc(s.installs, func(c installCommand) bool {
		return c.manager.system || !c.has("-g", "--global", "--location=global")
	})
}

// on are the facts that stand on the lines of an instruction.
func on(p *rule.Pass, inst *dockerfile.Instruction, facts []ecosystem.Fact[string]) (list []ecosystem.Fact[string]) {
	from, to := p.File.Position(inst.Span.Start).Line, p.File.Position(inst.Span.End).Line
	for _, f := range facts {
		if f.Source.File == p.DockerfilePath && f.Source.Line >= from && f.Source.Line <= to {
			list = append(list, f)
		}
	}
	return list
}

// builtOn are the build steps of the application that stand on the lines of an instruction.
func builtOn(p *rule.Pass, inst *dockerfile.Instruction) []ecosystem.Fact[string] {
	if facts := p.FactsOf(inst.Stage); facts != nil {
		return on(p, inst, facts.Builds)
	}
	return nil
}

// ballast says what the image carries for its build alone.
func (s *split) ballast() (string, []finding.Cost) {
	var parts []string
	var costs []finding.Cost
	if r := s.bundle.Runner; r != nil {
		parts = append(parts, fmt.Sprintf("%s, the source and the tools of the build stay in the image, and the result runs on %s", s.stage.Base, r.Base))
		if family, ok := s.p.Bases[s.p.File.BaseOf(s.stage)]; ok {
			if full, ok := family.Asked(); ok {
				costs = append(costs, finding.Cost{Metric: "transfer_bytes", Value: float64(full.TransferBytes), Unit: "bytes", Basis: basis(family.Estimated), Note: "base image, which only the build needs"})
			}
		}
	} else if family, ok := s.p.Bases[s.p.File.BaseOf(s.stage)]; ok {
		full, okFull := family.Asked()
		slim, okSlim := family.Slim()
		if okFull && okSlim && slim.TransferBytes < full.TransferBytes {
			saved := full.TransferBytes - slim.TransferBytes
			parts = append(parts, fmt.Sprintf("%s carries compilers and headers (%s of transfer more than %s)", s.stage.Base, bytes(saved), slim.Tag))
			costs = append(costs, finding.Cost{Metric: "transfer_bytes", Value: float64(saved), Unit: "bytes", Basis: basis(family.Estimated), Note: "base image against its slim variant"})
		}
	}
	if s.bundle.Source && s.bundle.Runner == nil && s.p.Facts.DevDependencies.Known() && len(s.keptDev()) == 0 {
		parts = append(parts, s.p.Facts.DevDependencies.Value+" stay in the image, which only building and testing need")
	}
	if names := s.buildPackages(); len(names) > 0 {
		verb := " only compile"
		if len(names) == 1 {
			verb = " only compiles"
		}
		parts = append(parts, strings.Join(names, ", ")+verb)
	}
	if len(parts) == 0 && s.p.Facts.Bundle == nil && s.built[s.last] {
		parts = append(parts, "the source and the tools of the build stay in the image")
	}
	return strings.Join(parts, "; "), costs
}

// keptDev are the notes on why development dependencies stay in the runner.
func (s *split) keptDev() (notes []ecosystem.Note) {
	for _, n := range s.p.Facts.Notes {
		if n.About == "dev-dependencies" {
			notes = append(notes, n)
		}
	}
	return notes
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

// refusal says why the stage can't be split soundly; empty when it can.
func (s *split) refusal() string {
	switch {
	case s.p.Facts.Bundle == nil:
		return s.noBundle()
	case s.p.Facts.InstallReadsSource.Known() && !s.bundle.Source && !s.bundle.Both:
		return "installing reads the source itself: " + readsSource(s.p.Facts, "copy what it reads by name before the install") + ", or split by hand"
	}
	if base, ok := s.p.Bases[s.p.File.BaseOf(s.stage)].Asked(); ok && base.OnBuild != "" {
		first, more, _ := strings.Cut(base.OnBuild, "\n")
		return fmt.Sprintf("%s has commands of its own for images built on it (ONBUILD %s%s), which a runner on the same base would run again: write them out in this Dockerfile first", base.Tag, first, andMore(more))
	}
	if reason := s.refusesPrefix(); reason != "" {
		return reason
	}
	if reason := s.refusesPackages(); reason != "" {
		return reason
	}
	for _, inst := range s.before() {
		if reason := s.refuses(inst); reason != "" {
			return reason
		}
	}
	if where := s.toolBelow(); where > 0 {
		return fmt.Sprintf("line %d calls %s, which stays in the builder: call the program by its own name", where, s.bundle.Tool.Value)
	}
	for _, c := range s.p.Commands() {
		words := strings.Join(slices.Concat(c.Value.Entrypoint, c.Value.Argv), " ")
		if s.bundle.Tool.Known() && slices.Contains(strings.FieldsFunc(words, notName), s.bundle.Tool.Value) {
			return fmt.Sprintf("%s (%s) calls %s, which stays in the builder: call the program by its own name", c.Value.By, whereShown(c.Source), s.bundle.Tool.Value)
		}
	}
	if where, command := s.developsBelow(); where > 0 {
		return fmt.Sprintf("%q on line %d may want development dependencies, which the runner does not have: do that in the RUN of line %d, which stays in the builder", command, where, s.line(s.last))
	}
	for _, program := range s.p.Facts.Programs {
		if s.bundle.Tool.Known() && program.Value == s.bundle.Tool.Value && program.Source.File != s.p.DockerfilePath {
			return fmt.Sprintf("%s calls %s, which stays in the builder: call the program by its own name", whereShown(program.Source), program.Value)
		}
	}
	return s.refusesRunner()
}

// lastWork is the last step that installs or builds, and does not only check.
func (s *split) lastWork() (last *dockerfile.Instruction) {
	for _, inst := range s.before() {
		if step := s.steps[inst]; step != nil && (s.installs(step) || len(builtOn(s.p, inst)) > 0) {
			last = inst
		}
	}
	return last
}

// developsBelow is the line of an instruction of the runner that has a manager run something, with the command; 0 when none does, or
// the runner has what development wants.
func (s *split) developsBelow() (int, string) {
	apart := slices.ContainsFunc(s.bundle.Carries, func(c ecosystem.Carry) bool { return c.From != c.To })
	if r := s.bundle.Runner; s.bundle.Prune == "" && (!apart || r != nil && r.Start == nil) {
		return 0, ""
	}
	for _, inst := range s.stage.Instructions {
		step := s.steps[inst]
		if step == nil || inst.Index <= s.last.Index {
			continue
		}
		for _, c := range step.other {
			name, rest := program(c)
			if m := managerOf(name, rest); m != nil && !m.system && !slices.Contains(leavesAlone, verb(rest)) {
				return s.line(inst), firstLine(s.p.Text(c.Span))
			}
		}
	}
	return 0, ""
}

// leavesAlone are subcommands of managers that run nothing.
var leavesAlone = []string{"config", "set", "prune", "store", "pkg", "version", "-v", "--version"}

// toolBelow is the line of an instruction of the runner that calls the program that installs; 0 when none does.
func (s *split) toolBelow() int {
	for _, inst := range s.stage.Instructions {
		if !s.bundle.Tool.Known() || inst.Index <= s.last.Index || inst.Keyword == "CMD" || inst.Keyword == "ENTRYPOINT" {
			continue // a start command is replaced, or there is no bundle
		}
		if (inst.Keyword == "RUN" || inst.Keyword == "HEALTHCHECK") && slices.Contains(strings.FieldsFunc(s.p.Text(inst.Rest), notName), s.bundle.Tool.Value) {
			return s.line(inst)
		}
	}
	return 0
}

// notName reports whether a character can't be part of a program's name.
func notName(r rune) bool { return strings.ContainsRune(" \t\r\n\"'[],;&|()/", r) }

// noBundle is what the ecosystem says about why nothing can be carried to a runner.
func (s *split) noBundle() string {
	for _, n := range s.p.Facts.Notes {
		if n.About == "bundle" {
			return n.Text
		}
	}
	return "how what was installed can be carried to a runner is not known: split by hand"
}

// refuses says what an instruction above the cut has against it.
func (s *split) refuses(inst *dockerfile.Instruction) string {
	line := s.line(inst)
	if s.bringsTool(inst) {
		return ""
	}
	switch inst.Keyword {
	case "RUN":
		return s.refusesRun(inst)
	case "USER":
		if worked := s.lastWork(); worked != nil && worked.Index < inst.Index {
			return fmt.Sprintf("line %d checks the source as the user of line %d: do that above, where it stays in the builder", s.line(s.last), line)
		}
		return fmt.Sprintf("dependencies are installed as the user of line %d: switch users below the install", line)
	case "ONBUILD":
		return fmt.Sprintf("line %d is an ONBUILD: what it will run in images built on this one is not known: split by hand, and build one of those", line)
	case "COPY", "ADD":
		if _, from := inst.Flag("from"); from || (inst.Keyword == "ADD" && strings.Contains(s.p.Text(inst.Rest), "://")) {
			return fmt.Sprintf("line %d brings in files before the install step, from elsewhere than the context: move it below", line)
		}
		if early, _ := sourceThenInstall(s.p, s.stage); early != nil && copiesSource(s.p, inst) && !s.bundle.Source && !s.bundle.Both {
			return fmt.Sprintf("the source is copied on line %d, before dependencies are installed: that has to be mended first (cache/source-before-dependencies)", line)
		}
		if owner, _ := inst.Flag("chown"); s.bundle.Runner != nil && s.carry(inst) == repeated && !isRoot(owner.Value) && strings.Trim(owner.Value, "0123456789:") != "" {
			return fmt.Sprintf("line %d gives files to %s, a user that %s may not have: give its number", line, owner.Value, s.bundle.Runner.Base)
		}
	}
	return ""
}

func (s *split) refusesRun(inst *dockerfile.Instruction) string {
	step, line := s.steps[inst], s.line(inst)
	unknown := slices.DeleteFunc(slices.Clone(step.other), func(c shellCommand) bool {
		if s.built[inst] { // what builds is known by what it makes
			return s.partOfBuild(inst, c)
		}
		return s.writesAlong(inst, c)
	})
	switch {
	case step.script == nil:
		return fmt.Sprintf("the shell code on line %d can't be read: put it into a script, or split by hand", line)
	case len(unknown) > 0 && changesDirectory(unknown[0]) && !s.built[inst]:
		return fmt.Sprintf("%s on line %d leaves open where what stands behind it works: write WORKDIR in its place", firstLine(s.p.Text(unknown[0].Span)), line)
	case len(unknown) > 0 && s.built[inst]:
		return fmt.Sprintf("%q on line %d may change the image elsewhere than what is built beside it: give it a RUN of its own below the last step that installs or builds, where it stays in the runner", firstLine(s.p.Text(unknown[0].Span)), line)
	case len(unknown) > 0:
		return fmt.Sprintf("%q on line %d changes the image in a way that is not known: move it below the last step that installs or builds, where it stays in the runner", firstLine(s.p.Text(unknown[0].Span)), line)
	case step.accounts && s.built[inst] && !s.servesBuild(inst):
		return fmt.Sprintf("line %d builds, and makes users, directories or permissions that the build does not need, in one RUN: separate the two", line)
	case step.accounts && !s.built[inst] && s.bare() && s.carry(inst) != stays:
		return fmt.Sprintf("line %d makes users or directories, and the runner's base %s has no shell to do that: leave it to the application, or split by hand", line, s.bundle.Runner.Base)
	case len(s.global(inst)) > 0 && (s.built[inst] || !step.onlyGlobal()):
		return fmt.Sprintf("line %d installs %s for all of the image, where the running application may call it, and does more in one RUN: separate the two", line, strings.Join(s.global(inst), ", "))
	case step.accounts:
		return s.refusesAccounts(inst)
	}
	return ""
}

func changesDirectory(c shellCommand) bool {
	name, _ := program(c)
	return name == "cd" || name == "pushd"
}

// bare reports whether the runner's base has no shell.
func (s *split) bare() bool { return s.bundle.Runner != nil && !s.bundle.Runner.Shell }

// bringsTool reports whether an instruction brings in the program that installs, which the runner does not need.
func (s *split) bringsTool(inst *dockerfile.Instruction) bool {
	t := s.bundle.Tool
	return t.Known() && t.Source.File == s.p.DockerfilePath && t.Source.Line >= s.line(inst) && t.Source.Line <= s.p.File.Position(inst.Span.End).Line
}

// refusesRunner says what can't be done on the runner's own base.
func (s *split) refusesRunner() string {
	if !s.bare() {
		return ""
	}
	base := s.bundle.Runner.Base
	if names := s.runPackages(); len(names) > 0 {
		return fmt.Sprintf("%s installs %s, which the application may use, and %s can't hold: leave out what only the build needs", s.stage.Base, strings.Join(names, ", "), base)
	}
	for _, inst := range s.stage.Instructions {
		if inst.Index <= s.last.Index && inst.Keyword != "HEALTHCHECK" { // which moves to the runner from anywhere
			continue
		}
		switch {
		case inst.Keyword == "RUN":
			return fmt.Sprintf("line %d runs a command below the last build step, and %s has no shell: do it before, or leave it out", s.line(inst), base)
		case inst.Keyword == "HEALTHCHECK" && inst.Inner != nil && !inst.Inner.JSON:
			return fmt.Sprintf("the health check on line %d wants a shell, which %s does not have: write it in exec form with a program of the image", s.line(inst), base)
		case inst.Keyword == "USER" && !isRoot(s.p.Text(inst.Rest)) && strings.Trim(s.p.Text(inst.Rest), "0123456789:") != "":
			return fmt.Sprintf("line %d switches to a user by name, which %s does not have: give its number", s.line(inst), base)
		}
	}
	state := s.p.File.EndState(s.stage)
	for _, inst := range []*dockerfile.Instruction{state.Entrypoint, state.Cmd} {
		if inst != nil && !inst.JSON && s.bundle.Runner.Start == nil {
			return fmt.Sprintf("line %d starts the application through a shell, which %s does not have: write it in exec form", s.line(inst), base)
		}
	}
	return ""
}

func (s *split) line(i *dockerfile.Instruction) int { return s.p.File.Position(i.Span.Start).Line }
