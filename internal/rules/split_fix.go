package rules

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
)

func (s *split) fix() *finding.Fix {
	edits := []edit.Edit{s.nameStage()}
	edits = append(edits, s.prepareBuilder()...)
	edits = append(edits, s.startRunner()...)
	edits = append(edits, s.replaceStart()...)
	title := "Split into a builder and a runner that copies " + s.carried()
	if r := s.bundle.Runner; r != nil {
		title = "Split into a builder and a runner on " + r.Base
	}
	return &finding.Fix{
		Title:  title,
		Safety: finding.Unsafe,
		Why:    "the runner may miss a file or a shared library that the builder has; the proof checks the libraries and asks both images the same",
		Edits:  edits,
	}
}

// builderName is the builder's: another one when a stage of the author's has it.
func (s *split) builderName() string { return s.freeName("builder", "build", "compile") }

// firstName is the name of the author's stage, which the builder begins with.
func (s *split) firstName() string {
	if s.installed() != nil {
		return s.dependenciesName()
	}
	return s.builderName()
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
		return s.p.Edit(s.stage.From.Args[2].Span, s.firstName())
	}
	return s.p.Insert(s.stage.BaseSpan.End, " "+s.keyword("AS")+" "+s.firstName())
}

func (s *split) keyword(k string) string { return keywordAs(s.p.Text(s.stage.From.KeywordSpan), k) }

// carried names what the runner copies.
func (s *split) carried() string {
	var paths []string
	for _, c := range s.bundle.Carries {
		paths = append(paths, c.From)
	}
	return strings.Join(paths, ", ")
}

// prepareBuilder makes the folder that dependencies go to before the manifests are copied, so
// that changing a manifest does not make it anew, and sets what only the build wants.
func (s *split) prepareBuilder() (edits []edit.Edit) {
	at := s.first
	for _, inst := range s.before() {
		if inst.Index < s.first.Index && (inst.Keyword == "COPY" || inst.Keyword == "ADD") {
			at = inst
			break
		}
	}
	text := ""
	if s.bundle.Create != "" {
		text = "# Everything that is installed goes into one folder, which the runner copies.\n" +
			s.keyword("RUN") + " " + s.bundle.Create + "\n" + s.env(s.bundle.Env)
	}
	text += s.env(s.bundle.BuilderEnv)
	if text == "" {
		return nil
	}
	for _, inst := range s.before() {
		if s.bringsTool(inst) {
			return []edit.Edit{s.p.Insert(s.p.File.Lines(inst.Span).End, text)}
		}
	}
	return []edit.Edit{s.p.Insert(s.p.File.Block(at).Start, text)}
}

// quoted is a value as ENV takes it: in quotes only where it needs them.
func quoted(value string) string {
	if value != "" && !strings.ContainsAny(value, " \t\"'\\$#;&|<>()*?") {
		return value
	}
	return strconv.Quote(value)
}

func (s *split) env(vars []finding.EnvVar) string {
	var b strings.Builder
	for _, e := range vars {
		fmt.Fprintf(&b, "%s %s=%s\n", s.keyword("ENV"), e.Name, quoted(e.Value))
	}
	return b.String()
}

// startRunner ends the builder behind the last step that installs or builds, and begins the
// runner: what configures the image is repeated there, what only the running
// image needs moves there.
func (s *split) startRunner() []edit.Edit {
	var b strings.Builder
	end := s.p.File.Lines(s.last.Span).End
	if end == len(s.p.File.Source) && !strings.HasSuffix(string(s.p.File.Source), "\n") {
		b.WriteString("\n")
	}
	installed := s.installed()
	if installed != nil {
		b.WriteString(s.dropInstalled())
	} else if s.bundle.Prune != "" {
		b.WriteString(s.prune(s.last))
	}
	if finish := s.bundle.Finish; finish != "" {
		fmt.Fprintf(&b, "%s %s\n", s.keyword("RUN"), finish)
	}
	if dirs := s.madeInBuilder(); len(dirs) > 0 {
		for i, dir := range dirs {
			dirs[i] = s.stagedAt(dir)
		}
		fmt.Fprintf(&b, "# The runner has no shell to make the folders that the application writes to.\n%s mkdir -p %s\n", s.keyword("RUN"), strings.Join(dirs, " "))
	}
	fmt.Fprintf(&b, "\n%s %s %s %s\n", s.keyword("FROM"), s.runnerBase(), s.keyword("AS"), s.runnerName())
	var edits []edit.Edit
	if installed != nil {
		edits = append(edits, s.buildApart(installed))
	}
	packages := s.installRunPackages()
	for _, inst := range s.before() {
		if step := s.steps[inst]; step != nil && step.installsSystem() { // what stands below may want them
			b.WriteString(packages)
			packages = ""
		}
		switch s.carry(inst) {
		case repeated:
			b.WriteString(s.again(inst) + "\n")
		case moved:
			b.WriteString(s.inRunner(inst))
			edits = append(edits, s.p.DeleteWithLead(inst))
		}
	}
	b.WriteString(packages)
	b.WriteString(s.env(s.bundle.Env))
	s.writeCopies(&b)
	return append(edits, s.p.Insert(end, strings.ReplaceAll(b.String(), "\r\n", "\n")))
}

// runnerBase is what stands behind the runner's FROM: the builder's own, or another, with its flags: --platform is that of the
// author's image.
func (s *split) runnerBase() string {
	flags := strings.TrimPrefix(flagsOf(s.p, s.stage.From)+" ", " ")
	switch r := s.bundle.Runner; {
	case r != nil:
		return flags + r.Base
	case s.stage.Name != "":
		return flags + s.p.Text(s.stage.BaseSpan)
	}
	return flags + s.p.Text(s.stage.From.Rest)
}

// writeCopies writes what the runner takes from the builder, and the files that come with the
// runner's base. On a base with a user of its own, what the application writes belongs to that.
func (s *split) writeCopies(b *strings.Builder) {
	owner := ""
	if r := s.bundle.Runner; r != nil && r.User != "" && !lowPort(s.p) {
		owner = " --chown=" + r.User
	}
	copied := func(stage, from, to string, owned bool) {
		flag := ""
		if owned {
			flag = owner
		}
		fmt.Fprintf(b, "%s --from=%s%s %s %s\n", s.keyword("COPY"), stage, flag, from, to)
	}
	if s.installed() != nil { // first, since it changes less often
		for _, dir := range s.bundle.Installed {
			copied(s.installedName(), dir, dir, s.writesBelow(dir))
		}
	}
	for _, c := range s.bundle.Carries {
		copied(s.builderName(), s.builtAt(c.From), c.To, s.writesBelow(c.To))
	}
	for _, dir := range s.madeInBuilder() {
		copied(s.builderName(), s.stagedAt(dir), dir, true)
	}
	if s.bundle.Runner == nil {
		return
	}
	for _, f := range s.bundle.Runner.Files {
		fmt.Fprintf(b, "%s <<'EOF' %s\n%s\nEOF\n", s.keyword("COPY"), f.Path, strings.TrimRight(f.Text, "\n"))
	}
	switch user := s.bundle.Runner.User; {
	case user != "" && lowPort(s.p):
		fmt.Fprintf(b, "# Not everywhere may a user other than root listen on port %d.\n%s 0:0\n", s.p.Facts.Port.Value, s.keyword("USER"))
	case user != "":
		fmt.Fprintf(b, "%s %s\n", s.keyword("USER"), user)
	}
}

// writesBelow reports whether the application writes at or below a place.
func (s *split) writesBelow(place string) bool {
	return slices.ContainsFunc(writtenDirs(s.p), func(dir string) bool { return within(dir, place) })
}

// madeInBuilder are folders that the application writes to and that the runner, for lack of a
// shell, takes from the builder.
func (s *split) madeInBuilder() (dirs []string) {
	if !s.bare() {
		return nil
	}
	for _, dir := range writtenDirs(s.p) {
		if !slices.ContainsFunc(s.bundle.Carries, func(c ecosystem.Carry) bool { return within(dir, c.To) }) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// stagedAt is where the builder makes a folder: in its place, with what the build put there, or
// aside where the source or what is carried lies below it, which must not come along.
func (s *split) stagedAt(dir string) string {
	state := s.p.File.EndState(s.stage)
	holds := within(state.Workdir, dir) || slices.ContainsFunc(s.bundle.Carries, func(c ecosystem.Carry) bool { return within(c.From, dir) })
	if holds {
		return besides + dir
	}
	return dir
}

// starts are the instructions whose start command the runner's own replaces, with that; "" for one that is taken out.
func (s *split) starts() map[*dockerfile.Instruction]string {
	argv := s.bundle.Start
	if s.bundle.Runner != nil && s.bundle.Runner.Start != nil {
		argv = s.bundle.Runner.Start
	}
	state := s.p.File.EndState(s.stage)
	switch {
	case argv == nil || state.Entrypoint == nil && state.Cmd == nil:
		return nil
	case state.Entrypoint == nil:
		return map[*dockerfile.Instruction]string{state.Cmd: execForm(argv)}
	case state.Cmd == nil:
		return map[*dockerfile.Instruction]string{state.Entrypoint: execForm(argv)}
	}
	return map[*dockerfile.Instruction]string{state.Entrypoint: execForm(argv), state.Cmd: ""}
}

// replaceStart writes the runner's own start command in the place of the author's. One above the cut is moved with that.
func (s *split) replaceStart() (edits []edit.Edit) {
	starts := s.starts()
	for _, inst := range s.stage.Instructions {
		start, replaced := starts[inst]
		switch {
		case !replaced || inst.Index <= s.last.Index:
		case start == "":
			edits = append(edits, s.p.Delete(inst))
		default:
			edits = append(edits, s.p.Edit(inst.Rest, start))
		}
	}
	return edits
}

// inRunner is an instruction that is moved there, with the comment above it.
func (s *split) inRunner(inst *dockerfile.Instruction) string {
	block := s.p.File.Block(inst)
	start, replaced := s.starts()[inst]
	switch {
	case !replaced:
		return strings.TrimRight(s.p.Text(block), "\r\n") + "\n"
	case start == "":
		return ""
	}
	block.End = inst.Rest.Start
	return s.p.Text(block) + start + "\n"
}

// carrying says where an instruction above the last install step belongs.
type carrying int

const (
	stays    carrying = iota // in the builder alone
	repeated                 // in both, or what of it the runner would not get by copying
	moved                    // in the runner alone
)

func (s *split) carry(inst *dockerfile.Instruction) carrying {
	c, known := s.carries[inst]
	if !known {
		c = s.decide(inst)
		s.carries[inst] = c
	}
	return c
}

func (s *split) decide(inst *dockerfile.Instruction) carrying {
	if s.bringsTool(inst) {
		return stays
	}
	switch inst.Keyword {
	case "COPY", "ADD":
		if len(inst.Heredocs) > 0 {
			return repeated // it makes the file, whose use is not known
		}
		if s.bundle.Source && s.outside(inst) || !s.bundle.Source && (!bringsManifests(s.p, inst) || s.bundle.Manifests && s.onlyHere(inst)) {
			return repeated // the application may read it
		}
	case "ARG":
		if s.usedLater(inst) {
			return repeated
		}
	case "ENV", "WORKDIR":
		return repeated
	case "SHELL":
		if !s.bare() {
			return repeated
		}
	case "EXPOSE", "LABEL", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "CMD", "ENTRYPOINT", "MAINTAINER":
		return moved
	case "RUN":
		return s.carryRun(inst)
	}
	return stays
}

// onlyHere reports whether an instruction brings a file that lists dependencies, and none of the runner's own brings it again.
func (s *split) onlyHere(inst *dockerfile.Instruction) bool {
	lists := slices.ContainsFunc(s.p.Facts.Manifests, func(m ecosystem.Fact[ecosystem.Manifest]) bool {
		return (m.Value.Kind == "package" || m.Value.Kind == "workspace") && slices.Contains(namedBy(s.p, inst), m.Value.Path)
	})
	return lists && !container.FilesOf(s.p.File, s.stage, s.p.Context.FS()).Again(inst, s.last)
}

// outside reports whether an instruction copies files of the context to places that the runner takes nothing from, and
// that no build works in: a script to /usr/local/bin, settings to /etc. What only installing reads there is left out.
func (s *split) outside(inst *dockerfile.Instruction) bool {
	if !slices.ContainsFunc(inst.Sources(), func(w dockerfile.Word) bool { return !installerSettings[path.Base(w.Text)] }) {
		return false
	}
	dest := destination(s.p, inst)
	for _, place := range s.workplaces() {
		if within(dest, place) || copiesAll(inst) && (place == "/" || within(place, dest)) {
			return false
		}
	}
	return true
}

// installerSettings are files that package managers read in the home directory or beside the manifest, with credentials more often than not.
var installerSettings = map[string]bool{".npmrc": true, ".yarnrc": true, ".yarnrc.yml": true, ".netrc": true, "pip.conf": true}

// workplaces are the directories in which something is installed or built, and those that the runner copies.
func (s *split) workplaces() []string {
	if s.work == nil {
		s.work = s.findWorkplaces()
	}
	return s.work
}

func (s *split) findWorkplaces() (places []string) {
	for _, inst := range s.before() {
		step := s.steps[inst]
		if step == nil || !step.installsDependencies() && !s.built[inst] {
			continue
		}
		for _, c := range container.Commands(s.p.File, inst) {
			if c.Name != "cd" {
				places = append(places, c.Dir)
			}
		}
	}
	for _, c := range s.bundle.Carries {
		places = append(places, c.From, c.To)
	}
	return append(places, s.bundle.Installed...)
}

// usedLater reports whether the runner may want an argument: where the source stays in the
// builder it is one that the runner's instructions name.
func (s *split) usedLater(arg *dockerfile.Instruction) bool {
	if !s.bundle.Source {
		return true
	}
	for _, pair := range arg.Pairs() {
		for _, inst := range s.stage.Instructions {
			configures := inst.Index > s.last.Index || inst.Keyword == "ENV" || inst.Keyword == "WORKDIR" || inst.Keyword == "LABEL" || inst.Keyword == "EXPOSE" || copies(inst) && s.carry(inst) == repeated
			if inst != arg && configures && strings.Contains(s.p.Text(inst.Span), pair.Name) {
				return true
			}
		}
	}
	return false
}
