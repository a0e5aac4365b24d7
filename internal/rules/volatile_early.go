package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var volatileEarly = &rule.Rule{
	ID:       "cache/volatile-early",
	Severity: finding.Warning,
	Safety:   finding.Safe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "A value that changes with every build stands above steps that do not need it.",
		What:    "An ARG or ENV with a commit, a build's date or number, or the application's version stands above steps that install something and do not read it. A version that a step reads and that has a default is a pinned one, and left alone.",
		Why:     "Every RUN below an ARG or ENV has it in its environment, so that a new value makes all of them run again: each commit reinstalls everything.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
ARG GIT_COMMIT
LABEL org.opencontainers.image.revision=$GIT_COMMIT
RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
CMD ["/bin/true"]
`,
		After: `
-- Dockerfile --
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
ARG GIT_COMMIT
LABEL org.opencontainers.image.revision=$GIT_COMMIT
CMD ["/bin/true"]
`,
		Fix:   "Moves it, with the LABEL, ARG and ENV lines that use it, down to the first step that reads it or may read it, within its stage. Steps with programs that plimsoll does not know may read it, and are never passed.",
		Proof: "The image builds, and the application answers as before.",
		Links: []string{"https://docs.docker.com/reference/dockerfile/#impact-on-build-caching"},
	},
	Check: checkVolatileEarly,
}

// volatileName are variables whose value is another one in each build. The version
// of the application is among them, in the names that are used for it.
var volatileName = regexp.MustCompile(`(?i)^(` +
	`((app|application|image|docker|project|service|vcs|git|source|src|build|ci|github|drone|circle)_)?(commit|sha|sha1|revision|rev|ref)(_(sha|sha1|hash|id|ref|short|full))*` +
	`|git_?(hash|describe|short_sha|commit_(date|time|hash|id|sha))|ci_commit_(sha|short_sha)` +
	`|(build|created|image)_?(date|time|timestamp|datetime)|build_?(number|num|id|nr|version|tag)|(github_run|ci_pipeline|ci_job)_(id|number)` +
	`|((app|application|image|project|service|release|package|product)_?)?version|release(_tag)?)$`)

// versionName are those of them that can be a pinned version as well.
var versionName = regexp.MustCompile(`(?i)(version|release|release_tag|ref|rev|revision)$`)

// volatile is an instruction that moves, with those that use what it sets.
type volatile struct {
	inst  *dockerfile.Instruction
	names []string
	// group are inst and its users, in their order.
	group []*dockerfile.Instruction
	// stop is the first instruction that reads a name, or may; nil at the end of the stage.
	stop *dockerfile.Instruction
	// passed are the steps that install something above stop.
	passed []*dockerfile.Instruction
	// unsure says why a passed step may read the value after all.
	unsure string
}

func checkVolatileEarly(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		var found []*volatile
		for _, inst := range stage.Instructions {
			if v := readVolatile(p, stage, inst); v != nil && len(v.passed) > 0 {
				found = append(found, v)
			}
		}
		for _, v := range found {
			p.Report(finding.Finding{
				Span: v.inst.Span,
				Message: fmt.Sprintf("%s changes from build to build, and %s below that %s not read it then %s again: move it down",
					strings.Join(v.names, " and "), count(len(v.passed), "step", "steps"), plural(len(v.passed), "does", "do"), plural(len(v.passed), "runs", "run")),
				Costs:    volatileCosts(p, v),
				Evidence: []finding.Evidence{{File: p.DockerfilePath, Line: p.File.Position(v.passed[0].Span.Start).Line, Note: "the first step that runs again"}},
			})
		}
		p.AttachFix(len(found), func() (*finding.Fix, string) { return moveDown(p, stage, found), "" })
	}
	return nil
}

// volatileCosts are what the steps cost that run again. That the value differs at each
// commit is the rule's own assumption: an ENV has the value that stands there, which nobody knows the past of.
func volatileCosts(p *rule.Pass, v *volatile) []finding.Cost {
	if v.inst.Keyword != "ARG" {
		return nil
	}
	return historyCosts(p, v.passed, v.names...)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// readVolatile returns nil for instructions whose value stays the same, or is needed where it is.
func readVolatile(p *rule.Pass, stage *dockerfile.Stage, inst *dockerfile.Instruction) *volatile {
	if inst.Keyword != "ARG" && inst.Keyword != "ENV" {
		return nil
	}
	v := &volatile{inst: inst}
	pinned := true
	for _, pair := range inst.Pairs() {
		if !volatileName.MatchString(pair.Name) {
			return nil
		}
		v.names = append(v.names, pair.Name)
		pinned = pinned && versionName.MatchString(pair.Name) && pair.Value != "" && !strings.Contains(pair.Raw, "$")
	}
	if len(v.names) == 0 || inst.Keyword == "ENV" && (len(v.names) > 1 || strings.Contains(inst.Pairs()[0].Raw, "$")) {
		return nil // what an ENV copies from an ARG moves with that
	}
	v.follow(p, stage)
	if pinned && (v.stop != nil && names(p.Text(v.stop.Span), v.names) || inst.Keyword == "ENV" && v.stop != nil) {
		return nil
	}
	return v
}

// follow walks down from the instruction to the first one that reads what it sets.
func (v *volatile) follow(p *rule.Pass, stage *dockerfile.Stage) {
	all := slices.Clone(v.names)
	v.group = []*dockerfile.Instruction{v.inst}
	for _, inst := range stage.Instructions {
		if inst.Index <= v.inst.Index {
			continue
		}
		switch reads := expands(p, inst, all); {
		case redefines(inst, v.group, all):
			v.stop = inst
		case inst.Keyword == "RUN":
			v.run(p, inst, all)
		case inst.Keyword == "CMD" || inst.Keyword == "ENTRYPOINT" || inst.Keyword == "HEALTHCHECK":
			// read when the container runs
		case !reads:
		case inst.Keyword == "LABEL":
			v.group = append(v.group, inst)
		case inst.Keyword == "ARG" || inst.Keyword == "ENV":
			if !movable(p, inst, all) {
				v.stop = inst
				break
			}
			v.group = append(v.group, inst)
			for _, pair := range inst.Pairs() {
				all = append(all, pair.Name)
			}
		default:
			v.stop = inst
		}
		if v.stop != nil {
			return
		}
	}
}

// run passes a step, or stops at it.
func (v *volatile) run(p *rule.Pass, inst *dockerfile.Instruction, all []string) {
	step := readRun(p, inst)
	if names(p.Text(inst.Span), all) || !step.known() {
		v.stop = inst
		return
	}
	for _, c := range step.installs {
		if c.manager.system {
			continue
		}
		if slices.ContainsFunc(c.args, func(w shellWord) bool {
			return strings.HasPrefix(w.Text, ".") || w.Text == "-e" || w.Text == "--editable"
		}) {
			v.stop = inst // building the project itself may read it
			return
		}
		if c.manager.name != "pip" {
			v.unsure = fmt.Sprintf("scripts that %s runs while installing can read the variable", c.manager.name)
		}
	}
	if len(step.installs) > 0 {
		v.passed = append(v.passed, inst)
	}
}

// expands reports whether an instruction uses one of the variables while building.
func expands(p *rule.Pass, inst *dockerfile.Instruction, all []string) bool {
	text := p.Text(inst.Span)
	return strings.Contains(text, "$") && names(text, all) || inst.Keyword == "ONBUILD" && names(text, all)
}

// names reports whether a text has one of the names as a word.
func names(text string, all []string) bool {
	return slices.ContainsFunc(all, func(n string) bool {
		for rest := text; ; {
			i := strings.Index(rest, n)
			if i < 0 {
				return false
			}
			before, after := rest[:i], rest[i+len(n):]
			if (before == "" || !isNameByte(before[len(before)-1])) && (after == "" || !isNameByte(after[0])) {
				return true
			}
			rest = after
		}
	})
}

func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// redefines reports whether an instruction sets again what one of the group sets, so that
// their order decides. ENV VERSION=$VERSION only hands a value on.
func redefines(inst *dockerfile.Instruction, group []*dockerfile.Instruction, all []string) bool {
	for _, g := range group {
		for _, a := range g.Pairs() {
			for _, b := range inst.Pairs() {
				handsOn := inst.Keyword == "ENV" && names(b.Raw, all)
				if a.Name == b.Name && (g.Keyword == "LABEL") == (inst.Keyword == "LABEL") && !handsOn {
					return true
				}
			}
		}
	}
	return false
}

// movable reports whether each pair of an ARG or ENV is made of the variables, and none
// of them means something to the programs of the steps that are passed.
func movable(p *rule.Pass, inst *dockerfile.Instruction, all []string) bool {
	for _, pair := range inst.Pairs() {
		switch {
		case !names(pair.Raw, all), meaningful[pair.Name], strings.HasPrefix(pair.Name, "PIP_"), strings.HasPrefix(strings.ToLower(pair.Name), "npm_"):
			return false
		}
	}
	return len(inst.Pairs()) > 0
}

// meaningful are variables that any program may heed.
var meaningful = map[string]bool{
	"PATH": true, "HOME": true, "LD_LIBRARY_PATH": true, "LANG": true, "TZ": true, "PYTHONPATH": true, "NODE_PATH": true, "GOPATH": true, "JAVA_HOME": true, "DEBIAN_FRONTEND": true,
}

// moveDown moves all that was found in a stage, each to its place; what several of them
// use goes to the lowest of these.
func moveDown(p *rule.Pass, stage *dockerfile.Stage, found []*volatile) *finding.Fix {
	fix := &finding.Fix{Title: "Move what changes with every build below the steps that do not need it", Safety: finding.Safe}
	target := map[*dockerfile.Instruction]int{}
	for _, v := range found {
		at := v.place(p, stage)
		for _, inst := range v.group {
			target[inst] = max(target[inst], at)
		}
		if v.unsure != "" {
			fix.Safety, fix.Why = finding.Unsafe, v.unsure+"; the proof builds without it and compares the application's answers"
		}
	}
	texts := map[int]string{}
	for _, inst := range stage.Instructions {
		at, moves := target[inst]
		if !moves {
			continue
		}
		block := p.Text(p.File.Block(inst))
		texts[at] += strings.TrimRight(block, "\r\n") + "\n"
		fix.Edits = append(fix.Edits, p.DeleteWithLead(inst))
	}
	for _, at := range slices.Sorted(maps.Keys(texts)) {
		text := texts[at]
		if at == len(p.File.Source) && at > 0 && p.File.Source[at-1] != '\n' {
			text = "\n" + strings.TrimSuffix(text, "\n")
		}
		fix.Edits = append(fix.Edits, p.Insert(at, strings.ReplaceAll(text, "\r\n", "\n")))
	}
	return fix
}

// place is the offset at which the group goes: above the instruction that reads it, or at
// the end of the stage, above the start command.
func (v *volatile) place(p *rule.Pass, stage *dockerfile.Stage) int {
	if v.stop != nil {
		return p.File.Block(v.stop).Start
	}
	last := stage.Instructions[len(stage.Instructions)-1]
	at := p.File.Lines(last.Span).End
	for i := len(stage.Instructions) - 1; i >= 0; i-- {
		inst := stage.Instructions[i]
		switch inst.Keyword {
		case "CMD", "ENTRYPOINT", "HEALTHCHECK":
			at = p.File.Block(inst).Start
		default:
			return at
		}
	}
	return at
}
