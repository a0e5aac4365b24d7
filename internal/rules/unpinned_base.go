package rules

import (
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/finding"
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
		Fix:   "Shown only: a digest has to be kept fresh by a tool or by hand, which is the author's decision. The digest in use is named where the registry was asked.",
		Proof: "Nothing is changed.",
		Links: []string{"https://docs.docker.com/build/building/best-practices/#pin-base-image-versions"},
	},
	Check: checkUnpinnedBase,
}

func checkUnpinnedBase(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		ref := p.File.BaseOf(stage)
		if stage.Parent != nil || ref == "scratch" || strings.Contains(ref, "@") || strings.Contains(ref, "$") {
			continue
		}
		f := finding.Finding{Span: stage.BaseSpan}
		tag := ""
		if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
			tag = ref[i+1:]
		}
		switch tag {
		case "", "latest":
			f.Severity = finding.Warning
			f.Message = fmt.Sprintf("%s has no fixed version: it becomes another image without notice; name a version", ref)
		default:
			f.Message = fmt.Sprintf("%s has no digest: its tag can be moved; pin it if builds must be repeatable", ref)
		}
		if family, ok := p.Bases[ref]; ok {
			if own, ok := family.Asked(); ok && own.Digest != "" {
				f.Evidence = append(f.Evidence, finding.Evidence{Note: ref + " is " + own.Digest + " now"})
			}
		}
		p.Report(f)
	}
	return nil
}
