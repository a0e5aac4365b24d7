package e2e

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// notes copies the FastAPI example into a repository with a history and the
// junk that real folders have, as make demo does.
func notes(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "notes")
	if out, err := exec.Command("../scripts/demo-project", "../examples/fastapi", dir).CombinedOutput(); err != nil {
		t.Fatalf("making the project: %v\n%s", err, out)
	}
	return dir
}

// project writes files to a new directory.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	writeFiles(t, dir, files)
	return dir
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tree is what a directory holds: mode and digest or link target of each path.
type tree map[string]string

// treeOf reads a directory. Of the repository only the index is left out, whose stamps git may renew.
func treeOf(t *testing.T, dir string) tree {
	t.Helper()
	all := tree{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		info, err := entry.Info()
		if err != nil || name == filepath.Join(".git", "index") {
			return err
		}
		content, err := contentOf(path, info.Mode())
		all[name] = fmt.Sprint(info.Mode(), " ", content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func contentOf(path string, mode fs.FileMode) (string, error) {
	switch {
	case mode.IsRegular():
		data, err := os.ReadFile(path)
		return fmt.Sprintf("%x", sha256.Sum256(data)), err
	case mode&fs.ModeSymlink != 0:
		return os.Readlink(path)
	}
	return "", nil
}

// changes are the paths that differ, in order.
func (before tree) changes(after tree) []string {
	var names []string
	for name := range before {
		if after[name] != before[name] {
			names = append(names, name)
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	return slices.Sorted(slices.Values(names))
}

// untouched asserts that a directory holds what it held.
func untouched(t *testing.T, dir string, before tree) {
	t.Helper()
	if len(before) < 1 {
		t.Fatal("nothing to compare with")
	}
	for _, name := range before.changes(treeOf(t, dir)) {
		t.Errorf("%s has changed", name)
	}
}

func names(files map[string]string) []string { return slices.Sorted(maps.Keys(files)) }
