package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var unpinnedBase = &rule.Rule{
	ID:       "security/unpinned-base",
	Severity: finding.Info,
	Safety:   finding.Display,
	Phase:    rule.Base,
	Doc: rule.Doc{
		Summary: "A base image without a fixed version or digest.",
		What:    "FROM names no tag, the tag latest, or no digest.",
		Why:     "The same Dockerfile builds another image tomorrow. A tag can be moved by whoever owns the repository; a digest can't.",
		Before: `
-- Dockerfile --
FROM debian
CMD ["/bin/true"]
`,
		Fix:   "Shown only: a digest has to be kept fresh by a tool or by hand, which is the author's decision. The digest in use is named where the registry was asked. `--pin` writes it behind the tag: that of the index, where the image is published for several platforms. Refused where no registry was asked within a day, and where the name comes from an ARG that a build may set.",
		Proof: "Nothing is changed, or with `--pin` nothing that a build of today would notice.",
		Links: []string{"https://docs.docker.com/build/building/best-practices/#pin-base-image-versions"},
	},
	Check: func(p *rule.Pass) error { return checkUnpinnedBase(p, nil) },
}

// Pinning is the rules with unpinned-base as --pin wants it: it writes digests, after all else was decided
// about the base.
func Pinning(all []*rule.Rule) []*rule.Rule {
	pin := *unpinnedBase
	pin.Safety, pin.Phase = finding.Safe, rule.Finish
	pin.Check = func(p *rule.Pass) error { return checkUnpinnedBase(p, pinTo) }
	pinning := slices.DeleteFunc(slices.Clone(all), func(r *rule.Rule) bool { return r.ID == pin.ID })
	return append(pinning, &pin)
}

// checkUnpinnedBase names the bases without a digest; fix, which may be nil, writes it.
func checkUnpinnedBase(p *rule.Pass, fix func(*rule.Pass, *dockerfile.Stage, image.Variant) (*finding.Fix, string)) error {
	for _, stage := range p.File.Stages {
		ref := p.File.BaseOf(stage)
		if stage.Parent != nil || ref == "scratch" || strings.Contains(ref, "@") || strings.Contains(ref, "$") {
			continue
		}
		f := finding.Finding{Span: stage.BaseSpan}
		switch tagOf(ref) {
		case "", "latest":
			f.Severity = finding.Warning
			f.Message = fmt.Sprintf("%s has no fixed version: it becomes another image without notice; name a version", ref)
		default:
			f.Message = fmt.Sprintf("%s has no digest: its tag can be moved; pin it if builds must be repeatable", ref)
		}
		known := knownAs(p, ref)
		if known.Digest != "" {
			f.Evidence = append(f.Evidence, finding.Evidence{Note: ref + " is " + known.Digest + " now"})
		}
		if fix != nil {
			f.Fix, f.Refused = fix(p, stage, known)
		}
		p.Report(f)
	}
	return nil
}

func tagOf(ref string) string {
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[i+1:]
	}
	return ""
}

// knownAs is what a registry said of a base: asked for itself, or as a variant of another one, as which it came into
// the file. Its digest is empty when nothing is known.
func knownAs(p *rule.Pass, ref string) image.Variant {
	if family, ok := p.Bases[ref]; ok {
		own, _ := family.Asked()
		return own
	}
	named, err := image.ParseReference(ref)
	if err != nil {
		return image.Variant{}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Bases)) {
		for _, v := range p.Bases[name].Variants {
			if v.Reference() == named.String() {
				return v
			}
		}
	}
	return image.Variant{}
}

// pinTo writes the digest behind the tag.
func pinTo(p *rule.Pass, stage *dockerfile.Stage, known image.Variant) (*finding.Fix, string) {
	ref := p.File.BaseOf(stage)
	switch {
	case known.Digest == "" && p.BasesError != "":
		return nil, "its digest is not known: " + p.BasesError
	case known.Digest == "":
		return nil, "its digest is not known: no registry was asked (without --offline one is)"
	case known.Stale:
		return nil, "the digest that is known of it was read more than a day ago: ask the registry (without --offline it is)"
	}
	at, text, reason := pinPlace(p, stage)
	if reason != "" {
		return nil, reason
	}
	if tagOf(ref) == "" {
		text += ":latest"
	}
	return &finding.Fix{
		Title:  "Pin " + ref + " to its digest",
		Safety: finding.Safe,
		Edits:  []edit.Edit{p.Edit(at, text+"@"+known.Digest)},
	}, ""
}

// pinPlace is where a base's whole name stands, and how: in FROM, or as the default of an ARG that FROM is made of.
func pinPlace(p *rule.Pass, stage *dockerfile.Stage) (at dockerfile.Span, text, reason string) {
	if !strings.Contains(stage.Base, "$") {
		return stage.BaseSpan, stage.Base, ""
	}
	name := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(stage.Base, "$"), "{"), "}")
	for _, arg := range p.File.GlobalArgs {
		for _, pair := range arg.Pairs() {
			if pair.Name == name && pair.Value == p.File.BaseOf(stage) && pair.Raw == pair.Value && !p.File.Given(name) {
				return pair.ValueSpan, pair.Value, ""
			}
		}
	}
	return at, "", fmt.Sprintf("%s is made of an ARG, and a digest behind it would hold whatever a build sets that to: write the whole name with its digest", stage.Base)
}
