package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/rules"
)

// written is where the pages are, seen from this test.
const written = "../../../docs/rules"

func TestPagesAreFresh(t *testing.T) {
	want := pages(rules.All())
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(written, name))
		if err != nil || string(got) != text {
			t.Errorf("docs/rules/%s is stale: run go generate ./... (%v)", name, err)
		}
	}
	names, err := filepath.Glob(filepath.Join(written, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, ok := want[filepath.Base(name)]; !ok {
			t.Errorf("docs/rules/%s is of a rule that is gone: run go generate ./...", filepath.Base(name))
		}
	}
}

var link = regexp.MustCompile(`\]\(([^):#]+)(#[^)]*)?\)`)

func TestLinksBetweenPages(t *testing.T) {
	all := pages(rules.All())
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, ok := all[m[1]]; !ok {
				t.Errorf("%s links to %s, which is not written", name, m[1])
			}
		}
	}
}

func TestPage(t *testing.T) {
	got := page(&rule.Rule{
		ID: "size/sail", Severity: finding.Warning, Safety: finding.Unsafe, Needs: []rule.Need{rule.NeedContext},
		Doc: rule.Doc{
			Summary: "The sail is <big>.", What: "It is.", Why: "It tips.",
			Before: "-- Dockerfile --\nFROM a\nRUN big\n",
			After:  "-- Dockerfile --\nFROM a\nRUN small\n-- .dockerignore --\n```\n",
			Fix:    "Reefs.", Proof: "Sails.", Links: []string{"https://example.com/sail"},
		},
	})
	for _, want := range []string{
		"# size/sail\n", "&lt;big>", "Severity: **warning**", "Fix: **proven**", "Needs the build context",
		"```dockerfile\nFROM a\nRUN big\n```", "-RUN big\n+RUN small\n", "`.dockerignore`, new\n\n````\n```\n````",
		"# plimsoll ignore=size/sail", "<https://example.com/sail>", "Reefs.", "Sails.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
}

func TestFamilyListsChecks(t *testing.T) {
	got := page(&rule.Rule{ID: "build/*", Safety: finding.Display})
	for _, want := range []string{"build/DuplicateStageName | error", "check=skip=", "ignore=build/"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page lacks %q:\n%s", want, got)
		}
	}
}

func TestWriteRemovesWhatIsGone(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir, map[string]string{"a.md": "a", "b.md": "b"}); err != nil {
		t.Fatal(err)
	}
	if err := write(dir, map[string]string{"b.md": "c"}); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("left: %v (%v)", left, err)
	}
	if text, _ := os.ReadFile(left[0]); string(text) != "c" {
		t.Errorf("b.md holds %q", text)
	}
}
