package node

import (
	"flag"
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

var update = flag.Bool("update", false, "write what is found into the cases")

// A case is a txtar file: a Dockerfile, the context, and the facts that they give.
func TestDetect(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) < 10 {
		t.Fatalf("found %d cases, %v", len(cases), err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { checkCase(t, name) })
	}
}

func checkCase(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := listing(detectArchive(t, archive))
	for i, f := range archive.Files {
		if f.Name != "facts" {
			continue
		}
		if string(f.Data) == got {
			return
		}
		if !*update {
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

// detectArchive detects twice, to show that nothing hangs on the order of a map.
func detectArchive(t *testing.T, archive *txtar.Archive) *ecosystem.Facts {
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
	facts, err := Detect(in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Detect(in)
	if err != nil || listing(again) != listing(facts) {
		t.Fatalf("a second run differs: %v", err)
	}
	return facts
}

type lister struct{ strings.Builder }

func (l *lister) line(label string, value any, s ecosystem.Source) {
	fmt.Fprintf(l, "%s: %v", label, value)
	if s != (ecosystem.Source{}) {
		fmt.Fprintf(l, "  [%s:%d %s]", s.File, s.Line, s.Note)
	}
	l.WriteByte('\n')
}

func one[T any](l *lister, label string, f ecosystem.Fact[T]) {
	if f.Known() {
		l.line(label, f.Value, f.Source)
	}
}

func many[T any](l *lister, label string, list []ecosystem.Fact[T], show func(T) string) {
	for _, f := range list {
		l.line(label, show(f.Value), f.Source)
	}
}

// listing renders facts for people to read; what is the same for all cases is left out.
func listing(f *ecosystem.Facts) string {
	if f == nil {
		return "not Node.js\n"
	}
	l := &lister{}
	text := func(s string) string { return s }
	one(l, "version", f.Version)
	many(l, "manifest", f.Manifests, func(m ecosystem.Manifest) string { return m.Kind + " " + m.Path })
	one(l, "install reads the source", f.InstallReadsSource)
	one(l, "framework", f.Framework)
	one(l, "server", f.Server)
	one(l, "start", f.Start)
	one(l, "port", f.Port)
	one(l, "health", f.Health)
	many(l, "route", f.Routes, func(r ecosystem.Route) string { return r.Method + " " + r.Path })
	one(l, "openapi", f.OpenAPI)
	many(l, "native", f.Native, func(n ecosystem.NativeDependency) string {
		return fmt.Sprintf("%s compiles=%v musl=%v build=%v run=%v", n.Name, n.Compiles, n.MuslWheels, n.BuildDebian, n.RunDebian)
	})
	many(l, "writes", f.Writes, func(w ecosystem.Write) string {
		if w.Dir {
			return w.Path + "/"
		}
		return w.Path
	})
	many(l, "env", f.EnvRead, text)
	many(l, "program", f.Programs, text)
	many(l, "runs with", f.RunPackages, text)
	many(l, "build", f.Builds, text)
	one(l, "brings", f.DevDependencies)
	for _, e := range f.RunEnv {
		fmt.Fprintf(l, "wants %s=%s\n", e.Name, e.Value)
	}
	one(l, "fetch", f.Fetch)
	bundle(l, f)
	for _, n := range f.Notes {
		l.line("note on "+n.About, n.Text, n.Source)
	}
	return l.String()
}

func bundle(l *lister, f *ecosystem.Facts) {
	if f.HealthProbe != nil {
		fmt.Fprintf(l, "probe: %v\n", f.HealthProbe(1, "/"))
	}
	b := f.Bundle
	if b == nil {
		l.WriteString("no bundle\n")
		return
	}
	for _, c := range b.Carries {
		l.line("carries", c.From+" ("+c.Why+")", c.Source)
	}
	fmt.Fprintf(l, "bundle: source=%v finish=%q\n", b.Source, b.Finish)
}
