package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/secret"
)

var secretInContext = &rule.Rule{
	ID:       "security/secret-in-context",
	Severity: finding.Error,
	Safety:   finding.Safe,
	Phase:    rule.Lines,
	Needs:    []rule.Need{rule.NeedContext},
	Doc: rule.Doc{
		Summary: "COPY ships a file that holds credentials.",
		What:    "A COPY or ADD of the context brings in .env, a private key, cloud credentials, or a package manager's login.",
		Why:     "The file is in a layer for ever, deleted later or not: whoever can pull the image can read it.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
WORKDIR /srv
COPY . .
CMD ["/srv/run"]
-- run --
#!/bin/sh
-- .env --
API_TOKEN=9f8e7d6c5b4a39281706f5e4d3c2b1a0
`,
		After: `
-- .dockerignore --
# Credentials: given to the container when it starts.
.env
`,
		Fix:   "Adds the file to .dockerignore. Refused when an instruction copies the file by its name.",
		Proof: "No value is found in a layer, and the application answers as before.",
		Links: []string{"https://docs.docker.com/build/building/secrets/"},
	},
	Check: checkSecretInContext,
}

func checkSecretInContext(p *rule.Pass) error {
	inst, copied, err := shipsContext(p)
	if err != nil || inst == nil {
		return err
	}
	files := p.Context.FS()
	var names []string
	var evidence []finding.Evidence
	for _, e := range copied.Entries {
		if e.Ignored || !e.Mode.IsRegular() || insideJunk(e.Path) {
			continue
		}
		m, ok := secret.File(files, e.Path)
		if !ok {
			continue
		}
		names = append(names, e.Path)
		evidence = append(evidence, finding.Evidence{File: e.Path, Note: m.Why})
	}
	if len(names) == 0 {
		return nil
	}
	f := finding.Finding{
		Span:     inst.Span,
		Message:  fmt.Sprintf("%s puts %s into a layer, readable for ever: %s", strings.TrimSpace(firstLine(p.Text(inst.Span))), list(names), ignoreAdvice(p)),
		Evidence: evidence,
		Costs:    []finding.Cost{{Metric: "exposure", Value: float64(len(names)), Unit: "files", Basis: finding.Observed, Note: "files in the build context"}},
	}
	if name, line := copiedByName(p, names); name != "" {
		f.Refused = fmt.Sprintf("line %d copies %s by its name: if a build step needs it, hand it over with RUN --mount=type=secret", line, name)
	} else {
		f.Fix = &finding.Fix{
			Title:  "Keep credentials out of the context",
			Safety: finding.Safe,
			Edits:  ignore(p, "Credentials: given to the container when it starts.", secretPatterns(names)),
		}
	}
	p.Report(f)
	return nil
}

// insideJunk skips what size/context-junk keeps out anyway.
func insideJunk(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".git" || part == "node_modules" || part == "site-packages" {
			return true
		}
	}
	return false
}

func copiedByName(p *rule.Pass, names []string) (string, int) {
	for _, inst := range p.File.Instructions {
		if inst.Keyword != "COPY" && inst.Keyword != "ADD" {
			continue
		}
		for _, w := range inst.Sources() {
			if slices.Contains(names, cleanSource(w.Text)) {
				return cleanSource(w.Text), p.File.Position(inst.Span.Start).Line
			}
		}
	}
	return "", 0
}

func secretPatterns(names []string) []string {
	var patterns []string
	for _, n := range names {
		patterns = append(patterns, buildctx.EscapePattern(path.Clean(n)))
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}
