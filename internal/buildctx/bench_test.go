package buildctx

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"
)

// bigNames are n files in folders of 50, among them what ignore files name.
func bigNames(n int) []string {
	var out []string
	for i := range n {
		dir := i / 50
		top := []string{"src", "node_modules", ".git/objects", "venv/lib"}[dir%4]
		ext := []string{"py", "pyc", "js", "md"}[i%4]
		out = append(out, fmt.Sprintf("%s/%d/%d/module_%d.%s", top, dir%97, dir, i%50, ext))
	}
	return out
}

const benchIgnore = "**/*.pyc\n**/__pycache__\n**/.git\n**/node_modules\n!node_modules/keep/**\nvenv\n*.md\n!README.md\n**/*.log\n**/.env*\ndocs/**/*.txt\n[Dd]ockerfile*\n"

func BenchmarkWalk100k(b *testing.B) {
	root := b.TempDir()
	for _, name := range bigNames(100_000) {
		full := filepath.Join(root, name)
		must(b, os.MkdirAll(filepath.Dir(full), 0o755))
		must(b, os.WriteFile(full, nil, 0o644))
	}
	must(b, os.WriteFile(filepath.Join(root, ".dockerignore"), []byte(benchIgnore), 0o644))
	walk(b, root, "")
	for b.Loop() {
		if c := walk(b, root, ""); len(c.Entries) < 100_000 {
			b.Fatal(len(c.Entries))
		}
	}
}

// bigContext is the same tree without a disk.
func bigContext() *Context {
	modes := map[string]os.FileMode{}
	for _, name := range bigNames(100_000) {
		modes[name] = 0o644
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			modes[dir] = os.ModeDir | 0o755
		}
	}
	c := &Context{}
	for name, mode := range modes {
		c.Entries = append(c.Entries, Entry{Path: name, Mode: mode, Size: 1})
	}
	slices.SortFunc(c.Entries, func(a, b Entry) int { return compareTree(a.Path, b.Path) })
	return c
}

func BenchmarkWithIgnore100k(b *testing.B) {
	c := bigContext()
	for b.Loop() {
		_, err := c.WithIgnore(".dockerignore", []byte(benchIgnore))
		must(b, err)
	}
}

func BenchmarkJunk100k(b *testing.B) {
	c := bigContext()
	for b.Loop() {
		_, err := c.Junk(Classes())
		must(b, err)
	}
}

func BenchmarkCopied100k(b *testing.B) {
	c := bigContext()
	for b.Loop() {
		_, err := c.Copied([]string{"."}, CopyOptions{Exclude: []string{"**/*.md"}})
		must(b, err)
	}
}
