package app

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A run takes away what killed ones left, and neither what another one uses nor what was kept for the user.
func TestWorkFolders(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "work")
	open := func() *workFolder {
		t.Helper()
		w, err := openWork(parent)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(w.path, "layer"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		return w
	}
	used, kept, killed, done := open(), open(), open(), open()
	if err := kept.close(true); err != nil {
		t.Fatal(err)
	}
	if err := done.close(false); err != nil {
		t.Fatal(err)
	}
	if err := killed.lock.Close(); err != nil { // as the kernel does
		t.Fatal(err)
	}
	next := open()
	var left []string
	entries, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		left = append(left, filepath.Join(parent, e.Name()))
	}
	want := []string{used.path, kept.path, next.path}
	slices.Sort(want)
	if !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
}
