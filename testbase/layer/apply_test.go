package layer

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestApplyPutsTheTreeTogetherAgain writes a tree in two layers and unpacks both elsewhere.
func TestApplyPutsTheTreeTogetherAgain(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can set owners")
	}
	root, blobs, again := t.TempDir(), t.TempDir(), t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(full, mode); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	write("bin/program", "one", 0o4755)
	write("gone/below/file", "x", 0o600)
	write("kept/file", "x", 0o640)
	must(os.Chown(filepath.Join(root, "kept/file"), 101, 7))
	must(os.Symlink("program", filepath.Join(root, "bin/link")))
	must(os.Link(filepath.Join(root, "bin/program"), filepath.Join(root, "bin/same")))
	first, before, err := WriteChanges(root, nil, blobs, time.Unix(0, 0))
	must(err)
	must(os.RemoveAll(filepath.Join(root, "gone")))
	must(os.Remove(filepath.Join(root, "bin/link")))
	write("kept/new", "new", 0o644)
	write("bin/program", "two", 0o755)
	second, _, err := WriteChanges(root, before, blobs, time.Unix(0, 0))
	must(err)
	for _, info := range []Info{first, second} {
		must(Apply(context.Background(), filepath.Join(blobs, strings.TrimPrefix(info.Digest, "sha256:")), again))
	}
	// The same tree gives the same layer.
	whole := func(dir string) string {
		info, _, err := WriteChanges(dir, nil, t.TempDir(), time.Unix(0, 0))
		must(err)
		return info.DiffID
	}
	if got, want := whole(again), whole(root); got != want {
		t.Errorf("the tree put together is %s, it was %s", got, want)
	}
}
