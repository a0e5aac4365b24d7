package static

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/factstest"
)

// A case is a txtar file: a Dockerfile, the context, and the facts that they give.
func TestDetect(t *testing.T) { factstest.Run(t, 5, Detect, listing) }

func detect(t *testing.T, docker string, context fstest.MapFS) *ecosystem.Facts {
	t.Helper()
	parsed, err := dockerfile.Parse("Dockerfile", []byte(docker))
	if err != nil {
		t.Fatal(err)
	}
	facts, err := Detect(ecosystem.Input{Context: context, Dockerfile: parsed, Final: parsed.Final()})
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// listing renders facts for people to read; what is the same for all cases is left out.
func listing(f *ecosystem.Facts) string {
	if f == nil {
		return "no static site that nginx can stand for\n"
	}
	l := &factstest.Lister{}
	factstest.Many(l, "manifest", f.Manifests, func(m ecosystem.Manifest) string { return m.Kind + " " + m.Path })
	factstest.One(l, "install reads the source", f.InstallReadsSource)
	l.Line("start", f.Start.Value, f.Start.Source)
	l.Line("port", f.Port.Value, f.Port.Source)
	factstest.Many(l, "build", f.Builds, func(command string) string { return command })
	for _, c := range f.Bundle.Carries {
		l.Line("carries", c.From+" to "+c.To, c.Source)
	}
	fmt.Fprintf(l, "runner: %s\n%s", f.Bundle.Runner.Base, f.Bundle.Runner.Files[0].Text)
	return l.String()
}

// What a service starts the image with wants Node.
func TestOtherCommand(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/single.txtar")
	if err != nil {
		t.Fatal(err)
	}
	context := fstest.MapFS{}
	for _, f := range archive.Files {
		context[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	parsed, err := dockerfile.Parse("Dockerfile", context["Dockerfile"].Data)
	if err != nil {
		t.Fatal(err)
	}
	in := ecosystem.Input{Context: context, Dockerfile: parsed, Final: parsed.Final()}
	if facts, err := Detect(in); facts == nil || err != nil {
		t.Fatalf("without one: %v %v", facts, err)
	}
	in.Commands = []ecosystem.Fact[ecosystem.Command]{{Value: ecosystem.Command{By: "the service dev", Argv: []string{"npm", "run", "dev"}}}}
	if facts, err := Detect(in); facts != nil || err != nil {
		t.Errorf("with one: %v %v", facts, err)
	}
}

func TestReadServe(t *testing.T) {
	for line, want := range map[string]server{
		"serve":                                   {name: "serve", dir: ".", port: 3000},
		"npx --yes serve@14 -s build":             {name: "serve", dir: "build", port: 3000, single: true},
		"serve --listen=tcp://0.0.0.0:80 out":     {name: "serve", dir: "out", port: 80},
		"node_modules/.bin/serve -p 8080 dist -L": {name: "serve", dir: "dist", port: 8080},
		"serve -l 127.0.0.1:80 out":               {},
		"serve -C out":                            {},
		"serve -l":                                {},
		"serve a b":                               {},
		"serve -l unix:/run/site.sock":            {},
		"http-server dist":                        {},
		"npx":                                     {},
	} {
		got, ok := readServer(strings.Fields(line), "")
		if ok != (want.name != "") || ok && got != want {
			t.Errorf("%s: got %+v, %v", line, got, ok)
		}
	}
	if s, _ := readServer([]string{"serve"}, "8000"); s.port != 8000 {
		t.Errorf("PORT=8000 gives port %d", s.port)
	}
}

// FuzzDetect gives any bytes as Dockerfile and package.json.
func FuzzDetect(f *testing.F) {
	cases, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		texts := map[string]string{}
		for _, file := range archive.Files {
			texts[file.Name] = string(file.Data)
		}
		f.Add(texts["Dockerfile"], texts["package.json"])
	}
	f.Add("FROM node\nWORKDIR /a\nCOPY . .\nRUN npm run b\nCMD npm start\n", `{"scripts": {"start": "npm start"}}`)
	f.Fuzz(func(t *testing.T, docker, pkg string) {
		parsed, err := dockerfile.Parse("Dockerfile", []byte(docker))
		if err != nil {
			return
		}
		facts, err := Detect(ecosystem.Input{Context: fstest.MapFS{"package.json": {Data: []byte(pkg)}}, Dockerfile: parsed, Final: parsed.Final()})
		if err != nil {
			t.Fatal(err)
		}
		if facts == nil {
			return
		}
		lines := strings.Count(pkg, "\n") + 1
		if s := facts.Start.Source; s.File == "package.json" && (s.Line < 1 || s.Line > lines) {
			t.Fatalf("%+v names a line that is not there", s)
		}
		if c := facts.Bundle.Carries[0]; !strings.HasPrefix(c.From, "/") || facts.Port.Value < 1024 || facts.Port.Value > 65535 {
			t.Fatalf("%+v is carried, port %d", c, facts.Port.Value)
		}
	})
}
