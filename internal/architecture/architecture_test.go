// Package architecture holds the house to its plan: which package may import
// which, and where libraries are fenced in. It reads the files itself: a test that asks "go
// list" is served from Go's test cache and passes on a forbidden import.
package architecture

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestArchitecture(t *testing.T) {
	sources := parseModule(t, moduleRoot(t))
	used := map[string]bool{}
	for _, s := range sources {
		used[s.pkg()] = true
		for _, fault := range check(s) {
			t.Error(fault)
		}
	}
	const few = 20
	if len(used) < few {
		t.Fatalf("only %d packages were found: the walk is broken", len(used))
	}
	t.Logf("%d files in %d packages", len(sources), len(used))
}

// TestForbidden shows that the checker says no.
func TestForbidden(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"internal/edit/edit.go", `import "github.com/plimsoll/plimsoll/internal/rule"`, "above internal/edit on floor 0"},
		{"internal/edit/edit_test.go", `import "github.com/plimsoll/plimsoll/internal/cli"`, "above internal/edit on floor 0"},
		{"internal/finding/f.go", `import "github.com/plimsoll/plimsoll/internal/plan"`, "not in the list of neighbours"},
		{"internal/ecosystem/node/n.go", `import "github.com/plimsoll/plimsoll/internal/ecosystem/python"`, "not in the list of neighbours"},
		{"internal/rewrite/r.go", `import "github.com/plimsoll/plimsoll/internal/rules"`, "not in the list of neighbours"},
		{"internal/rule/r.go", `import "github.com/plimsoll/plimsoll/internal/new"`, "it stands on no floor"},
		{"internal/new/n.go", ``, "add it to floors"},
		{"internal/app/a.go", `import "github.com/plimsoll/plimsoll/testbase/server"`, "testbase/... stands alone"},
		{"testbase/server/s.go", `import "github.com/plimsoll/plimsoll/internal/image"`, "testbase/... stands alone"},
		{"internal/dockerfile/d.go", `import "github.com/moby/buildkit/frontend/dockerfile/parser"`, "only internal/engine/... and internal/buildkitlint may"},
		{"internal/rules/r.go", `import "mvdan.cc/sh/v3/syntax"`, "only internal/shell may"},
		{"internal/rules/r_test.go", `import "mvdan.cc/sh/v3/syntax"`, "only internal/shell may"},
		{"internal/report/json/j.go", `import "charm.land/lipgloss/v2"`, "only internal/report/term and internal/cli may"},
		{"internal/rules/util/u.go", ``, "add it to floors"},
		{"internal/report/common/c.go", ``, "name it after what it is for"},
		{"internal/rules/r.go", `func init() {}`, "func init"},
		{"internal/app/a.go", `import system "os"; func f() { system.Exit(1) }`, "os.Exit"},
		{"internal/app/a.go", `import "os"; var exit = os.Exit`, "os.Exit"},
	} {
		faults := strings.Join(check(parse(t, c.name, c.text)), "\n")
		if !strings.Contains(faults, c.want) {
			t.Errorf("%s: %s\ngot fault %q\nwant %q", c.name, c.text, faults, c.want)
		}
	}
}

// TestAllowed shows that it does not say no to everything.
func TestAllowed(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"internal/rule/r.go", `import "github.com/plimsoll/plimsoll/internal/edit"`},
		{"internal/rules/r_test.go", `import "github.com/plimsoll/plimsoll/internal/rewrite"`},
		{"internal/ecosystem/python/p.go", `import "github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"`},
		{"internal/ecosystem/node/n.go", `import "github.com/plimsoll/plimsoll/internal/ecosystem/container"`},
		{"internal/dockerfile/d_test.go", `import "github.com/moby/buildkit/frontend/dockerfile/parser"`},
		{"internal/rule/r.go", `import "github.com/moby/buildkitten"`},
		{"e2e/e_test.go", `import "github.com/plimsoll/plimsoll/testbase/server"`},
		{"cmd/plimsoll/main.go", `import "os"; func main() { os.Exit(0) }`},
		{"internal/edit/e.go", `type t struct{}; func (t) init() {}`},
	} {
		for _, fault := range check(parse(t, c.name, c.text)) {
			t.Error(fault)
		}
	}
}

func parse(t *testing.T, name, text string) source {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, "package p; "+text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{name: name, file: file}
}

// parseModule parses every Go file of the module, whatever its build tags say.
func parseModule(t *testing.T, root string) (sources []source) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != root && foreign(name, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		sources = append(sources, source{name: filepath.ToSlash(rel), file: file})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

// foreign folders hold no package of this module.
func foreign(name, base string) bool {
	if base == "testdata" || base == "vendor" || base == "bin" || strings.HasPrefix(base, ".") {
		return true
	}
	_, err := os.Stat(filepath.Join(name, "go.mod"))
	return err == nil
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
}
