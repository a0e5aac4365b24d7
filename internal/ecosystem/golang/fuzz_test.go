package golang

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// FuzzDetect gives any bytes as source, go.mod and Dockerfile.
func FuzzDetect(f *testing.F) {
	cases, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		docker, source, mod := "", "", ""
		for _, file := range archive.Files {
			switch {
			case file.Name == "Dockerfile":
				docker = string(file.Data)
			case file.Name == "go.mod":
				mod = string(file.Data)
			case strings.HasSuffix(file.Name, "main.go"):
				source = string(file.Data)
			}
		}
		f.Add(docker, source, mod)
	}
	const docker, mod = "FROM golang:1.22\nWORKDIR /a\nCOPY . .\nRUN go build -o a\nCMD [\"./a\"]\n", "module m\n\ngo 1.22\n"
	// Values that name themselves, values of many values, and formats that are cut short.
	f.Add(docker, "package main\n\nimport \"os\"\n\nvar a, b = b, a\n\nfunc main() { x := a; x = x + x; os.Open(x + a + b); os.Create(x) }\n", mod)
	f.Add(docker, "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\ntype t struct{ f string }\n\nfunc main() {\n\tv := t{f: \"a\"}\n\tv.f = v.f + v.f\n\tos.Open(fmt.Sprintf(\"%s%\", v.f))\n}\n", mod)
	f.Add("FROM golang\nRUN go -C / build -C && mv && go install ./... \"\" -o\nCMD go run\n", "package main", "module m/v2\nreplace m => ../..\n")
	f.Fuzz(func(t *testing.T, docker, source, mod string) {
		parsed, err := dockerfile.Parse("Dockerfile", []byte(docker))
		if err != nil {
			return
		}
		context := fstest.MapFS{"main.go": {Data: []byte(source)}, "go.mod": {Data: []byte(mod)}, "data/a.txt": {}}
		facts, err := Detect(ecosystem.Input{Context: context, Dockerfile: parsed, Final: parsed.Final()})
		if err != nil {
			t.Fatal(err)
		}
		if facts != nil {
			checkFacts(t, facts, strings.Count(source, "\n")+1)
		}
	})
}

// checkFacts holds that each fact of the source names a line that exists, and that what is carried has one place.
func checkFacts(t *testing.T, facts *ecosystem.Facts, lines int) {
	t.Helper()
	check := func(what any, s ecosystem.Source) {
		if s.File != "main.go" || s.Line < 1 || s.Line > lines {
			t.Fatalf("%+v is proven by line %d of %s, which has %d", what, s.Line, s.File, lines)
		}
	}
	for _, w := range facts.Writes {
		check(w, w.Source)
	}
	for _, r := range facts.Routes {
		check(r, r.Source)
	}
	if facts.Port.Known() && (facts.Port.Value < 1 || facts.Port.Value > 65535) {
		t.Fatalf("port %d", facts.Port.Value)
	}
	if facts.Bundle == nil {
		return
	}
	for _, c := range facts.Bundle.Carries {
		if !strings.HasPrefix(c.From, "/") || !strings.HasPrefix(c.To, "/") || c.Source.File == "" {
			t.Fatalf("%+v is carried", c)
		}
	}
}
