package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var contextJunk = &rule.Rule{
	ID:       "size/context-junk",
	Severity: finding.Warning,
	Safety:   finding.Safe,
	Phase:    rule.Lines,
	Needs:    []rule.Need{rule.NeedContext},
	Doc: rule.Doc{
		Summary: "COPY ships files that no image needs.",
		What:    "A COPY or ADD of the context brings in version control, virtual environments, caches, editor settings or the Dockerfile itself.",
		Why:     "The files are sent to the builder and stored in the image; each change in them, such as a commit in .git, reruns the COPY and all steps below it.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
WORKDIR /srv
COPY . .
CMD ["/srv/run"]
-- run --
#!/bin/sh
-- .git/HEAD --
ref: refs/heads/main
-- .pytest_cache/README.md --
cache
`,
		After: `
-- .dockerignore --
# What an image never needs.
**/.dockerignore
**/.git
**/.pytest_cache
**/Dockerfile*
`,
		Fix:   "Writes or extends .dockerignore. What a COPY names, what git tracks as part of the project, and what a step uses is left alone.",
		Proof: "The image builds and answers as before; what is missing from it is junk alone.",
		Links: []string{"https://docs.docker.com/build/concepts/context/#dockerignore-files"},
	},
	Check: checkContextJunk,
}

func checkContextJunk(p *rule.Pass) error {
	inst, copied, err := shipsContext(p)
	if err != nil || inst == nil {
		return err
	}
	junk, err := buildctx.JunkAmong(copied.Entries, junkClasses(p))
	if err != nil {
		return err
	}
	var (
		usage    buildctx.Usage
		patterns []string
		what     []string
		evidence []finding.Evidence
	)
	for _, j := range junk {
		if j.What == "version control" {
			evidence = append(evidence, historyRead(p)...)
		}
		if j = ownDefinitions(j); j.Careful || len(j.Paths) == 0 || neededForBuild(p, j) {
			continue
		}
		usage.Bytes += j.Bytes
		usage.Files += j.Files
		patterns = append(patterns, j.Patterns...)
		what = append(what, shorten(j))
		for _, path := range j.Paths[:min(3, len(j.Paths))] {
			evidence = append(evidence, finding.Evidence{File: path.Path, Note: fmt.Sprintf("%s, %s in %s", j.What, bytes(path.Bytes), count(path.Files, "file", "files"))})
		}
	}
	if len(patterns) == 0 {
		return nil
	}
	patterns = append(patterns, usualPatterns(p)...)
	slices.Sort(patterns)
	patterns = slices.Compact(patterns)
	p.Report(finding.Finding{
		Span:     inst.Span,
		Message:  fmt.Sprintf("%s ships %s of %s (%s of the context): %s", strings.TrimSpace(firstLine(p.Text(inst.Span))), bytes(usage.Bytes), list(what), share(usage.Bytes, copied.Bytes), ignoreAdvice(p)),
		Evidence: evidence,
		Costs:    []finding.Cost{{Metric: "context_bytes", Value: float64(usage.Bytes), Unit: "bytes", Basis: finding.Observed, Note: "files in the build context"}},
		Fix: &finding.Fix{
			Title:  "Leave what an image never needs out of the context",
			Safety: finding.Safe,
			Edits:  ignore(p, "What an image never needs.", patterns),
		},
	})
	return nil
}

// shipsContext finds the instruction that copies most of the context.
func shipsContext(p *rule.Pass) (*dockerfile.Instruction, buildctx.Copied, error) {
	var (
		largest *dockerfile.Instruction
		most    buildctx.Copied
	)
	for _, inst := range p.File.Instructions {
		if !copiesSource(p, inst) {
			continue
		}
		copied, err := copiedBy(p, inst)
		if err != nil {
			return nil, most, err
		}
		if largest == nil || copied.Bytes > most.Bytes {
			largest, most = inst, copied
		}
	}
	return largest, most, nil
}

func junkClasses(p *rule.Pass) []buildctx.Class {
	classes := buildctx.Classes()
	for _, j := range ecosystemJunk(p) {
		classes = append(classes, buildctx.Class{Pattern: j.Pattern, What: j.What})
	}
	return classes
}

// installReadsSource reports whether installing in some stage needs more than the manifests.
func installReadsSource(p *rule.Pass) bool {
	return slices.ContainsFunc(p.AllFacts(), func(f *ecosystem.Facts) bool { return f.InstallReadsSource.Known() })
}

// ecosystemJunk is what the tools of all stages leave behind, each pattern once.
func ecosystemJunk(p *rule.Pass) (junk []ecosystem.Junk) {
	for _, facts := range p.AllFacts() {
		for _, j := range facts.Junk {
			if !slices.ContainsFunc(junk, func(k ecosystem.Junk) bool { return k.Pattern == j.Pattern }) {
				junk = append(junk, j)
			}
		}
	}
	return junk
}

// neededForBuild reports whether a step or the project itself uses junk of a class:
// an instruction names it, a RUN calls git, or git tracks it as source.
func neededForBuild(p *rule.Pass, j buildctx.JunkUsage) bool {
	if j.What == "version control" && readsHistory(p) {
		return true
	}
	for _, path := range j.Paths {
		if openedBelow(p, path.Path) {
			return true
		}
		for _, inst := range p.File.Instructions {
			if slices.ContainsFunc(namedSources(inst), func(s string) bool {
				return s == path.Path || strings.HasPrefix(s, path.Path+"/")
			}) {
				return true
			}
		}
	}
	return trackedSource(p, j)
}

// openedBelow reports whether the running original opened something of the context at or below a path.
func openedBelow(p *rule.Pass, path string) bool {
	return slices.ContainsFunc(p.AllFacts(), func(f *ecosystem.Facts) bool {
		return slices.ContainsFunc(f.RunFiles, func(file ecosystem.Fact[string]) bool {
			return strings.Contains(file.Value+"/", "/"+path+"/") // wherever the context was copied to
		})
	})
}

// readsHistory reports whether a step reads git's history, or may: it calls git,
// mounts the history, runs a script of the context that does, or builds a
// package whose version comes from a tag.
func readsHistory(p *rule.Pass) bool {
	for _, stage := range p.File.Stages {
		for _, step := range runSteps(p, stage) {
			if step.script == nil || len(step.script.Find("git")) > 0 || slices.ContainsFunc(namedSources(step.inst), isHistory) {
				return true
			}
			if slices.ContainsFunc(step.other, func(c shellCommand) bool { return scriptCallsGit(p, step, c) }) {
				return true
			}
		}
	}
	if len(historyRead(p)) > 0 {
		return true
	}
	return installReadsSource(p) && slices.ContainsFunc(packageFiles, func(name string) bool {
		text, err := p.ReadText(name)
		return err != nil || slices.ContainsFunc(versionTools, func(tool string) bool { return strings.Contains(text, tool) })
	})
}

// historyRead says which builds read the history by themselves.
func historyRead(p *rule.Pass) (evidence []finding.Evidence) {
	for _, facts := range p.AllFacts() {
		if h := facts.ReadsHistory; h.Known() {
			evidence = append(evidence, finding.Evidence{File: h.Source.File, Line: h.Source.Line, Note: ".git stays: " + h.Value})
		}
	}
	return evidence
}

func isHistory(name string) bool { return name == ".git" || strings.HasPrefix(name, ".git/") }

// versionTools take a package's version from git; packageFiles are where they are asked for.
var (
	versionTools = []string{"setuptools_scm", "setuptools-scm", "versioneer", "hatch-vcs", "dunamai", "pbr", "poetry-dynamic-versioning", "versioningit"}
	packageFiles = []string{"pyproject.toml", "setup.py", "setup.cfg"}
)

// scriptCallsGit looks into the script of the context, or the Makefile, that a command runs.
func scriptCallsGit(p *rule.Pass, step *runStep, c shellCommand) bool {
	var names []string
	for _, w := range c.Words {
		names = append(names, cleanSource(w.Text))
		if rest, ok := strings.CutPrefix(w.Text, p.File.StateBefore(step.inst).Workdir+"/"); ok {
			names = append(names, rest)
		}
		if w.Text == "make" {
			names = append(names, "Makefile", "makefile", "GNUmakefile")
		}
	}
	return slices.ContainsFunc(names, func(name string) bool {
		if e, ok := p.Context.Lookup(name); !ok || !e.Mode.IsRegular() {
			return false
		}
		text, err := p.ReadText(name)
		return err == nil && strings.Contains(text, "git ")
	})
}

// ownDefinitions leaves out files below the top that are only named like an
// image definition: templates of the application, which it reads when it runs.
func ownDefinitions(j buildctx.JunkUsage) buildctx.JunkUsage {
	nested := func(path buildctx.JunkPath) bool { return strings.Contains(path.Path, "/") }
	if j.What != "image definition" || !slices.ContainsFunc(j.Paths, nested) {
		return j
	}
	j.Paths, j.Patterns, j.Usage = slices.DeleteFunc(slices.Clone(j.Paths), nested), nil, buildctx.Usage{}
	for _, path := range j.Paths {
		j.Bytes += path.Bytes
		j.Files += path.Files
		j.Patterns = append(j.Patterns, buildctx.EscapePattern(path.Path))
	}
	return j
}

// neverSource are classes that are junk although git tracks them.
var neverSource = map[string]bool{
	"version control": true, "editor settings": true, "image definition": true, "desktop's metadata": true,
}

// trackedSource reports whether git tracks files of a class that may be part of the application. A build that reads the history
// tells of all that it tracks and that is missing: the program would say that it was built from changed source.
func trackedSource(p *rule.Pass, j buildctx.JunkUsage) bool {
	told := neverSource[j.What] && len(historyRead(p)) > 0
	if p.Repository == nil || neverSource[j.What] && !told {
		return told
	}
	for _, path := range j.Paths {
		if p.Repository.Tracks(path.Path) {
			return true
		}
	}
	return false
}

// usualPatterns are what a new ignore file has although nothing matches today:
// the file itself, the history, and what the ecosystem's tools leave behind.
func usualPatterns(p *rule.Pass) []string {
	if p.Context.IgnoreName != "" {
		return nil
	}
	var patterns []string
	if len(historyRead(p)) == 0 { // which tracks it
		patterns = append(patterns, "**/.dockerignore")
	}
	if !readsHistory(p) {
		patterns = append(patterns, "**/.git")
	}
	for _, j := range ecosystemJunk(p) {
		class := buildctx.Class{Pattern: j.Pattern, What: j.What}
		if found, err := p.Context.Junk([]buildctx.Class{class}); err == nil && len(found) == 0 {
			patterns = append(patterns, j.Pattern)
		}
	}
	return patterns
}

func shorten(j buildctx.JunkUsage) string {
	names := make([]string, 0, 2)
	for _, path := range j.Paths[:min(2, len(j.Paths))] {
		names = append(names, path.Path)
	}
	if len(j.Paths) > 2 {
		names = append(names, "…")
	}
	return strings.Join(names, " ")
}

// list shows the first few of a list.
func list(what []string) string {
	const most = 4
	if len(what) > most {
		return strings.Join(what[:most], ", ") + " and more"
	}
	return strings.Join(what, ", ")
}

func share(part, whole int64) string {
	if whole == 0 {
		return "0%"
	}
	return fmt.Sprintf("%.0f%%", 100*float64(part)/float64(whole))
}

func ignoreAdvice(p *rule.Pass) string {
	if p.Context.IgnoreName == "" {
		return "there is no .dockerignore, add one"
	}
	return "extend " + p.Context.IgnoreName
}

// ignore adds patterns to the ignore file in force under a comment.
func ignore(p *rule.Pass, comment string, patterns []string) []edit.Edit {
	text, err := p.ReadText(p.IgnorePath)
	if err != nil {
		return nil
	}
	// An empty line above each section: in a file that is new, rewriting leaves out the first.
	return []edit.Edit{{
		File: p.IgnorePath, Start: len(text), End: len(text),
		New: lineBreakAfter(text) + "\n# " + comment + "\n" + strings.Join(patterns, "\n") + "\n",
	}}
}
