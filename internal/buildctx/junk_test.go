package buildctx

import (
	"fmt"
	"strings"
	"testing"
)

func junkLines(t *testing.T, c *Context, classes []Class) string {
	t.Helper()
	found, err := c.Junk(classes)
	must(t, err)
	var b strings.Builder
	for _, j := range found {
		fmt.Fprintf(&b, "%s: %d files, %d bytes, ignore %s;", j.What, j.Files, j.Bytes, strings.Join(j.Patterns, " "))
		for _, p := range j.Paths {
			fmt.Fprintf(&b, " %s=%d", p.Path, p.Bytes)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestJunk(t *testing.T) {
	c := walk(t, tree(t, "main.py=x",
		".git/objects/ab=123456789", "sub/.git/HEAD=1",
		"my env/pyvenv.cfg=", "my env/lib/node_modules/x=12345678", "venv/legit.py=not an environment",
		"__pycache__/a.pyc=12345", "old.pyc=1",
		"node_modules/x/y.js=1234", "ignored/node_modules/x=1",
		".dockerignore=ignored"), "")
	want := `version control: 2 files, 10 bytes, ignore **/.git; .git=9 sub/.git=1
virtual environment: 2 files, 8 bytes, ignore my env; my env=8
image definition: 1 files, 7 bytes, ignore **/.dockerignore; .dockerignore=7
byte code: 1 files, 5 bytes, ignore **/__pycache__; __pycache__=5
installed packages: 1 files, 4 bytes, ignore **/node_modules; node_modules=4
byte code: 1 files, 1 bytes, ignore **/*.py[cod]; old.pyc=1
`
	if got := junkLines(t, c, Classes()); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestJunkCountsAFileOnce(t *testing.T) {
	c := walk(t, tree(t, "a/b/f=1", "a/g=22"), "")
	got := junkLines(t, c, []Class{{Pattern: "a/b", What: "inner"}, {Pattern: "a", What: "outer"}, {Pattern: "**/g", What: "file"}})
	if want := "outer: 2 files, 3 bytes, ignore a; a=3\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
}

func TestJunkIsGoneOnceItsPatternsAreIgnored(t *testing.T) {
	c := walk(t, tree(t, "e*[1]/pyvenv.cfg=1", "#b/pyvenv.cfg=1", "!c/pyvenv.cfg=1", "x/.git/y=1", "z.pyc=1"), "")
	found, err := c.Junk(Classes())
	must(t, err)
	var ignore []string
	for _, j := range found {
		ignore = append(ignore, j.Patterns...)
	}
	c, err = c.WithIgnore(".dockerignore", []byte(strings.Join(ignore, "\n")))
	must(t, err)
	if left := junkLines(t, c, Classes()); left != "" || len(found) != 3 {
		t.Errorf("left %q of %d classes", left, len(found))
	}
}

func TestClassesAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, class := range Classes() {
		if class.What == "" || (class.Pattern == "") == (class.Marker == "") {
			t.Errorf("%+v: wants a name and a pattern or a marker", class)
		}
		if seen[class.Pattern+class.Marker] {
			t.Errorf("%+v is there twice", class)
		}
		seen[class.Pattern+class.Marker] = true
	}
}
