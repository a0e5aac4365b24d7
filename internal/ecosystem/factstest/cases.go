// Package factstest runs the cases of a detector's tests: txtar files with a Dockerfile, a context, and the facts that
// they give, as text. Only tests import it.
package factstest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// Detect is what is tested.
type Detect func(ecosystem.Input) (*ecosystem.Facts, error)

// Run holds every case below testdata to its facts, as list writes them; there must be at least some cases. With
// PLIMSOLL_UPDATE set, it writes what is found into them.
func Run(t *testing.T, least int, detect Detect, list func(*ecosystem.Facts) string) {
	t.Helper()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) < least {
		t.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { check(t, name, detect, list) })
	}
}

func check(t *testing.T, name string, detect Detect, list func(*ecosystem.Facts) string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := list(inArchive(t, archive, detect, list))
	for i, f := range archive.Files {
		if f.Name != "facts" {
			continue
		}
		if string(f.Data) == got {
			return
		}
		if os.Getenv("PLIMSOLL_UPDATE") == "" {
			t.Errorf("got:\n%s\nwant:\n%s", got, f.Data)
			return
		}
		archive.Files[i].Data = []byte(got)
		if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("the case has no facts")
}

// inArchive detects twice, to show that nothing hangs on the order of a map.
func inArchive(t *testing.T, archive *txtar.Archive, detect Detect, list func(*ecosystem.Facts) string) *ecosystem.Facts {
	t.Helper()
	var in ecosystem.Input
	context := fstest.MapFS{}
	for _, f := range archive.Files {
		switch f.Name {
		case "facts":
		case "Dockerfile":
			parsed, err := dockerfile.Parse("Dockerfile", f.Data)
			if err != nil {
				t.Fatal(err)
			}
			in.Dockerfile, in.Final = parsed, parsed.Final()
		default:
			context[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	in.Context = context
	facts, err := detect(in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := detect(in)
	if err != nil || list(again) != list(facts) {
		t.Fatalf("a second run differs: %v", err)
	}
	return facts
}

// Lister writes facts for people to read, a line each.
type Lister struct{ strings.Builder }

// Line writes a value with the place that proves it.
func (l *Lister) Line(label string, value any, s ecosystem.Source) {
	fmt.Fprintf(l, "%s: %v", label, value)
	if s != (ecosystem.Source{}) {
		fmt.Fprintf(l, "  [%s:%d %s]", s.File, s.Line, s.Note)
	}
	l.WriteByte('\n')
}

// One writes a fact that is known.
func One[T any](l *Lister, label string, f ecosystem.Fact[T]) {
	if f.Known() {
		l.Line(label, f.Value, f.Source)
	}
}

// Many writes facts of one kind.
func Many[T any](l *Lister, label string, list []ecosystem.Fact[T], show func(T) string) {
	for _, f := range list {
		l.Line(label, show(f.Value), f.Source)
	}
}
