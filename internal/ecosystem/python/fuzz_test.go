package python

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// FuzzDetect gives any bytes as source, requirements and Dockerfile.
func FuzzDetect(f *testing.F) {
	cases, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		docker, source, reqs := "", "", ""
		for _, file := range archive.Files {
			switch {
			case file.Name == "Dockerfile":
				docker = string(file.Data)
			case strings.HasSuffix(file.Name, ".py"):
				source += string(file.Data)
			case strings.HasSuffix(file.Name, ".txt"):
				reqs += string(file.Data)
			}
		}
		f.Add(docker, source, reqs)
	}
	f.Add("FROM python\nCOPY . /\nCMD python main.py", "a = b\nb = a\nopen(a, 'w')\nx = x + x\nopen(x, 'w')", "-r requirements.txt")
	f.Add("FROM python\nCOPY . /\nCMD python main.py", "from main import *\nfrom . import main as m\nopen(m.m.q, 'w'); open(zz, 'w')\napp.include_router(app)", "")
	// Routers that mount each other again and again; an f-string of many fields.
	f.Add("FROM python\nCOPY . /\nCMD python main.py", "from fastapi import FastAPI as F\na=F()\nb=F()\n"+strings.Repeat("a.include_router(b)\nb.include_router(a)\n", 50), "")
	f.Add("FROM python\nCOPY . /\nCMD python main.py", "f'"+strings.Repeat("{f'{f'{a}'}'}", 200)+"'", "")
	f.Fuzz(func(t *testing.T, docker, source, reqs string) {
		parsed, err := dockerfile.Parse("Dockerfile", []byte(docker))
		if err != nil {
			return
		}
		context := fstest.MapFS{"main.py": {Data: []byte(source)}, "requirements.txt": {Data: []byte(reqs)}}
		facts, err := Detect(ecosystem.Input{Context: context, Dockerfile: parsed, Final: parsed.Final()})
		if err != nil {
			t.Fatal(err)
		}
		if facts != nil {
			checkSources(t, facts, strings.Count(source, "\n")+strings.Count(source, "\r")+1)
		}
	})
}

// checkSources holds that each fact names a line that exists.
func checkSources(t *testing.T, facts *ecosystem.Facts, lines int) {
	t.Helper()
	for _, w := range facts.Writes {
		if w.Source.File != "main.py" || w.Source.Line < 1 || w.Source.Line > lines {
			t.Fatalf("%+v is proven by a line out of %d", w, lines)
		}
	}
	for _, r := range facts.Routes {
		if r.Source.File != "main.py" || r.Source.Line < 1 || r.Source.Line > lines {
			t.Fatalf("%+v is proven by a line out of %d", r, lines)
		}
	}
	if facts.Port.Known() && (facts.Port.Value < 1 || facts.Port.Value > 65535) {
		t.Fatalf("port %d", facts.Port.Value)
	}
}

// TestCorpus runs real Dockerfiles without their contexts.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_CORPUS")
	if dir == "" {
		t.Skip("PLIMSOLL_CORPUS does not name a folder of Dockerfiles")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.Dockerfile"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Dockerfiles in %s: %v", dir, err)
	}
	python, start, port, manifests := 0, 0, 0, 0
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := dockerfile.Parse("Dockerfile", src)
		if err != nil {
			continue
		}
		context := fstest.MapFS{"requirements.txt": {Data: []byte("flask\n")}}
		facts, err := Detect(ecosystem.Input{Context: context, Dockerfile: parsed, Final: parsed.Final()})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
		}
		if facts == nil {
			continue
		}
		python++
		for _, known := range []struct {
			is    bool
			count *int
		}{{facts.Start.Known(), &start}, {facts.Port.Known(), &port}, {len(facts.Manifests) > 0, &manifests}} {
			if known.is {
				*known.count++
			}
		}
	}
	t.Logf("%d files, %d Python, of these with start %d, port %d, requirements.txt seen to be installed %d", len(files), python, start, port, manifests)
}
