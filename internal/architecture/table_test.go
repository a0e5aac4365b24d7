package architecture

// floors says on which floor a package stands. A package imports only from
// floors below its own. "x/..." is x and all below it; the longest entry that fits counts.
// A package that no entry fits fails the test: add it here, and to docs/architecture.md.
var floors = map[string]int{
	"internal/dockerfile": 0,
	"internal/edit":       0,
	"internal/blame":      0,
	"internal/buildctx":   0,
	"internal/image":      0,
	"internal/registry":   0,
	"internal/engine":     0,
	"internal/compose":    0,
	"internal/procfs":     0,

	"internal/project":   1,
	"internal/ecosystem": 1,
	"internal/finding":   1,
	"internal/plan":      1,
	"internal/measure":   1,
	"internal/report":    1,
	"internal/shell":     1,
	"internal/secret":    1,
	"internal/agent":     1,
	"internal/history":   1,

	"internal/rule":            2,
	"internal/ecosystem/...":   2,
	"internal/engine/buildkit": 2,
	"internal/engine/embedded": 2,
	"internal/engine/docker":   2,
	"internal/engine/remote":   2,
	// The suite that engines are tested with.
	"internal/engine/enginetest/...": 2,
	"internal/buildkitlint":          2,
	"internal/inspect":               2,
	"internal/probe":                 2,
	"internal/replay":                2,

	"internal/rules":      3,
	"internal/rewrite":    3,
	"internal/observe":    3,
	"internal/report/...": 3,

	"internal/app": 4,

	"internal/cli": 5,

	"cmd/...":             6,
	"internal/rules/gen":  6,
	"internal/rules/docs": 6,

	// The stand-ins are a house of their own: see islands.
	"testbase/...": 0,

	"e2e/...": 7,

	// Tests alone.
	"internal/architecture": 7,
}

// neighbours are the imports allowed within one floor. A package may also
// import what lies below it in the tree, on its own floor.
var neighbours = []struct{ from, to string }{
	{"internal/image", "internal/registry"},
	{"internal/ecosystem", "internal/finding"},
	{"internal/project", "internal/ecosystem"},
	{"internal/project", "internal/history"},
	{"internal/rule", "internal/replay"},
	{"internal/plan", "internal/finding"},
	{"internal/measure", "internal/finding"},
	{"internal/report", "internal/finding"},
	{"internal/report", "internal/measure"},
	{"internal/report", "internal/plan"},
	{"internal/ecosystem/...", "internal/ecosystem/container"},
	{"internal/ecosystem/...", "internal/ecosystem/factstest"},
	{"internal/ecosystem/registry", "internal/ecosystem/..."},
	{"internal/engine/embedded", "internal/engine/buildkit"},
	{"internal/engine/docker", "internal/engine/buildkit"},
	{"internal/engine/remote", "internal/engine/buildkit"},
	{"internal/engine/...", "internal/engine/enginetest"},
	{"testbase/...", "testbase/..."},
}

// islands are trees that import nothing of the module but themselves, and that
// nothing but tests import.
var islands = []string{"testbase/..."}

// fence keeps a library in the packages that are made for it, so that it can be replaced there.
type fence struct {
	modules []string // import path prefixes
	within  []string // packages that may import them
	tests   bool     // tests anywhere may too: the library judges what plimsoll does itself
}

var fences = []fence{
	{
		modules: []string{"github.com/moby/buildkit", "github.com/tonistiigi/fsutil", "github.com/containerd/containerd/v2", "github.com/containerd/platforms"},
		within:  []string{"internal/engine/...", "internal/buildkitlint"},
		tests:   true,
	},
	{modules: []string{"github.com/containerd/containerd/api"}, within: []string{"internal/image"}, tests: true},
	{modules: []string{"github.com/moby/moby", "github.com/docker/go-connections"}, within: []string{"internal/engine/..."}},
	// Docker's command line as a library: its contexts, and its logins.
	{modules: []string{"github.com/docker/cli", "github.com/docker/docker-credential-helpers"}, within: []string{"internal/engine/...", "internal/registry"}},
	{modules: []string{"github.com/moby/patternmatcher"}, within: []string{"internal/buildctx"}},
	{modules: []string{"github.com/compose-spec"}, within: []string{"internal/compose"}},
	// Workspaces of pnpm, and yarn's settings.
	{modules: []string{"go.yaml.in"}, within: []string{"internal/compose", "internal/ecosystem/node"}},
	{modules: []string{"github.com/google/go-containerregistry"}, within: []string{"internal/image", "testbase/..."}, tests: true},
	{modules: []string{"mvdan.cc/sh"}, within: []string{"internal/shell"}},
	{modules: []string{"github.com/zricethezav/gitleaks"}, within: []string{"internal/secret"}},
	{modules: []string{"charm.land", "github.com/charmbracelet"}, within: []string{"internal/report/term", "internal/cli"}, tests: true},
	// Templates call methods by their names. Where they are linked, all methods of all types are: 9 MB.
	{modules: []string{"html/template", "text/template"}, within: []string{"testbase/..."}, tests: true},
	{modules: []string{"github.com/spf13"}, within: []string{"internal/cli"}},
}

// vague are names that say nothing about what a package is for.
var vague = []string{"util", "utils", "common", "helper", "helpers", "misc"}

// exits are the packages that may end the process: commands, each in its main.
var exits = []string{"cmd/...", "testbase", "testbase/archive", "internal/rules/gen", "internal/rules/docs"}
