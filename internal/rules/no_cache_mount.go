package rules

import (
	"fmt"
	"path"
	"regexp"
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
		Fix:   "Adds the mounts to every step of the stage that calls the tool, so that none misses what another has put there. Wants BuildKit, as every Docker since 23.0 builds with. Left out where a script may call the tool, where the place was moved, where the step cleans up or takes all from the cache, and where another stage copies from there.",
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
	// home is a variable with the folder that the cache is in, under the name of the target's last part.
	home string
	// settings matches what moves the cache, or makes what is installed depend on it, in the files of settings that are named.
	settings *regexp.Regexp
	files    []string
}

// cachingTools have the places of their official images, for root: go help cache and GOMODCACHE,
// npm help config (cache), yarn cache dir, and of pnpm the setting store-dir. pnpm looks whether it can link files from the
// folder above its store: a mount there would make it put the store elsewhere, one on the store itself makes it copy files in
// place of linking them, so that node_modules has them once the mount is gone.
var cachingTools = []cachingTool{
	{
		program: "go", verbs: []string{"build", "install", "mod", "get", "generate", "test", "vet", "list"}, image: "golang",
		targets: []string{"/go/pkg/mod", "/root/.cache/go-build"}, moved: []string{"GOPATH", "GOMODCACHE", "GOCACHE", "HOME", "XDG_CACHE_HOME"},
	},
	{program: "npm", verbs: []string{"ci", "install", "i"}, image: "node", targets: []string{"/root/.npm"}, moved: []string{"npm_config_cache", "NPM_CONFIG_CACHE", "HOME"}},
	{
		program: "pnpm", verbs: []string{"install", "i", "ci", "add", "fetch", "deploy", "prune", "update", "up", "rebuild", "dedupe"}, image: "node",
		targets: []string{"/root/.local/share/pnpm/store"}, home: "PNPM_HOME",
		moved:    []string{"npm_config_store_dir", "NPM_CONFIG_STORE_DIR", "pnpm_config_store_dir", "PNPM_CONFIG_STORE_DIR", "HOME", "XDG_DATA_HOME"},
		settings: regexp.MustCompile(`(?i)store-?dir|global-?virtual-?store`), files: []string{".npmrc", "pnpm-workspace.yaml", "package.json"},
	},
	{program: "yarn", verbs: []string{"install", ""}, image: "node", targets: []string{"/usr/local/share/.cache/yarn"}, moved: []string{"YARN_CACHE_FOLDER", "HOME", "XDG_CACHE_HOME"}},
}

// callers are programs that may call any tool.
var callers = []string{"make", "task", "mage", "just", "bazel", "sh", "bash", "npx", "python", "python3", "node"}

func checkNoCacheMount(p *rule.Pass) error {
	if p.File.StageNamed("scratch") != nil {
		return nil // BuildKit begins an empty cache from scratch, and would take the stage of that name
	}
	for _, stage := range p.File.Stages {
		if ships(p, stage) || stage.Parent != nil && !ships(p, stage.Parent) {
			continue
		}
		for _, tool := range cachingTools {
			if officialBase(p, stage) == tool.image && !runsFromCache(p, tool.program) {
				tool.check(p, stage)
			}
		}
	}
	return nil
}

// check looks at a stage and all that are built on it.
func (t cachingTool) check(p *rule.Pass, stage *dockerfile.Stage) {
	steps, ok := t.steps(p, stage)
	if !ok || len(steps) == 0 || t.setApart(p) {
		return
	}
	if t.targets, ok = t.placesOf(p, steps); !ok || t.copiedFrom(p, stage) {
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
	for _, other := range p.File.Stages {
		above := other != stage && buildsOn(stage, other)
		if !above && !buildsOn(other, stage) {
			continue
		}
		for _, s := range runSteps(p, other) {
			calls, known := t.calledBy(s)
			switch {
			case above && (calls || !known):
				return nil, false // it ships, and gets no mount
			case !known:
				return nil, false
			case calls && !t.inPlace(p, s.inst):
				return nil, false
			case calls:
				steps = append(steps, s)
			}
		}
	}
	return steps, true
}

// calledBy reports whether a step calls the tool; known is false where it can't be told, or where the step cleans up.
func (t cachingTool) calledBy(s *runStep) (calls, known bool) {
	if s.script == nil {
		return false, false
	}
	for _, c := range s.script.Commands() {
		name, rest := program(c)
		switch {
		case name == t.program && t.upsets(verb(rest)), mayCall(name), name == "corepack" && verb(rest) == t.program:
			return false, false
		case name == t.program && t.uses(rest):
			calls = true
		}
	}
	return calls, true
}

// upsets reports whether a subcommand cleans the cache up or, where settings move it, may do so.
func (t cachingTool) upsets(verb string) bool {
	return verb == "clean" || verb == "cache" || t.settings != nil && slices.Contains([]string{"store", "config", "set"}, verb)
}

// uses reports whether a command reads or fills the cache. Where options with values stand before the verb, any word may be it.
func (t cachingTool) uses(rest []shellWord) bool {
	if slices.Contains(t.verbs, verb(rest)) {
		return true
	}
	if t.settings == nil {
		return false
	}
	for _, w := range rest {
		if w.Text == "run" || w.Text == "exec" {
			return false
		}
		if slices.Contains(t.verbs, w.Text) {
			return true
		}
	}
	return false
}

// setApart reports whether settings of the project put the cache elsewhere, or where they can't be read.
func (t cachingTool) setApart(p *rule.Pass) bool {
	if t.settings == nil || p.Context == nil {
		return t.settings != nil
	}
	for _, e := range p.Context.Entries {
		if !e.Mode.IsRegular() || !slices.Contains(t.files, path.Base(e.Path)) || strings.Contains(e.Path, "node_modules/") {
			continue
		}
		if text, err := p.ReadText(e.Path); err != nil || t.settings.MatchString(text) {
			return true
		}
	}
	return false
}

// placesOf are where the steps have the cache: all of them at the same place.
func (t cachingTool) placesOf(p *rule.Pass, steps []*runStep) (places []string, ok bool) {
	for i, s := range steps {
		here := t.targets
		state := p.File.StateBefore(s.inst)
		if v, set := state.EnvVar(t.home); set && t.home != "" {
			if !path.IsAbs(v.Value) || strings.ContainsAny(v.Value, "$ \"'") {
				return nil, false
			}
			here = []string{path.Join(v.Value, path.Base(t.targets[0]))}
		}
		if i > 0 && !slices.Equal(places, here) {
			return nil, false
		}
		places = here
	}
	return places, true
}

// mayCall reports whether a program may start the tool without saying so.
func mayCall(name string) bool {
	return slices.Contains(callers, path.Base(name)) || strings.HasSuffix(name, ".sh") || strings.HasPrefix(name, "./")
}

// inPlace reports whether the caches of a step are where root has them in the official image, with nothing mounted there.
func (t cachingTool) inPlace(p *rule.Pass, inst *dockerfile.Instruction) bool {
	if !runsAsRoot(p, inst) || offline(p, inst) {
		return false
	}
	for _, f := range inst.Flags {
		if f.Name == "mount" && strings.Contains(f.Value, "cache") || f.Name == "network" {
			return false
		}
	}
	state, text := p.File.StateBefore(inst), p.Text(inst.Rest)
	for _, name := range t.moved {
		if _, set := state.EnvVar(name); set || strings.Contains(text, name+"=") {
			return false
		}
	}
	return (t.home == "" || !strings.Contains(text, t.home+"=")) && (t.settings == nil || !t.settings.MatchString(text) && !strings.Contains(text, " -g") && !strings.Contains(text, "--global"))
}

// offline reports whether a step takes all from the cache. A mount may be empty while the build cache has the step that filled it.
func offline(p *rule.Pass, inst *dockerfile.Instruction) bool {
	state := p.File.StateBefore(inst)
	proxy, _ := state.EnvVar("GOPROXY")
	text := p.Text(inst.Rest)
	return proxy.Value == "off" || strings.Contains(text, "GOPROXY=off") || strings.Contains(text, "--offline")
}

// copiedFrom reports whether another stage takes something that would lie in a mount.
func (t cachingTool) copiedFrom(p *rule.Pass, stage *dockerfile.Stage) bool {
	for _, other := range p.File.Stages {
		for _, inst := range other.Instructions {
			if from := p.File.From(inst); from == nil || !buildsOn(from, stage) {
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
