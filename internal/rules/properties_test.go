package rules_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// violations are the properties that rewriting a project breaks.
type violations []string

func (v *violations) add(format string, args ...any) { *v = append(*v, fmt.Sprintf(format, args...)) }

// holds rewrites a project, and says which properties of every rewrite are broken.
// The result is nil when no rewrite came out. Reversing the rules costs as much again, so it is asked for.
func holds(p *project.Project, rs []*rule.Rule, reversed bool) (res *rewrite.Result, broken violations) {
	defer func() {
		if r := recover(); r != nil {
			broken.add("panic: %v", r)
		}
	}()
	res, err := rewrite.Run(p, rs, rewrite.Options{})
	if err != nil {
		broken.add("%v", err)
		return nil, broken
	}
	if res.Plan.Rounds > rewrite.MaxRounds {
		broken.add("not settled: %v", res.Plan.Skipped)
	}
	broken.idempotent(res, rs)
	broken.accepted(p, res)
	broken.mended(res)
	broken.kept(p, res)
	if reversed {
		broken.ordered(p, res, rs)
	}
	return res, broken
}

// idempotent: a second rewrite changes nothing.
func (v *violations) idempotent(res *rewrite.Result, rs []*rule.Rule) {
	again, err := rewrite.Run(res.Project, rs, rewrite.Options{})
	switch {
	case err != nil:
		v.add("the second run: %v", err)
	case again.Plan.Changed():
		v.add("the second run changes more: %v\n%v", titles(again), again.Plan.After)
	}
}

// accepted: what BuildKit accepted before, it accepts after.
func (v *violations) accepted(p *project.Project, res *rewrite.Result) {
	if buildkit(p.File.Source) != nil {
		return
	}
	if err := buildkit(res.Project.File.Source); err != nil {
		v.add("BuildKit rejects the rewritten file: %v (%v)\n%s", err, titles(res), res.Project.File.Source)
	}
}

// buildkit says why BuildKit would not read a file.
func buildkit(src []byte) error {
	ast, err := parser.Parse(bytes.NewReader(src))
	if err != nil {
		return err
	}
	_, _, err = instructions.Parse(ast.AST, nil)
	return err
}

// mended: an applied fix leaves no finding of its rule that the rule does not
// account for, and brings no new one that matters.
func (v *violations) mended(res *rewrite.Result) {
	for _, f := range res.Remaining {
		if applied(res, f.Rule) && f.Refused == "" {
			v.add("%s was applied, and is still raised without a reason: %s", f.Rule, f.Message)
		}
	}
	before, after := tally(res.Found.Findings), tally(res.Remaining)
	for _, id := range slices.Sorted(maps.Keys(after)) {
		if after[id] > before[id] {
			v.add("%s is raised %d times, and was %d times before: the fixes brought it (%v)", id, after[id], before[id], titles(res))
		}
	}
}

// tally counts the findings of warning and above by rule.
func tally(found []finding.Finding) map[string]int {
	n := map[string]int{}
	for _, f := range found {
		if f.Severity >= finding.Warning {
			n[f.Rule]++
		}
	}
	return n
}

// kept: the author's directives stay, and so does all of a file that no fix was applied to.
func (v *violations) kept(p *project.Project, res *rewrite.Result) {
	if len(res.Plan.Applied) == 0 && !bytes.Equal(p.File.Source, res.Project.File.Source) {
		v.add("no fix was applied, and the file differs")
	}
	text := string(res.Project.File.Source)
	for _, d := range p.File.Directives {
		if !strings.Contains(text, string(p.File.Source[d.Span.Start:d.Span.End])) {
			v.add("the directive %s is gone (%v)", d.Name, titles(res))
		}
	}
}

// ordered: the order of the rules does not matter.
func (v *violations) ordered(p *project.Project, res *rewrite.Result, rs []*rule.Rule) {
	back := slices.Clone(rs)
	slices.Reverse(back)
	other, err := rewrite.Run(p, back, rewrite.Options{})
	switch {
	case err != nil:
		v.add("with the rules reversed: %v", err)
	case !maps.Equal(other.Plan.After, res.Plan.After):
		v.add("the order of the rules changes the result:\n%v\n%v", res.Plan.After, other.Plan.After)
	}
}

func applied(res *rewrite.Result, id string) bool {
	for _, a := range res.Plan.Applied {
		if a.Rule == id {
			return true
		}
	}
	return false
}

func titles(res *rewrite.Result) (list []string) {
	for _, a := range res.Plan.Applied {
		list = append(list, a.Rule+": "+a.Title)
	}
	return list
}

// inventBases stands in for a registry: each base of the file has a slim
// variant unless it is one. The figures are made up.
func inventBases(f *dockerfile.File) map[string]image.Family {
	families := map[string]image.Family{}
	for _, s := range f.Stages {
		ref := f.BaseOf(s)
		repository, tag, tagged := strings.Cut(ref, ":")
		if s.Parent != nil || !tagged || strings.ContainsAny(ref, "$@ ") || strings.Contains(tag, "/") {
			continue
		}
		slim := image.Variant{Repository: repository, Tag: strings.TrimSuffix(tag, "-slim") + "-slim", Kind: "slim", TransferBytes: 45e6}
		families[repository+":"+slim.Tag] = image.Family{
			Reference: repository + ":" + slim.Tag, Repository: repository, Tag: slim.Tag, Kind: "slim", Variants: []image.Variant{slim},
		}
		if tag == slim.Tag {
			continue
		}
		families[ref] = image.Family{
			Reference: ref, Repository: repository, Tag: tag, Kind: "full", Slimmer: "slim",
			Variants: []image.Variant{{Repository: repository, Tag: tag, Kind: "full", TransferBytes: 350e6}, slim},
		}
	}
	return families
}
