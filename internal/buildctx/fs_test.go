package buildctx

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestFSIsWhatABuildSees(t *testing.T) {
	outside := tree(t, "secret=s")
	root := tree(t, ".dockerignore=hidden\n*.key", "app/main.py=print()", "hidden/x=x", "a.key=k",
		"in -> app/main.py", "dir -> app", "absolute -> /app/main.py", "out -> "+outside+"/secret",
		"up -> ../../../../etc/passwd", "to-hidden -> hidden/x", "loop -> loop")
	fsys := walk(t, root, "").FS()
	for name, want := range map[string]string{
		"app/main.py": "print()", "in": "print()", "dir/main.py": "print()", "absolute": "print()",
		"hidden/x": "", "a.key": "", "out": "", "up": "", "to-hidden": "", "loop": "", "nowhere": "",
		"../secret": "", "app/main.py/x": "", "app": "",
	} {
		text, err := fs.ReadFile(fsys, name)
		if string(text) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", name, text, err, want)
		}
	}
	list, err := fs.Glob(fsys, "*")
	must(t, err)
	if got := strings.Join(list, " "); got != ".dockerignore absolute app dir in loop out to-hidden up" {
		t.Errorf("lists %s", got)
	}
}

func TestFSKeepsTheContractOfFS(t *testing.T) {
	fsys := walk(t, tree(t, "a/b/c=1", "a-b=2", "d=3", "empty/"), "").FS()
	must(t, fstest.TestFS(fsys, "a/b/c", "a-b", "d", "empty"))
}

func TestFSBoundsWhatIsRead(t *testing.T) {
	fsys := walk(t, tree(t, "fits="+strings.Repeat("x", MaxFileBytes), "large="+strings.Repeat("x", MaxFileBytes+1)), "").FS()
	if text, err := fs.ReadFile(fsys, "fits"); err != nil || len(text) != MaxFileBytes {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if _, err := fs.ReadFile(fsys, "large"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	file, err := fsys.Open("large")
	must(t, err)
	defer file.Close()
	if n, err := io.Copy(io.Discard, file); n != MaxFileBytes || !errors.Is(err, ErrTooLarge) {
		t.Errorf("copied %d bytes, %v", n, err)
	}
}
