package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var noCacheMount = &rule.Rule{
	ID:       "cache/no-cache-mount",
	Severity: finding.Info,
	Safety:   finding.Safe,
	Phase:    rule.Finish,
	Doc: rule.Doc{
		Summary: "A builder downloads or compiles everything again whenever its step reruns.",
		What:    "A step of a stage that does not ship calls a tool that keeps a cache, on the official image whose places are known, and no cache mount is there for it. In stages that ship, caches are size/package-cache-kept's matter.",
		Why:     "The build cache knows a step as a whole. Once anything that it reads changes, all is downloaded and compiled again; with a mount, only what changed.",
		Before: `
-- Dockerfile --
FROM golang:1.24-bookworm AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -ldflags="-s -w" -o /app .

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /app /app
USER 65532:65532
CMD ["/app"]
-- go.mod --
module example.org/app
-- main.go --
package main

func main() {}
`,
		After: `
-- Dockerfile --
FROM golang:1.24-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -ldflags="-s -w" -o /app .

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /app /app
USER 65532:65532
CMD ["/app"]
`,
		Fix:   "Adds the mounts to every step of the stage that calls the tool, so that none misses what another has put there. Wants BuildKit, as every Docker since 23.0 builds with. Left out where a script may call the tool, where the place was moved, where the step cleans up, and where another stage copies from there.",
		Proof: "The image is the same; the time of a rebuild after a change is in the table.",
		Links: []string{"https://docs.docker.com/build/cache/optimize/#use-cache-mounts"},
	},
	Check: checkNoCacheMount,
}

// cachingTool is a tool with a cache that is worth a mount.
type cachingTool struct {
	program string
	verbs   []string // subcommands that read or fill the cache
	image   string   // the official image whose places these are
	targets []string
	// moved are variables that put the cache elsewhere.
	moved []string
}

// cachingTools have the places of their official images, for root: go help cache and GOMODCACHE,
// npm help config (cache), yarn cache dir.
var cachingTools = []cachingTool{
	{
		program: "go", verbs: []string{"build", "install", "mod", "get", "generate", "test", "vet", "list"}, image: "golang",
		targets: []string{"/go/pkg/mod", "/root/.cache/go-build"}, moved: []string{"GOPATH", "GOMODCACHE", "GOCACHE", "HOME", "XDG_CACHE_HOME"},
	},
	{program: "npm", verbs: []string{"ci", "install", "i"}, image: "node", targets: []string{"/root/.npm"}, moved: []string{"npm_config_cache", "NPM_CONFIG_CACHE", "HOME"}},
	{program: "yarn", verbs: []string{"install", ""}, image: "node", targets: []string{"/usr/local/share/.cache/yarn"}, moved: []string{"YARN_CACHE_FOLDER", "HOME", "XDG_CACHE_HOME"}},
}

// callers are programs that may call any tool.
var callers = []string{"make", "task", "mage", "just", "bazel", "sh", "bash", "npx", "python", "python3", "node"}

func checkNoCacheMount(p *rule.Pass) error {
	if p.File.StageNamed("scratch") != nil {
		return nil // BuildKit begins an empty cache from scratch, and would take the stage of that name
	}
	for _, stage := range p.File.Stages {
		if ships(p, stage) {
			continue
		}
		for _, tool := range cachingTools {
			if officialBase(p, stage) == tool.image {
				tool.check(p, stage)
			}
		}
	}
	return nil
}

func (t cachingTool) check(p *rule.Pass, stage *dockerfile.Stage) {
	steps, ok := t.steps(p, stage)
	if !ok || len(steps) == 0 || t.copiedFrom(p, stage) {
		return
	}
	flags := " --mount=type=cache,target=" + strings.Join(t.targets, " \\\n    --mount=type=cache,target=")
	if len(t.targets) > 1 { // the command on a line of its own; the blank before it is there
		flags += " \\\n   "
	}
	fix := &finding.Fix{Title: "Mount " + t.program + "'s caches", Safety: finding.Safe}
	for _, s := range steps {
		fix.Edits = append(fix.Edits, p.Insert(s.inst.KeywordSpan.End, flags))
	}
	first := steps[0]
	p.Report(finding.Finding{
		Span: first.inst.Span,
		Message: fmt.Sprintf("%s downloads or makes everything again whenever %s: mount a cache at %s",
			t.program, t.reruns(steps), strings.Join(t.targets, " and ")),
		Costs: historyCosts(p, []*dockerfile.Instruction{first.inst}),
		Fix:   fix,
	})
}

func (t cachingTool) reruns(steps []*runStep) string {
	if len(steps) == 1 {
		return "this step reruns"
	}
	return fmt.Sprintf("one of %d steps reruns", len(steps))
}

// steps are those that call the tool; ok is false where a mount may hide from one what another has made.
func (t cachingTool) steps(p *rule.Pass, stage *dockerfile.Stage) (steps []*runStep, ok bool) {
	for _, s := range runSteps(p, stage) {
		if s.script == nil {
			return nil, false
		}
		calls := false
		for _, c := range s.script.Commands() {
			name, rest := program(c)
			switch {
			case name == t.program && slices.Contains(t.verbs, verb(rest)):
				calls = true
			case name == t.program && (verb(rest) == "clean" || verb(rest) == "cache"), mayCall(name):
				return nil, false
			}
		}
		if !calls {
			continue
		}
		if !t.inPlace(p, s.inst) {
			return nil, false
		}
		steps = append(steps, s)
	}
	return steps, true
}

// mayCall reports whether a program may start the tool without saying so.
func mayCall(name string) bool {
	return slices.Contains(callers, path.Base(name)) || strings.HasSuffix(name, ".sh") || strings.HasPrefix(name, "./")
}

// inPlace reports whether the caches of a step are where root has them in the official image, with nothing mounted there.
func (t cachingTool) inPlace(p *rule.Pass, inst *dockerfile.Instruction) bool {
	if !runsAsRoot(p, inst) {
		return false
	}
	for _, f := range inst.Flags {
		if f.Name == "mount" && strings.Contains(f.Value, "cache") || f.Name == "network" {
			return false
		}
	}
	state := p.File.StateBefore(inst)
	for _, name := range t.moved {
		if _, set := state.EnvVar(name); set || strings.Contains(p.Text(inst.Rest), name+"=") {
			return false
		}
	}
	return true
}

// copiedFrom reports whether another stage takes something that would lie in a mount, or builds on this one.
func (t cachingTool) copiedFrom(p *rule.Pass, stage *dockerfile.Stage) bool {
	for _, other := range p.File.Stages {
		if other.Parent == stage {
			return true
		}
		for _, inst := range other.Instructions {
			if p.File.From(inst) != stage {
				continue
			}
			for _, w := range inst.Sources() {
				for _, target := range t.targets {
					if within(path.Clean("/"+w.Text), target) || within(target, path.Clean("/"+w.Text)) {
						return true
					}
				}
			}
		}
	}
	return false
}
