package buildctx

import (
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestSelectionAgreesWithCopied holds what is decided path by path against what a
// walked context says, wherever no link is on the way.
func TestSelectionAgreesWithCopied(t *testing.T) {
	taken := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		c := walk(t, randomTree(t, r), "")
		c.Entries = slices.DeleteFunc(c.Entries, func(e Entry) bool { return e.Mode&fs.ModeSymlink != 0 })
		for range 20 {
			ignore, source := "", randomPath(r)
			if r.IntN(2) == 0 {
				ignore = randomIgnore(r)
			}
			var opts CopyOptions
			switch r.IntN(4) {
			case 0:
				opts.Exclude = []string{randomPath(r)}
			case 1:
				opts.Parents = true
			}
			taken += compareTaken(t, c, ignore, source, opts)
		}
	}
	if taken < 300 {
		t.Errorf("only %d paths were taken: too few to say anything", taken)
	}
}

func compareTaken(t *testing.T, c *Context, ignore, source string, opts CopyOptions) (taken int) {
	t.Helper()
	under, err := c.WithIgnore(".dockerignore", []byte(ignore))
	s, errS := NewSelection([]byte(ignore), []string{source}, opts)
	if (err != nil) != (errS != nil) && !strings.Contains(errS.Error(), "exclude") {
		t.Fatalf("ignore file %q: %v and %v", ignore, err, errS)
	}
	if err != nil || errS != nil {
		return 0
	}
	copied, err := under.Copied([]string{source}, opts)
	if err != nil {
		return 0
	}
	for _, e := range c.Entries {
		if e.Mode.IsDir() {
			continue
		}
		got, err := s.Takes(e.Path, e.Mode)
		want := slices.ContainsFunc(copied.Entries, func(o Entry) bool { return o.Path == e.Path })
		if err != nil || got != want {
			t.Errorf("ignore %q, source %q, %+v: %s: got %v (%v), want %v", ignore, source, opts, e.Path, got, err, want)
		}
		if got {
			taken++
		}
	}
	return taken
}
