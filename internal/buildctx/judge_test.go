package buildctx

import (
	"bytes"
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
	fscopy "github.com/tonistiigi/fsutil/copy"
)

var (
	names    = []string{"a", "b", "ab", "a.b", "a-b", "node", ".x", "B", "ä"}
	elements = []string{"a", "b", "ab", "a.b", "a-b", "node", ".x", "*", "?", "a*", "*b", "[ab]", "[^a]", "**", "**", "a**", "**b", `\a`, "..", ".", "ä", "?b"}
)

// randomTree writes directories, files and links of few names, so that patterns often match.
func randomTree(t *testing.T, r *rand.Rand) string {
	root := t.TempDir()
	dirs := []string{"."}
	for range 3 + r.IntN(30) {
		dir := dirs[r.IntN(len(dirs))]
		name := filepath.Join(dir, names[r.IntN(len(names))])
		full := filepath.Join(root, name)
		if _, err := os.Lstat(full); err == nil {
			continue
		}
		switch r.IntN(8) {
		case 0, 1, 2:
			must(t, os.Mkdir(full, 0o755))
			dirs = append(dirs, name)
		case 3:
			target := names[r.IntN(len(names))]
			if r.IntN(3) == 0 {
				target = []string{"..", "/", "/a", "../a", "a/b"}[r.IntN(5)]
			}
			must(t, os.Symlink(target, full))
		default:
			must(t, os.WriteFile(full, make([]byte, r.IntN(9)), 0o644))
		}
	}
	return root
}

func randomPath(r *rand.Rand) string {
	var parts []string
	for range 1 + r.IntN(4) {
		parts = append(parts, elements[r.IntN(len(elements))])
	}
	return strings.Join(parts, "/")
}

func randomIgnore(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString([]string{"", "", "", "!", "!", "/", "! ", "!/"}[r.IntN(8)])
		b.WriteString(randomPath(r))
		b.WriteString([]string{"", "", "", "/", " ", "/**", "/*", "\r"}[r.IntN(8)] + "\n")
	}
	return b.String()
}

// sentBy is what BuildKit's client sends: it filters with this library.
func sentBy(t *testing.T, root, ignore string) ([]string, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader([]byte(ignore)))
	if err != nil {
		return nil, err
	}
	all, err := fsutil.NewFS(root)
	must(t, err)
	filtered, err := fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: patterns})
	if err != nil {
		return nil, err
	}
	var out []string
	err = filtered.Walk(context.Background(), "", func(path string, _ fs.DirEntry, err error) error {
		out = append(out, filepath.ToSlash(path))
		return err
	})
	return out, err
}

func TestIgnoredAgreesWithBuildKit(t *testing.T) {
	var seen Usage // Files: ignored entries; Bytes: sent ones
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 1))
		root := randomTree(t, r)
		c := walk(t, root, "")
		for range 40 {
			compareSent(t, c, randomIgnore(r), &seen)
		}
	}
	if seen.Files < 1000 || seen.Bytes < 1000 {
		t.Errorf("too one-sided to say anything: %d ignored, %d sent", seen.Files, seen.Bytes)
	}
}

func compareSent(t *testing.T, c *Context, ignore string, seen *Usage) {
	t.Helper()
	want, wantErr := sentBy(t, c.Root, ignore)
	c, err := c.WithIgnore(".dockerignore", []byte(ignore))
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("ignore file %q: %v, but BuildKit says %v", ignore, err, wantErr)
	}
	if err != nil {
		return
	}
	var got []string
	for _, e := range c.Entries {
		if !e.Ignored {
			got = append(got, e.Path)
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s\nignore file:\n%s\nsent    %q\nBuildKit %q", c.Root, ignore, got, want)
	}
	seen.Files += len(c.Entries) - len(got)
	seen.Bytes += int64(len(got))
}

// copiedBy copies as BuildKit's file operation does, from a folder that holds
// what was sent, and lists the regular files that arrive with their bytes.
func copiedBy(t *testing.T, root, source string, exclude []string) (Usage, error) {
	dst := t.TempDir()
	matches, err := fscopy.ResolveWildcards(root, path.Clean("/"+source), true)
	if err != nil {
		return Usage{}, err
	}
	// each match into a folder of its own, so that none overwrites another
	for i, m := range matches {
		err := fscopy.Copy(context.Background(), root, m, dst, "/"+names[i%len(names)]+strings.Repeat("x", i)+"/", func(ci *fscopy.CopyInfo) {
			ci.CopyDirContents, ci.FollowLinks, ci.ExcludePatterns = true, true, exclude
		})
		if err != nil {
			return Usage{}, err
		}
	}
	return walk(t, dst, "").Total(), nil
}

func TestCopiedAgreesWithBuildKit(t *testing.T) {
	outcomes := map[string]int{}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		c := walk(t, randomTree(t, r), "")
		for range 6 {
			source := []string{"", "/", "./", "../"}[r.IntN(4)] + strings.ReplaceAll(randomPath(r), "**", "*")
			var exclude []string
			if r.IntN(2) == 0 {
				exclude = []string{randomPath(r)}
			}
			outcomes[compareCopied(t, c, source, exclude)]++
		}
	}
	if outcomes["shipped"] < 40 || outcomes["missing"] < 40 {
		t.Errorf("too one-sided to say anything: %v", outcomes)
	}
}

func compareCopied(t *testing.T, c *Context, source string, exclude []string) (outcome string) {
	t.Helper()
	got, err := c.Copied([]string{source}, CopyOptions{Exclude: exclude})
	must(t, err)
	if linksTwice(c, source) {
		return "the same files twice" // counted once here
	}
	want, wantErr := copiedBy(t, c.Root, source, exclude)
	if wantErr != nil {
		if len(got.Missing) == 0 && !strings.ContainsAny(source, "*?[") {
			t.Errorf("%s: %q ships %+v, BuildKit says %v", c.Root, source, got.Usage, wantErr)
		}
		return "missing"
	}
	if got.Usage != want {
		t.Errorf("%s: %q without %q ships %+v, BuildKit %+v", c.Root, source, exclude, got.Usage, want)
	}
	if want.Files == 0 {
		return "empty"
	}
	return "shipped"
}

// linksTwice tells a wildcard whose matches overlap through a link.
func linksTwice(c *Context, source string) bool {
	fixed, wild := splitWildcards(cleanPath(source))
	base, ok := c.resolve(fixed)
	if !ok || wild == "" {
		return false
	}
	var targets []string
	for _, m := range c.glob(base, wild) {
		target, ok := c.resolve(m)
		if !ok {
			continue
		}
		for _, other := range targets {
			if target == "." || other == "." || target == other || strings.HasPrefix(target+"/", other+"/") || strings.HasPrefix(other+"/", target+"/") {
				return true
			}
		}
		targets = append(targets, target)
	}
	return false
}
