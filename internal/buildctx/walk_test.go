package buildctx

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// tree writes a folder: "path" or "path=content", "path/" for a directory, "path -> target" for a link.
func tree(t testing.TB, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		name, target, isLink := strings.Cut(f, " -> ")
		name, content, _ := strings.Cut(name, "=")
		full := filepath.Join(root, name)
		dir := filepath.Dir(full)
		if strings.HasSuffix(name, "/") {
			dir = full
		}
		must(t, os.MkdirAll(dir, 0o755))
		switch {
		case isLink:
			must(t, os.Symlink(target, full))
		case dir != full:
			must(t, os.WriteFile(full, []byte(content), 0o644))
		}
	}
	return root
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func walk(t testing.TB, root, dockerfile string) *Context {
	t.Helper()
	c, err := Walk(context.Background(), root, dockerfile)
	must(t, err)
	return c
}

func sentFiles(c *Context) string {
	var out []string
	for _, e := range c.Entries {
		if !e.Ignored && !e.Mode.IsDir() {
			out = append(out, e.Path)
		}
	}
	return strings.Join(out, " ")
}

func TestIgnoreFile(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/ignore.txtar")
	must(t, err)
	for _, f := range archive.Files {
		t.Run(f.Name, func(t *testing.T) {
			sections := strings.SplitN(string(f.Data), "---\n", 3)
			if len(sections) != 3 {
				t.Fatal("want files, ignore file and what is sent")
			}
			c := walk(t, tree(t, strings.Fields(sections[0])...), "")
			c, err := c.WithIgnore(".dockerignore", []byte(sections[1]))
			must(t, err)
			if got, want := sentFiles(c), strings.Join(strings.Fields(sections[2]), " "); got != want {
				t.Errorf("sent\n %s\nwant\n %s", got, want)
			}
		})
	}
}

func TestIgnoreFileInForce(t *testing.T) {
	outside := tree(t, "Dockerfile", "Dockerfile.dockerignore=a", "secret=a")
	for _, test := range []struct {
		name, dockerfile, files, want, sent string
	}{
		{"none", "Dockerfile", "a b", "", "a b"},
		{"the context's", "Dockerfile", ".dockerignore=a a b", ".dockerignore", ".dockerignore b"},
		{"the Dockerfile's own outranks it", "Dockerfile", ".dockerignore=a Dockerfile.dockerignore=b a b", "Dockerfile.dockerignore", ".dockerignore Dockerfile.dockerignore a"},
		{"even when it is empty", "Dockerfile", ".dockerignore=a Dockerfile.dockerignore a", "Dockerfile.dockerignore", ".dockerignore Dockerfile.dockerignore a"},
		{"in a folder", "deploy/api.Dockerfile", "deploy/api.Dockerfile.dockerignore=a a", "deploy/api.Dockerfile.dockerignore", "deploy/api.Dockerfile.dockerignore"},
		{"another Dockerfile's is not it", "Dockerfile", "api.Dockerfile.dockerignore=a a", "", "a api.Dockerfile.dockerignore"},
		{"no Dockerfile", "", ".dockerignore=a a b", ".dockerignore", ".dockerignore b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := walk(t, tree(t, strings.Fields(test.files)...), test.dockerfile)
			if c.IgnoreName != test.want {
				t.Errorf("ignore file %q, want %q", c.IgnoreName, test.want)
			}
			if got := sentFiles(c); got != test.sent {
				t.Errorf("sent %q, want %q", got, test.sent)
			}
		})
	}
	t.Run("beside a Dockerfile outside the context", func(t *testing.T) {
		c := walk(t, tree(t, "a", "b"), filepath.Join(outside, "Dockerfile"))
		if got := sentFiles(c); got != "b" {
			t.Errorf("sent %q, want b", got)
		}
	})
	t.Run("a link within the context is followed", func(t *testing.T) {
		c := walk(t, tree(t, "rules=a", ".dockerignore -> rules", "a"), "")
		if got := sentFiles(c); got != ".dockerignore rules" {
			t.Errorf("sent %q", got)
		}
	})
	t.Run("a link out of the context is not", func(t *testing.T) {
		c := walk(t, tree(t, ".dockerignore -> "+outside+"/secret", "a"), "")
		if c.IgnoreName != "" || sentFiles(c) != ".dockerignore a" {
			t.Errorf("followed: %q, sent %q", c.IgnoreName, sentFiles(c))
		}
	})
}

func TestWalkErrors(t *testing.T) {
	for _, test := range []struct{ name, root, want string }{
		{"missing", filepath.Join(t.TempDir(), "nowhere"), "no such file"},
		{"a file", filepath.Join(tree(t, "f"), "f"), "is not a directory"},
		{"bad pattern", tree(t, ".dockerignore=[a-"), `reading .dockerignore: bad pattern "[a-"`},
		{"lone exclamation mark", tree(t, ".dockerignore=!"), `reading .dockerignore: bad pattern "!"`},
		{"ignore file is a directory", tree(t, ".dockerignore/"), "not a regular file"},
		{"ignore file too large", tree(t, ".dockerignore="+strings.Repeat("a\n", maxIgnoreBytes)), "larger than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Walk(context.Background(), test.root, "")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := Walk(ctx, tree(t, "a"), ""); err == nil {
			t.Error("no error")
		}
	})
}

func TestUnreadableDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root reads every directory")
	}
	root := tree(t, "locked/x", "a")
	must(t, os.Chmod(filepath.Join(root, "locked"), 0))
	t.Cleanup(func() { os.Chmod(filepath.Join(root, "locked"), 0o755) })
	c := walk(t, root, "")
	if p := c.Problems(); len(p) != 1 || p[0].Path != "locked" {
		t.Errorf("problems %v", p)
	}
	c, err := c.WithIgnore(".dockerignore", []byte("locked"))
	must(t, err)
	if p := c.Problems(); len(p) != 0 {
		t.Errorf("an ignored directory is still a problem: %v", p)
	}
}

func TestProblemsOfIgnoredDirectoriesAreNone(t *testing.T) {
	c := &Context{
		Entries:  []Entry{{Path: "a", Mode: os.ModeDir, Ignored: true}, {Path: "b", Mode: os.ModeDir}},
		problems: []Problem{{Path: "a", Err: os.ErrPermission}, {Path: "b", Err: os.ErrPermission}},
	}
	if p := c.Problems(); len(p) != 1 || p[0].Path != "b" {
		t.Errorf("problems %v, want b alone", p)
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	outside := tree(t, "big=12345")
	root := tree(t, "dir/f=1", "out -> "+outside, "in -> dir", "loop -> loop")
	link := filepath.Join(t.TempDir(), "root")
	must(t, os.Symlink(root, link))
	c := walk(t, link, "")
	var got []string
	for _, e := range c.Entries {
		got = append(got, e.Path)
	}
	if want := []string{"dir", "dir/f", "in", "loop", "out"}; !slices.Equal(got, want) {
		t.Errorf("entries %v, want %v", got, want)
	}
	if c.Total() != (Usage{Files: 4, Bytes: 1}) {
		t.Errorf("total %+v", c.Total())
	}
}

func TestTreeOrderAndUsage(t *testing.T) {
	c := walk(t, tree(t, "a/x=12", "a/y=3", "a-b=4", "a.c=5", "empty/", ".dockerignore=a/y"), "")
	if !slices.IsSortedFunc(c.Entries, func(a, b Entry) int { return compareTree(a.Path, b.Path) }) {
		t.Errorf("not in tree order: %v", c.Entries)
	}
	for _, test := range []struct {
		under string
		want  Usage
	}{
		{"a", Usage{1, 2}}, {"./a/", Usage{1, 2}}, {"/a/x", Usage{1, 2}}, {"a/y", Usage{}},
		{".", Usage{4, 2 + 1 + 1 + 3}}, {"nowhere", Usage{}}, {"empty", Usage{}},
	} {
		if got := c.Under(test.under); got != test.want {
			t.Errorf("under %s: %+v, want %+v", test.under, got, test.want)
		}
	}
	if c.Sent() != c.Under("/") {
		t.Error("Sent differs from Under the root")
	}
	if got, want := c.Total(), (Usage{5, 8}); got != want {
		t.Errorf("total %+v, want %+v", got, want)
	}
}
