package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/secret"
)

// envExample is the file that lists the variables that the application wants, without values.
const envExample = ".env.example"

var secretInEnv = &rule.Rule{
	ID:       "security/secret-in-env",
	Severity: finding.Error,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "A credential stands in ENV.",
		What:    "ENV gives a literal value to a variable that is a credential, by its value or by its name.",
		Why:     "The value is in the image's config for ever: whoever can pull the image reads it with docker inspect, and so does everybody with the source.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
ENV LOG_LEVEL=info \
    API_TOKEN=9f8e7d6c5b4a39281706f5e4d3c2b1a0
CMD ["/bin/true"]
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
ENV LOG_LEVEL=info
CMD ["/bin/true"]
-- .env.example --
API_TOKEN=
`,
		Fix:   "Takes the variable out, and names it in .env.example without its value. Pass it when the container starts (docker run --env-file, a Kubernetes secret). Rotate the value: it is in the git history and in every image built so far. Refused when a build step reads the variable.",
		Proof: "The value is found in no layer, config or history of the new image, and the application runs when it is given at run time.",
		Links: []string{"https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/"},
	},
	Check: func(p *rule.Pass) error { return checkSecrets(p, "ENV") },
}

var secretInArg = &rule.Rule{
	ID:       "security/secret-in-arg",
	Severity: finding.Error,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "A credential is the default of an ARG.",
		What:    "ARG gives a literal default to a variable that is a credential, by its value or by its name.",
		Why:     "The default is in the image's history of every step below it, and in the source.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
ARG DEPLOY_TOKEN=9f8e7d6c5b4a39281706f5e4d3c2b1a0
CMD ["/bin/true"]
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
CMD ["/bin/true"]
`,
		Fix:   "Removes an ARG that nothing reads. Refused when a step reads it: hand it over with RUN --mount=type=secret.",
		Proof: "The image builds without it, and the value is found in no layer, config or history.",
		Links: []string{"https://docs.docker.com/build/building/secrets/"},
	},
	Check: func(p *rule.Pass) error { return checkSecrets(p, "ARG") },
}

// checkSecrets reports each credential that an ENV or ARG gives a value to.
func checkSecrets(p *rule.Pass, keyword string) error {
	for _, inst := range p.File.Instructions {
		if inst.Keyword != keyword {
			continue
		}
		var found []dockerfile.Pair
		for _, pair := range inst.Pairs() {
			m, ok := secret.Env(pair.Name, pair.Value)
			if !ok || !pair.HasValue {
				continue
			}
			found = append(found, pair)
			p.Report(finding.Finding{
				Span:    pair.Span,
				Message: fmt.Sprintf("%s holds a credential (%s, %s), readable for ever in %s, and rotate it", pair.Name, m.Why, m.Redacted, exposure(p, inst)),
				Costs:   []finding.Cost{{Metric: "exposure", Value: 1, Unit: "values", Basis: finding.Observed, Note: "in the config and history of every image built"}},
				Secrets: hidden(pair.Value),
			})
		}
		p.AttachFix(len(found), func() (*finding.Fix, string) { return removePairs(p, inst, found) })
	}
	return nil
}

// exposure says where a value can be read and what to do instead.
func exposure(p *rule.Pass, inst *dockerfile.Instruction) string {
	switch {
	case inst.Keyword == "ARG":
		return "the source and the build's history: hand it over with RUN --mount=type=secret"
	case !ships(p, inst.Stage):
		return "the source and the build cache: hand it over with RUN --mount=type=secret"
	}
	return "the image: pass it at run time"
}

// removePairs takes the variables out of one instruction, all at once because
// their spans share separators.
func removePairs(p *rule.Pass, inst *dockerfile.Instruction, pairs []dockerfile.Pair) (*finding.Fix, string) {
	fix := &finding.Fix{
		Safety: finding.Unsafe,
		Why:    "the application may want the variable; the proof passes the value at run time and compares its answers",
	}
	if inst.Keyword == "ENV" && !ships(p, inst.Stage) {
		return nil, "the stage only builds, and its steps may read the variable: hand it over with RUN --mount=type=secret"
	}
	state := p.File.EndState(p.Final)
	var names, wanted []string
	for _, pair := range pairs {
		if reason := readBelow(p, inst, pair.Name); reason != "" {
			return nil, reason
		}
		names = append(names, pair.Name)
		if v, ok := state.EnvVar(pair.Name); ok && v.By == inst {
			wanted = append(wanted, pair.Name)
			fix.RunEnv = append(fix.RunEnv, finding.EnvVar{Name: pair.Name, Value: v.Value})
		}
	}
	fix.Title = "Take " + strings.Join(names, ", ") + " out of the image"
	fix.Edits = cutPairs(p, inst, pairs)
	if inst.Keyword == "ENV" {
		if e, ok := nameInExample(p, wanted); ok {
			fix.Edits = append(fix.Edits, e)
		}
	}
	return fix, ""
}

// readBelow says why a variable can't be taken out: an instruction below uses it while building.
func readBelow(p *rule.Pass, from *dockerfile.Instruction, name string) string {
	word := regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(name) + `\b`)
	expansion := regexp.MustCompile(`\$\{?` + regexp.QuoteMeta(name) + `\b`)
	for _, inst := range p.File.Instructions[from.Index+1:] {
		line := p.File.Position(inst.Span.Start).Line
		text := p.Text(inst.Span)
		switch inst.Keyword {
		case "CMD", "ENTRYPOINT", "HEALTHCHECK": // read when the container runs
		case "RUN", "ONBUILD":
			if word.MatchString(text) || inst.Keyword == "RUN" && mayRead(readRun(p, inst), from, name) {
				return fmt.Sprintf("line %d reads or may read %s while building: hand it over with RUN --mount=type=secret,id=%s", line, name, strings.ToLower(name))
			}
			if inst.Keyword == "RUN" && runsReader(p, inst, name) {
				return fmt.Sprintf("line %d runs a program that may read %s, as the source does: hand it over with RUN --mount=type=secret,id=%s,env=%s, or give that step a value of its own", line, name, strings.ToLower(name), name)
			}
		case "ARG":
			if from.Keyword == "ARG" && word.MatchString(text) {
				return fmt.Sprintf("line %d takes %s into its stage: hand it over with RUN --mount=type=secret,id=%s instead", line, name, strings.ToLower(name))
			}
		default:
			if expansion.MatchString(text) {
				return fmt.Sprintf("line %d makes another value of %s: take out both, and put the value together when the container starts", line, name)
			}
		}
	}
	return ""
}

// mayRead reports whether the programs of a step may read a variable that the
// step does not name: a package manager its own settings, and an unknown program
// what is set for the build alone.
func mayRead(step *runStep, from *dockerfile.Instruction, name string) bool {
	if from.Keyword == "ARG" && !step.known() {
		return true
	}
	return slices.ContainsFunc(step.installs, func(c installCommand) bool {
		return strings.HasPrefix(strings.ToUpper(name), strings.ToUpper(c.manager.name)+"_")
	})
}

// runsReader reports whether a step may run the application's source, where that reads the variable.
func runsReader(p *rule.Pass, run *dockerfile.Instruction, name string) bool {
	facts := p.FactsOf(run.Stage)
	if facts == nil || !slices.ContainsFunc(facts.EnvRead, func(v ecosystem.Fact[string]) bool { return v.Value == name }) {
		return false
	}
	if !slices.ContainsFunc(run.Stage.Instructions, func(i *dockerfile.Instruction) bool { return i.Index < run.Index && copiesSource(p, i) }) && run.Stage.Parent == nil {
		return false // no source is there yet
	}
	step := readRun(p, run)
	return step.script == nil || slices.ContainsFunc(step.other, func(c shellCommand) bool {
		called, rest := program(c)
		return !passive[called] && !(called == "go" && slices.Contains([]string{"build", "install", "get"}, verb(rest)))
	})
}

// passive are programs that run nothing of an application.
var passive = map[string]bool{
	"curl": true, "wget": true, "tar": true, "unzip": true, "gunzip": true, "sed": true, "grep": true, "awk": true, "cut": true, "tee": true, "cp": true, "mv": true, "cd": true,
	"git": true, "gpg": true, "dpkg": true, "apt-key": true, "update-ca-certificates": true, "ldconfig": true, "locale-gen": true, "printf": true, "cat": true, "test": true, "[": true,
	"sha256sum": true, "export": true,
}

// cutPairs removes pairs with their separators, the whole instruction when none is left.
func cutPairs(p *rule.Pass, inst *dockerfile.Instruction, gone []dockerfile.Pair) []edit.Edit {
	all := inst.Pairs()
	if len(gone) == len(all) {
		return []edit.Edit{p.Delete(inst)}
	}
	isGone := map[dockerfile.Span]bool{}
	for _, g := range gone {
		isGone[g.Span] = true
	}
	var edits []edit.Edit
	kept := -1 // the end of the last pair that stays
	for i, pair := range all {
		switch {
		case !isGone[pair.Span]:
			kept = pair.Span.End
		case kept >= 0:
			edits = append(edits, p.Edit(dockerfile.Span{Start: all[i-1].Span.End, End: pair.Span.End}, ""))
		default:
			edits = append(edits, p.Edit(dockerfile.Span{Start: pair.Span.Start, End: all[i+1].Span.Start}, ""))
		}
	}
	return edits
}

func nameInExample(p *rule.Pass, names []string) (edit.Edit, bool) {
	text, err := p.ReadText(envExample)
	if err != nil {
		return edit.Edit{}, false
	}
	var b strings.Builder
	for _, n := range names {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(n) + `=`).MatchString(text) {
			b.WriteString(n + "=\n")
		}
	}
	if b.Len() == 0 {
		return edit.Edit{}, false
	}
	return edit.Edit{File: envExample, Start: len(text), End: len(text), New: lineBreakAfter(text) + b.String()}, true
}

// lineBreakAfter is what must stand between a text and a line added to it.
func lineBreakAfter(text string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		return "\n"
	}
	return ""
}
