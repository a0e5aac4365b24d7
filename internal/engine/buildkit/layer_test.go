package buildkit

import (
	"context"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tonistiigi/fsutil"
)

// tree writes files below a new directory; a name that ends in / is a directory.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			check(t, os.MkdirAll(path, 0o755))
			continue
		}
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, []byte("disk:"+name), 0o755))
	}
	return dir
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// walked lists what a walk meets, in order, and lets BuildKit's own validator judge the order.
func walked(t *testing.T, fs fsutil.FS, target string) []string {
	t.Helper()
	var out []string
	v := &fsutil.Validator{}
	err := fs.Walk(context.Background(), target, func(p string, e iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		check(t, err)
		if target == "" {
			check(t, v.HandleChange(fsutil.ChangeKindAdd, p, info, nil))
		}
		if e.IsDir() {
			p += "/"
		}
		out = append(out, p)
		return nil
	})
	check(t, err)
	return out
}

func TestLayerWalk(t *testing.T) {
	for name, c := range map[string]struct {
		disk   []string
		over   []string
		target string
		want   string
	}{
		"nothing laid over":           {[]string{"a", "b/c"}, nil, "", "a b/ b/c"},
		"a file replaced":             {[]string{"a", "b/c"}, []string{"b/c"}, "", "a b/ b/c"},
		"files around":                {[]string{"m"}, []string{"a", "z"}, "", "a m z"},
		"a new directory":             {[]string{"m"}, []string{"d/e/f"}, "", "d/ d/e/ d/e/f m"},
		"a file in a known directory": {[]string{"d/a", "d/z"}, []string{"d/m"}, "", "d/ d/a d/m d/z"},
		// "d-x" comes before "d/…" in bytes, and after it in a walk.
		"order is by parts of a path": {[]string{"d/a", "d-x"}, []string{"d/m", "d.y"}, "", "d/ d/a d/m d-x d.y"},
		"a directory replaced":        {[]string{"d/a", "d/b/c", "e"}, []string{"d"}, "", "d e"},
		"one file":                    {[]string{"d/a"}, []string{"d/m"}, "d/m", "d/m"},
		"one directory":               {[]string{"d/a", "e"}, []string{"d/m", "x"}, "d", "d/ d/a d/m"},
		"a directory that is new":     {[]string{"e"}, []string{"d/m"}, "d", "d/ d/m"},
		"an empty directory":          {[]string{"d/"}, []string{"x"}, "", "d/ x"},
		"a missing target":            {[]string{"e"}, []string{"x"}, "nowhere", ""},
	} {
		t.Run(name, func(t *testing.T) {
			texts := map[string][]byte{}
			for _, o := range c.over {
				texts[o] = []byte("memory:" + o)
			}
			fs, err := overDirectory(tree(t, c.disk...), texts)
			check(t, err)
			if c.target == "nowhere" {
				err := fs.Walk(t.Context(), c.target, func(_ string, _ iofs.DirEntry, err error) error { return err })
				if err != nil && !os.IsNotExist(err) {
					t.Errorf("got %v", err)
				}
				return
			}
			if got := strings.Join(walked(t, fs, c.target), " "); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			for _, o := range c.over {
				if got := read(t, fs, o); got != "memory:"+o {
					t.Errorf("%s holds %q", o, got)
				}
			}
		})
	}
}

func read(t *testing.T, fs fsutil.FS, name string) string {
	t.Helper()
	r, err := fs.Open(name)
	check(t, err)
	defer r.Close()
	data, err := io.ReadAll(r)
	check(t, err)
	return string(data)
}

func TestLayerRespectsTheFilterAboveIt(t *testing.T) {
	fs, err := overDirectory(tree(t, "src/a.py", "skip/x"), map[string][]byte{"skip/y": []byte("1"), "new/z": []byte("2"), "src/a.py": []byte("3")})
	check(t, err)
	filtered, err := fsutil.NewFilterFS(fs, &fsutil.FilterOpt{ExcludePatterns: []string{"skip", "new"}})
	check(t, err)
	if got := walked(t, filtered, ""); !slices.Equal(got, []string{"src/", "src/a.py"}) {
		t.Errorf("got %v", got)
	}
}

func TestLayerKeepsModeAndTellsTextsApart(t *testing.T) {
	dir := tree(t, "run.sh")
	times := map[int64]bool{}
	for _, text := range []string{"one", "two", "six"} {
		fs, err := overDirectory(dir, map[string][]byte{"run.sh": []byte(text)})
		check(t, err)
		check(t, fs.Walk(t.Context(), "", func(_ string, e iofs.DirEntry, err error) error {
			info, err := e.Info()
			check(t, err)
			if info.Mode() != 0o755 {
				t.Errorf("mode %v", info.Mode())
			}
			times[info.ModTime().UnixNano()] = true
			return nil
		}))
	}
	if len(times) != 3 {
		t.Errorf("texts of one size have %d times: a daemon would not see the change", len(times))
	}
}

func TestLayerRefusesPathsOutside(t *testing.T) {
	for _, name := range []string{"../x", "/etc/passwd", "a/../../x", "", "."} {
		if _, err := overDirectory(t.TempDir(), map[string][]byte{name: nil}); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

func TestLayerUnderAFile(t *testing.T) {
	fs, err := overDirectory(tree(t, "a"), map[string][]byte{"a/b": []byte("x")})
	check(t, err)
	err = fs.Walk(t.Context(), "", func(string, iofs.DirEntry, error) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("got %v", err)
	}
}

func TestTextTreeAlone(t *testing.T) {
	fs := textTree(map[string][]byte{"Dockerfile": []byte("FROM scratch"), "Dockerfile.dockerignore": []byte("*")})
	if got := walked(t, fs, ""); !slices.Equal(got, []string{"Dockerfile", "Dockerfile.dockerignore"}) {
		t.Errorf("got %v", got)
	}
	if _, err := fs.Open("absent"); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
	if got, err := fsutil.FollowLinks(fs, []string{"Dockerfile", "absent"}); err != nil || !slices.Equal(got, []string{"Dockerfile", "absent"}) {
		t.Errorf("got %v, %v", got, err)
	}
}
