package node

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// FuzzTokens holds that each token's line lies within the source, in order, and that all facts can be looked for.
func FuzzTokens(f *testing.F) {
	for _, seed := range []string{
		"", "`", "`${", "`${`${'}'}`}`", "'\\", "/*", "/[/", "a/b/c", "x = y / 2; /re/.test('a')", "app.get(", "listen((((((", "const a = b, b = a; listen(a)",
		"fs.writeFile(path.join(__dirname, `${a}`", "const a = `${a}`; fs.mkdir(a)", "use('/', use('/'", "} = process.env", "#!/usr/bin/env node",
	} {
		f.Add(seed)
	}
	df, err := dockerfile.Parse("Dockerfile", []byte("FROM node:20\nWORKDIR /app\nCOPY . .\nRUN npm i\nCMD node a.js\n"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, src string) {
		last, lines := 1, strings.Count(src, "\n")+1
		for _, tok := range tokens(src) {
			if tok.line < last || tok.line > lines {
				t.Fatalf("line %d after line %d of %d", tok.line, last, lines)
			}
			last = tok.line
		}
		context := fstest.MapFS{"a.js": {Data: []byte(src)}, "package.json": {Data: []byte(`{"dependencies":{"a":"1"}}`)}}
		if _, err := Detect(ecosystem.Input{Context: context, Dockerfile: df}); err != nil {
			t.Fatal(err)
		}
	})
}

// TestHostileSource holds that sources made to be slow to read are not: names that stand for each
// other many times over, and calls that never close.
func TestHostileSource(t *testing.T) {
	var chain strings.Builder
	for i := range 25 {
		fmt.Fprintf(&chain, "const n%d = n%d+n%d+n%d+n%d;\n", i, i+1, i+1, i+1, i+1)
	}
	df, err := dockerfile.Parse("Dockerfile", []byte("FROM node:20\nWORKDIR /app\nCOPY . .\nCMD node a.js\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]string{
		"chain": chain.String() + "app.listen(n0)", "open calls": strings.Repeat("x.use(", 100_000), "open joins": strings.Repeat("fs.mkdir(join(", 60_000), "open templates": strings.Repeat("`${", 200_000),
		"mounts": "import y from './y';" + strings.Repeat("a.use(x);a.use(y);", 21_000), "loads": strings.Repeat("a.use(require('./x'));", 40_000),
	} {
		begin := time.Now()
		if _, err := Detect(ecosystem.Input{Context: fstest.MapFS{"a.js": {Data: []byte(src)}}, Dockerfile: df}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took > 15*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
		t.Logf("%s: %s", name, time.Since(begin))
	}
}

func FuzzManifest(f *testing.F) {
	for _, seed := range []string{"", "{", `{"a":`, `{"a":[`, `{"a":[{`, `{"scripts":{"a":"b"}}`, `{"a":{"b":{"c":{"d":{"e":1}}}}}`, `[]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, src string) {
		m := readManifest(fstest.MapFS{"package.json": {Data: []byte(src)}}, "package.json")
		if m == nil {
			return
		}
		for _, e := range m.entries {
			if e.line < 1 || e.line > strings.Count(src, "\n")+1 {
				t.Fatalf("%+v is outside", e)
			}
		}
	})
}
