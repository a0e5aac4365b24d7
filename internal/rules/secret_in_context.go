package rules

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
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
		Fix:   "Adds the file to .dockerignore. Refused when an instruction copies the file by its name, and when an install below reads it (.npmrc, .yarnrc.yml, pip.conf, .netrc), which would fail without: the finding then says how the install is given it. Unsafe when the source reads it.",
		Proof: "No value is found in a layer, and the application answers as before.",
		Links: []string{"https://docs.docker.com/build/building/secrets/"},
	},
	Check: checkSecretInContext,
}

func checkSecretInContext(p *rule.Pass) error {
	var all []copiedSecrets
	by := map[string][]*dockerfile.Instruction{}
	for _, inst := range p.File.Instructions {
		if inst.Keyword != "COPY" && inst.Keyword != "ADD" {
			continue
		}
		if _, from := inst.Flag("from"); from {
			continue
		}
		copied, err := copiedBy(p, inst)
		if err != nil {
			return err
		}
		e := copiedSecrets{inst: inst, files: secretFiles(p, copied.Entries)}
		for _, file := range e.files {
			by[file.File] = append(by[file.File], inst)
		}
		all = append(all, e)
	}
	var ignored []string
	n := 0
	for _, e := range all {
		if files := slices.DeleteFunc(slices.Clone(e.files), func(f finding.Evidence) bool { return installsWith(p, f.File, by[f.File]) != "" }); len(files) > 0 {
			p.Report(exposed(p, e.inst, files, ignoreAdvice(p)))
			for _, f := range files {
				ignored = append(ignored, f.File)
			}
			n++
		}
	}
	p.AttachFix(n, func() (*finding.Fix, string) { return ignoreSecrets(p, ignored) })
	for _, e := range all {
		for i, file := range e.files {
			if reason := installsWith(p, file.File, by[file.File]); reason != "" {
				f := exposed(p, e.inst, e.files[i:i+1], "hand it to the install as a secret")
				f.Refused = reason
				p.Report(f)
			}
		}
	}
	return nil
}

// copiedSecrets are an instruction with the credentials that it copies.
type copiedSecrets struct {
	inst  *dockerfile.Instruction
	files []finding.Evidence
}

func exposed(p *rule.Pass, inst *dockerfile.Instruction, files []finding.Evidence, advice string) finding.Finding {
	var names []string
	for _, f := range files {
		names = append(names, f.File)
	}
	return finding.Finding{
		Span:     inst.Span,
		Message:  fmt.Sprintf("%s puts %s into a layer, readable for ever: %s", strings.TrimSpace(firstLine(p.Text(inst.Span))), list(names), advice),
		Evidence: slices.Clone(files),
		Costs:    []finding.Cost{{Metric: "exposure", Value: float64(len(names)), Unit: "files", Basis: finding.Observed, Note: "files in the build context"}},
	}
}

// installsWith says how an install is given a file of the context that it logs in with: left out of the context alone, it
// would fail. It is empty where no install is seen to get the file, which the instructions bring.
func installsWith(p *rule.Pass, name string, by []*dockerfile.Instruction) string {
	settings := installerSettings[path.Base(name)] ||
		slices.ContainsFunc(p.AllFacts(), func(f *ecosystem.Facts) bool { return isManifest(f, name) })
	if !settings {
		return ""
	}
	for _, stage := range p.File.Stages {
		for _, s := range runSteps(p, stage) {
			i := slices.IndexFunc(s.installs, func(c installCommand) bool { return !c.manager.system })
			if i < 0 {
				continue
			}
			place := placeFor(p, s, name, by)
			given := slices.ContainsFunc(s.inst.Mounts(), func(m dockerfile.Mount) bool { return m.Type == "secret" && m.Target == place })
			if place != "" && !given {
				return fmt.Sprintf("%s on line %d may log in with %s: give it that with RUN --mount=type=secret,id=%s,target=%s and the build's --secret id=%[4]s,src=%[3]s, and then leave the file out of the context",
					s.installs[i].called(), p.File.Position(s.inst.Span.Start).Line, name, strings.TrimLeft(path.Base(name), "._"), place)
			}
		}
	}
	return ""
}

// placeFor is where a step finds a file of the context, by an instruction above it or by a mount; empty when it does not.
func placeFor(p *rule.Pass, s *runStep, name string, by []*dockerfile.Instruction) string {
	for _, m := range s.inst.Mounts() {
		if source := cleanSource(m.Source); m.Type == "bind" && m.From == "" && (source == "." || within(name, source)) {
			target := m.Target
			if !path.IsAbs(target) {
				target = path.Join(p.File.StateBefore(s.inst).Workdir, target)
			}
			return path.Join(target, strings.TrimPrefix(name, strings.TrimPrefix(source, ".")))
		}
	}
	for _, inst := range by {
		if inst.Index > s.inst.Index || !buildsOn(s.inst.Stage, inst.Stage) {
			continue
		}
		if rel, ok := underSources(inst, name); ok {
			return path.Join(destination(p, inst), rel)
		}
		if i := slices.Index(namedSources(inst), name); i >= 0 {
			return regions(p, inst)[i]
		}
		return path.Join(destination(p, inst), path.Base(name))
	}
	return ""
}

// called is an install as its author calls it, without options and what is installed.
func (c installCommand) called() string {
	if i := verbIndex(c.Words[1:]); len(c.Words) > 1 && !strings.HasPrefix(c.Words[i+1].Text, "-") {
		return c.manager.name + " " + c.Words[i+1].Text
	}
	return c.manager.name
}

func ignoreSecrets(p *rule.Pass, names []string) (*finding.Fix, string) {
	if name, line := usedByName(p, names); name != "" {
		return nil, fmt.Sprintf("line %d names %s: if a build step needs it, hand it over with RUN --mount=type=secret; if the application does, when the container starts", line, name)
	}
	comment := "Credentials: given to the container when it starts."
	if !slices.ContainsFunc(names, func(name string) bool { return !installerSettings[path.Base(name)] }) {
		comment = "Credentials of a package manager: no image needs them."
	}
	fix := &finding.Fix{
		Title:  "Keep credentials out of the context",
		Safety: finding.Safe,
		Edits:  ignore(p, comment, secretPatterns(names)),
	}
	if source, name := readInSource(p, names); source != "" {
		fix.Safety, fix.Why = finding.Unsafe, fmt.Sprintf("%s reads %s, which the image no longer has: what else it sets is missing too; the proof compares the answers without it", source, name)
	}
	return fix, ""
}

// settingsLoaders are what libraries are known by that read .env on their own.
var settingsLoaders = regexp.MustCompile(`dotenv|decouple|read_env|env_file|--env-file`)

// maxReader bounds the files of the source that are searched.
const maxReader = 256 << 10

// readInSource finds a file of the source that names one of the files, or loads settings of which one holds them.
func readInSource(p *rule.Pass, names []string) (source, name string) {
	words := make([]*regexp.Regexp, len(names))
	for i, name := range names {
		words[i] = regexp.MustCompile(`["'/]` + regexp.QuoteMeta(path.Base(name)) + `["'\s]`)
	}
	for _, e := range p.Context.Entries {
		if e.Ignored || !e.Mode.IsRegular() || e.Size > maxReader || insideJunk(e.Path) ||
			!slices.Contains([]string{".py", ".js", ".mjs", ".cjs", ".ts", ".go", ".sh"}, path.Ext(e.Path)) {
			continue
		}
		text, err := p.ReadText(e.Path)
		if err != nil {
			continue
		}
		for i, name := range names {
			if words[i].MatchString(text) || path.Base(name) == ".env" && settingsLoaders.MatchString(text) {
				return e.Path, name
			}
		}
	}
	return "", ""
}

// secretFiles are those among what is copied that hold credentials, with what they are.
func secretFiles(p *rule.Pass, entries []buildctx.Entry) (found []finding.Evidence) {
	files := p.Context.FS()
	for _, e := range entries {
		if e.Ignored || !e.Mode.IsRegular() || insideJunk(e.Path) {
			continue
		}
		if m, ok := secret.File(files, e.Path); ok {
			found = append(found, finding.Evidence{File: e.Path, Note: m.Why})
		}
	}
	return found
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

// usedByName finds the first instruction that copies or mounts one of the files by its name.
func usedByName(p *rule.Pass, names []string) (string, int) {
	for _, inst := range p.File.Instructions {
		for _, source := range namedSources(inst) {
			if slices.Contains(names, source) {
				return source, p.File.Position(inst.Span.Start).Line
			}
		}
	}
	return "", 0
}

// namedSources are the paths of the context that an instruction copies or mounts.
func namedSources(inst *dockerfile.Instruction) []string {
	var sources []string
	if _, from := inst.Flag("from"); !from && (inst.Keyword == "COPY" || inst.Keyword == "ADD") {
		for _, w := range inst.Sources() {
			sources = append(sources, cleanSource(w.Text))
		}
	}
	for _, m := range inst.Mounts() {
		if m.Type == "bind" && m.From == "" {
			sources = append(sources, cleanSource(m.Source))
		}
	}
	return sources
}

func secretPatterns(names []string) []string {
	var patterns []string
	for _, n := range names {
		patterns = append(patterns, buildctx.EscapePattern(path.Clean(n)))
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}
