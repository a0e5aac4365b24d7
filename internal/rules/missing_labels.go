package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

const ociPrefix = "org.opencontainers.image."

var missingLabels = &rule.Rule{
	ID:       "runtime/missing-labels",
	Severity: finding.Info,
	Safety:   finding.Safe,
	Phase:    rule.Finish,
	Doc: rule.Doc{
		Summary: "The image has no OCI labels.",
		What:    "The final stage sets none of the org.opencontainers.image.* labels.",
		Why:     "Nobody who finds the image in a registry or a cluster can tell which source and which commit it was built from.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
USER 10001:10001
CMD ["/bin/true"]
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
USER 10001:10001
CMD ["/bin/true"]
# Last, so that a new version or commit leaves every step above cached.
ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
`,
		Fix:   "Adds version and revision, fed by build arguments, and source and licence where git and a LICENSE file tell them. They stand last, so that they cost no cache.",
		Proof: "Labels change nothing that the application sees.",
		Links: []string{"https://github.com/opencontainers/image-spec/blob/main/annotations.md"},
	},
	Check: checkMissingLabels,
}

func checkMissingLabels(p *rule.Pass) error {
	for _, l := range p.File.EndState(p.Final).Labels {
		if strings.HasPrefix(l.Name, ociPrefix) {
			return nil
		}
	}
	at := endOfStage(p)
	p.Report(finding.Finding{
		Span:    p.Final.From.Span,
		Message: "no org.opencontainers.image labels: which source and commit the image was built from can't be told; add version, revision and source",
		Fix: &finding.Fix{
			Title:  "Add OCI labels, fed by build arguments",
			Safety: finding.Safe,
			Edits:  []edit.Edit{p.Insert(at, line(p, at, labels(p)))},
		},
	})
	return nil
}

func labels(p *rule.Pass) string {
	pairs := []string{}
	if r := p.Repository; r != nil {
		if r.Remote != "" {
			pairs = append(pairs, fmt.Sprintf("%ssource=%q", ociPrefix, r.Remote))
		}
		if r.License != "" {
			pairs = append(pairs, fmt.Sprintf("%slicenses=%q", ociPrefix, r.License))
		}
	}
	version, revision := freeName(p, "VERSION"), freeName(p, "REVISION")
	pairs = append(pairs, fmt.Sprintf(`%sversion="$%s"`, ociPrefix, version), fmt.Sprintf(`%srevision="$%s"`, ociPrefix, revision))
	arg := keyword(p, "ARG")
	return "# Last, so that a new version or commit leaves every step above cached.\n" +
		arg + " " + version + "=\"\"\n" + arg + " " + revision + "=\"\"\n" +
		keyword(p, "LABEL") + " " + strings.Join(pairs, " \\\n      ")
}

// freeName is a name for a build argument that means nothing else in this file.
func freeName(p *rule.Pass, name string) string {
	state := p.File.EndState(p.Final)
	_, env := state.EnvVar(name)
	_, arg := state.Arg(name)
	global := slices.ContainsFunc(p.File.GlobalArgs, func(i *dockerfile.Instruction) bool {
		return slices.ContainsFunc(i.Pairs(), func(pair dockerfile.Pair) bool { return pair.Name == name })
	})
	if env || arg || global {
		return "IMAGE_" + name
	}
	return name
}
