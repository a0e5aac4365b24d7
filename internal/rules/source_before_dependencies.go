package rules

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/secret"
)

var sourceBeforeDependencies = &rule.Rule{
	ID:       "cache/source-before-dependencies",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Needs:    []rule.Need{rule.NeedContext},
	Doc: rule.Doc{
		Summary: "The source is copied before the dependencies are installed.",
		What:    "A COPY or ADD brings in the whole source, and a later RUN of the same stage installs packages.",
		Why:     "BuildKit reuses a step only while all steps above it are unchanged. Every commit changes the source, so every build installs everything again.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY . .
RUN pip install --no-cache-dir -r requirements.txt
CMD ["python", "main.py"]
-- requirements.txt --
flask==2.2.2
-- main.py --
print("hello")
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
CMD ["python", "main.py"]
`,
		Fix:   "Copies the manifests that the install step reads, and moves the COPY of the source below the last install step. Refused when installing reads more than manifests, or when a step between the two may read the source.",
		Proof: "The install step is built from the manifests alone; a changed source file leaves it cached, and the application answers as before.",
		Links: []string{"https://docs.docker.com/build/cache/optimize/"},
	},
	Check: checkSourceBeforeDependencies,
}

func checkSourceBeforeDependencies(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		source, last := sourceThenInstall(p, stage)
		if source == nil {
			fetchFirst(p, stage)
			continue
		}
		n := rerun(stage, source)
		f := finding.Finding{
			Span: source.Span,
			Message: fmt.Sprintf("%s comes before packages are installed on line %d: every change of the source reruns %s; copy the manifests first and the source after the install",
				strings.TrimSpace(firstLine(p.Text(source.Span))), p.File.Position(last.inst.Span.Start).Line, count(n, "RUN step", "RUN steps")),
			Costs: []finding.Cost{{Metric: "rerun", Value: float64(n), Unit: "steps", Basis: finding.Derived, Note: "RUN steps below the COPY"}},
		}
		f.Costs = append(f.Costs, historyCosts(p, installsBelow(p, stage, source))...)
		f.Fix, f.Refused = moveSource(p, stage, source, last)
		p.Report(f)
	}
	return nil
}

// fetchFirst reports a build that downloads its dependencies by itself, below the source: they
// are downloaded again with every change. The fix downloads them in a step of their own.
func fetchFirst(p *rule.Pass, stage *dockerfile.Stage) {
	facts := p.FactsOf(stage)
	if facts == nil || !facts.Fetch.Known() {
		return
	}
	source, build := sourceThenBuild(p, stage)
	if source == nil {
		return
	}
	f := finding.Finding{
		Span: source.Span,
		Message: fmt.Sprintf("%s comes before the build on line %d, which downloads all dependencies again with every change of the source; copy the manifests first, and run %s",
			strings.TrimSpace(firstLine(p.Text(source.Span))), p.File.Position(build.Span.Start).Line, facts.Fetch.Value),
		Costs: historyCosts(p, []*dockerfile.Instruction{build}),
	}
	lines, reason := copyManifests(p, source, facts.Manifests)
	switch {
	case noFetch(facts) != "":
		f.Refused = noFetch(facts)
	case facts.InstallReadsSource.Known():
		f.Refused = "downloading reads the source itself: " + readsSource(facts, "copy what it reads by name before the download")
	case reason != "":
		f.Refused = reason
	case lines == "":
		f.Refused = "no manifest lies in what is copied here: copy the files that list the dependencies by name before the build"
	default:
		f.Fix = &finding.Fix{
			Title:  "Download the dependencies before the source is copied",
			Safety: finding.Unsafe,
			Why:    "the download may need files that are no manifests; the proof builds it from the manifests alone",
			Edits:  []edit.Edit{p.Insert(p.File.Block(source).Start, lines+keywordAs(p.Text(source.KeywordSpan), "RUN")+flagsOf(p, build)+" "+facts.Fetch.Value+"\n")},
		}
	}
	p.Report(f)
}

// noFetch is what the ecosystem says about why the download can't stand apart; empty when it can.
func noFetch(facts *ecosystem.Facts) string {
	for _, n := range facts.Notes {
		if n.About == "fetch" {
			return n.Text
		}
	}
	return ""
}

// flagsOf are the flags of a step, for another that wants the same mounts and the same network.
func flagsOf(p *rule.Pass, inst *dockerfile.Instruction) (text string) {
	for _, f := range inst.Flags {
		text += " " + p.Text(f.Span)
	}
	return text
}

// sourceThenBuild finds the first COPY of more than manifests that stands above the
// stage's first build step.
func sourceThenBuild(p *rule.Pass, stage *dockerfile.Stage) (source, build *dockerfile.Instruction) {
	for _, inst := range stage.Instructions {
		switch {
		case inst.Keyword == "RUN" && len(builtOn(p, inst)) > 0:
			return source, inst
		case source == nil && copiesSource(p, inst):
			source = inst
		}
	}
	return nil, nil
}

// installsBelow are the steps below an instruction that install something.
func installsBelow(p *rule.Pass, stage *dockerfile.Stage, above *dockerfile.Instruction) (insts []*dockerfile.Instruction) {
	for _, s := range runSteps(p, stage) {
		if s.inst.Index > above.Index && len(s.installs) > 0 {
			insts = append(insts, s.inst)
		}
	}
	return insts
}

// sourceThenInstall finds the first COPY of more than manifests that stands
// above an install step, and the last install step of the stage.
func sourceThenInstall(p *rule.Pass, stage *dockerfile.Stage) (*dockerfile.Instruction, *runStep) {
	var last *runStep
	var above []installCommand
	for _, s := range runSteps(p, stage) {
		if len(s.installs) > 0 && !addsProject(s, above) {
			last = s
		}
		above = append(above, s.installs...)
	}
	if last == nil {
		return nil, nil
	}
	for _, inst := range stage.Instructions {
		if inst.Index >= last.inst.Index {
			return nil, nil
		}
		if copiesSource(p, inst) {
			return inst, last
		}
	}
	return nil, nil
}

// addsProject reports whether a step only adds the project itself to the dependencies that installs above have brought: as
// uv sync does after uv sync --no-install-project with the same options, or pip install --no-deps .
func addsProject(s *runStep, above []installCommand) bool {
	return !slices.ContainsFunc(s.installs, func(c installCommand) bool {
		return !c.projectAlone() && !slices.ContainsFunc(above, func(first installCommand) bool { return first.manager == c.manager && c.completes(first) })
	})
}

// projectAlone reports whether pip installs the project of the working directory, and nothing that it needs.
func (c installCommand) projectAlone() bool {
	if c.manager.name != "pip" || !c.has("--no-deps") {
		return false
	}
	return !slices.ContainsFunc(c.args, func(w shellWord) bool {
		own := w.Text == "." || strings.HasPrefix(w.Text, ".[")
		return !own && (!strings.HasPrefix(w.Text, "-") || strings.HasPrefix(w.Text, "-r") || strings.HasPrefix(w.Text, "--requirement"))
	})
}

// completes reports whether an install has the options of another that leaves the project out, or adds nothing else.
func (c installCommand) completes(first installCommand) bool {
	leaves := func(w shellWord) bool { return slices.Contains(c.manager.apart, w.Text) }
	if slices.ContainsFunc(c.args, leaves) || !slices.ContainsFunc(first.args, leaves) {
		return false
	}
	own, before := map[string]bool{}, map[string]bool{}
	for _, w := range c.args {
		own[w.Text] = true
	}
	for _, w := range slices.DeleteFunc(slices.Clone(first.args), leaves) {
		before[w.Text] = true
	}
	return maps.Equal(own, before) || own[c.manager.itself]
}

// rerun counts the RUN steps below an instruction: those that a change of its input reruns.
func rerun(stage *dockerfile.Stage, above *dockerfile.Instruction) int {
	n := 0
	for _, inst := range stage.Instructions {
		if inst.Index > above.Index && inst.Keyword == "RUN" {
			n++
		}
	}
	return n
}

// moveSource makes the fix: the manifests are copied where the source was, and
// the source below the last install step. It returns the reason when it can't.
func moveSource(p *rule.Pass, stage *dockerfile.Stage, source *dockerfile.Instruction, last *runStep) (*finding.Fix, string) {
	manifests, reason := manifestsFor(p, stage, source, last)
	if reason != "" {
		return nil, reason
	}
	if reason := blockedMove(p, stage, source, last); reason != "" {
		return nil, reason
	}
	for _, inst := range stage.Instructions {
		if inst.Index > source.Index && inst.Index < last.inst.Index && (inst.Keyword == "COPY" || inst.Keyword == "ADD") && bringsManifests(p, inst) {
			manifests = slices.DeleteFunc(slices.Clone(manifests), func(m ecosystem.Fact[ecosystem.Manifest]) bool {
				return slices.Contains(namedBy(p, inst), m.Value.Path)
			})
		}
	}
	lines, reason := copyManifests(p, source, manifests)
	if reason != "" {
		return nil, reason
	}
	block := p.File.Block(source)
	end := p.File.Lines(last.inst.Span).End
	moved := p.File.Text(block)
	if source.Lead.End > source.Lead.Start {
		moved = p.File.Newline() + moved
	}
	if !strings.HasSuffix(moved, "\n") {
		moved += "\n"
	}
	if end == len(p.File.Source) && !strings.HasSuffix(p.File.Text(dockerfile.Span{End: end}), "\n") {
		moved = "\n" + strings.TrimSuffix(moved, "\n")
	}
	// An empty line above the comment that moves goes with it, so that no gap is left behind.
	return &finding.Fix{
		Title:  "Copy the manifests first, and the source after the dependencies are installed",
		Safety: finding.Unsafe,
		Why:    "an install step may read files that are not manifests; the proof builds it from the manifests alone",
		Edits: []edit.Edit{
			p.Edit(block, strings.ReplaceAll(lines, "\n", p.File.Newline())),
			p.Insert(end, moved),
		},
	}, ""
}

// manifestsFor returns the manifests that the install steps below the COPY read.
func manifestsFor(p *rule.Pass, stage *dockerfile.Stage, source *dockerfile.Instruction, last *runStep) ([]ecosystem.Fact[ecosystem.Manifest], string) {
	dependencies := false
	for _, s := range runSteps(p, stage) {
		if s.inst.Index > source.Index && s.inst.Index <= last.inst.Index && s.installsDependencies() {
			dependencies = true
		}
	}
	facts := p.FactsOf(stage)
	switch {
	case !dependencies:
		return nil, ""
	case facts == nil:
		return nil, "which files the install step reads is not known: no ecosystem that plimsoll knows recognised the application; copy the files that list the dependencies before the install by hand"
	case facts.InstallReadsSource.Known():
		return nil, "installing reads the source itself: " + readsSource(facts, "copy what it reads by name before the install")
	case len(facts.Manifests) == 0:
		return nil, "the install step names no manifest in the context; list the dependencies in a file"
	}
	return facts.Manifests, ""
}

// readsSource says why installing needs the source, and what to do about it: what its ecosystem knows, or else advice.
func readsSource(facts *ecosystem.Facts, advice string) string {
	s := facts.InstallReadsSource
	text := fmt.Sprintf("%s (%s:%d)", s.Value, s.Source.File, s.Source.Line)
	if advice = cmp.Or(facts.InstallApart, advice); advice != "" {
		text += ": " + advice
	}
	return text
}

// blockedMove says which instruction between the COPY and the last install
// step may depend on the source.
func blockedMove(p *rule.Pass, stage *dockerfile.Stage, source *dockerfile.Instruction, last *runStep) string {
	steps := map[*dockerfile.Instruction]*runStep{}
	for _, s := range runSteps(p, stage) {
		steps[s.inst] = s
	}
	if _, parents := source.Flag("parents"); parents || destination(p, source) == "/" {
		return "the source is spread over the image's root, where package managers read their settings: copy it to a folder of its own"
	}
	state := p.File.StateBefore(last.inst)
	if v, ok := state.EnvVar("PIP_CONFIG_FILE"); ok {
		return fmt.Sprintf("pip reads its settings from %s, which may lie in the source: copy that by name before the install", v.Value)
	}
	for _, inst := range stage.Instructions {
		if inst.Index <= source.Index || inst.Index > last.inst.Index {
			continue
		}
		line := p.File.Position(inst.Span.Start).Line
		switch inst.Keyword {
		case "RUN":
			s := steps[inst]
			if slices.ContainsFunc(s.other, changesDirectory) {
				return fmt.Sprintf("the RUN on line %d changes the directory, in which it may read the source: write WORKDIR in the place of cd", line)
			}
			if !s.known() || s.accounts {
				if inst == last.inst && s.script != nil {
					return fmt.Sprintf("the RUN on line %d installs and does more, for which it may read the source: write the install as a RUN of its own, and the rest as one below the source", line)
				}
				return fmt.Sprintf("the RUN on line %d may read the source: move it above line %d or below the install step, or copy what it reads by name", line, p.File.Position(source.Span.Start).Line)
			}
			if word := ownFile(p, s); word != "" {
				return fmt.Sprintf("%s on line %d may mean files of the source: do that above line %d, behind a COPY of them by name, or in a RUN below the install step", word, line, p.File.Position(source.Span.Start).Line)
			}
			if name := readsBeside(p, s); name != "" {
				return fmt.Sprintf("the install on line %d reads %s of the source: copy that by name before it", line, name)
			}
		case "WORKDIR":
			if !path.IsAbs(source.Dest().Text) {
				return fmt.Sprintf("the WORKDIR on line %d changes where the relative destination %q leads: write the whole path", line, source.Dest().Text)
			}
		case "COPY", "ADD":
			if copiesSource(p, inst) {
				return fmt.Sprintf("the source is copied again on line %d: copy it once, below the install step", line)
			}
			if overlaps(p, source, inst) && !bringsManifests(p, inst) {
				return fmt.Sprintf("line %d may copy over files of the source, and would be copied over itself: move it below the install step", line)
			}
		case "ENV", "ARG":
			if strings.Contains(source.Dest().Text, "$") {
				return fmt.Sprintf("the variables on line %d may change where %s leads: write the whole path", line, source.Dest().Text)
			}
		}
	}
	return ""
}

// copyManifests writes the COPY instructions for the manifests, at the paths that copying the source gave them.
func copyManifests(p *rule.Pass, source *dockerfile.Instruction, manifests []ecosystem.Fact[ecosystem.Manifest]) (string, string) {
	var order []string
	byDir := map[string][]string{}
	for _, m := range manifests {
		rel, ok := underSources(source, m.Value.Path)
		if !ok {
			continue // another COPY brings it
		}
		if _, login := secret.File(p.Context.FS(), m.Value.Path); login && installsWith(p, m.Value.Path, []*dockerfile.Instruction{source}) == "" {
			continue // the install is given it as a secret, and security/secret-in-context takes it out of the context
		}
		dir := path.Dir(rel)
		if byDir[dir] == nil {
			order = append(order, dir)
		}
		byDir[dir] = append(byDir[dir], m.Value.Path)
	}
	var b strings.Builder
	for _, dir := range order {
		dest := path.Join(source.Dest().Text, dir)
		if strings.ContainsAny(dest+strings.Join(byDir[dir], ""), " \t\"'$\\") {
			return "", "a manifest's path holds characters that would need quoting; copy the manifests by hand"
		}
		if dest == "." {
			dest = "./"
		}
		b.WriteString(keywordAs(p.Text(source.KeywordSpan), "COPY"))
		for _, f := range source.Flags {
			if f.Name == "chown" || f.Name == "chmod" {
				b.WriteString(" " + p.Text(f.Span))
			}
		}
		b.WriteString(" " + strings.Join(byDir[dir], " ") + " " + strings.TrimSuffix(dest, "/") + "/\n")
	}
	return b.String(), ""
}

// readsBeside names what an install reads of the context besides manifests: a
// folder of wheels, a package file.
func readsBeside(p *rule.Pass, s *runStep) string {
	workdir := strings.TrimPrefix(p.File.StateBefore(s.inst).Workdir, "/")
	for _, c := range s.installs {
		for i, w := range c.args {
			_, value, joined := strings.Cut(w.Text, "=")
			if !joined {
				value = w.Text
			}
			named := joined && strings.HasPrefix(w.Text, "--") || strings.Contains(value, "/") || i > 0 && (c.args[i-1].Text == "-f" || c.args[i-1].Text == "--find-links")
			name := strings.TrimPrefix(cleanSource(value), workdir+"/")
			if _, ok := p.Context.Lookup(name); !named || !ok || name == "." || isManifest(p.FactsOf(s.inst.Stage), name) {
				continue
			}
			return name
		}
	}
	return ""
}

// ownFile is a word with which a step reads or deletes what a COPY may have brought: a package file, a list of packages
// that the shell reads, a file that is taken out again. It is empty when there is none.
func ownFile(p *rule.Pass, s *runStep) string {
	files := container.FilesAt(p.File, s.inst, p.Context.FS())
	state := p.File.StateBefore(s.inst)
	copied := func(w shellWord) bool {
		place := w.Text
		if !path.IsAbs(place) {
			place = path.Join(state.Workdir, place)
		}
		if w.Literal {
			_, ok := files.InContext(place)
			return ok
		}
		if strings.HasPrefix(w.Text, "~/") || strings.HasPrefix(w.Text, "$HOME/") || strings.HasPrefix(w.Text, "${HOME}/") {
			return false
		}
		dir := path.Dir(place[:strings.IndexAny(place+"*", "$`*?[")] + "x")
		return !ofSystem(dir) || within(state.Workdir, dir) || within(dir, state.Workdir)
	}
	for _, c := range s.installs {
		for _, w := range c.args {
			named := !strings.HasPrefix(w.Text, "-") && strings.Contains(w.Text, "/") && c.manager.system
			made := strings.Contains(w.Text, "$(") || strings.Contains(w.Text, "`") || unknownName(s.inst, state, w)
			if made && !w.Literal || named && copied(w) || w.Glob && strings.Contains(w.Text, "*.") && copied(w) {
				return w.Text
			}
		}
	}
	for _, c := range s.script.Commands() {
		name, rest := program(c)
		if name != "rm" && name != "cat" && name != "ls" && name != "find" {
			continue
		}
		option := func(w shellWord) bool { return strings.HasPrefix(w.Text, "-") }
		if at := slices.IndexFunc(rest, option); name == "find" && at >= 0 {
			rest = rest[:at] // behind it stands what is looked for
		}
		for _, w := range rest {
			if !option(w) && copied(w) {
				return name + " " + w.Text
			}
		}
	}
	return ""
}

// unknownName reports whether the shell decides with what an argument begins, by a variable whose value is not known.
func unknownName(inst *dockerfile.Instruction, state dockerfile.State, w shellWord) bool {
	if w.Literal || w.Glob || !strings.HasPrefix(w.Text, "$") {
		return false
	}
	value := state.Expand(inst, w.Text)
	return strings.ContainsAny(value, "$/") || value == ""
}
