package inspect

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// kept inspects with a cache folder, and tells apart what may differ from run to run.
func kept(t *testing.T, place, cache string, now time.Time) (r *Report, cached int) {
	t.Helper()
	r, err := Image(t.Context(), place, Options{Secrets: true, CacheDir: cache, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Layers {
		if r.Layers[i].Cached {
			cached++
		}
		r.Layers[i].Cached = false
	}
	r.Seconds = 0
	return r, cached
}

func sameReports(t *testing.T, what string, want, got *Report) {
	t.Helper()
	if want, got := want.Tree(), got.Tree(); !reflect.DeepEqual(want, got) {
		t.Errorf("%s: another tree: %+v, want %+v", what, got, want)
	}
	w, g := *want, *got
	w.tree, g.tree, w.records, g.records = nil, nil, nil, nil
	if !reflect.DeepEqual(w, g) {
		t.Errorf("%s: another report:\n%+v\nwant\n%+v", what, g, w)
	}
}

func cachedImage(t *testing.T, message string) string {
	return archiveOf(t, map[string]any{
		"created": "2026-01-01T00:00:00Z", "config": map[string]any{"Env": []string{"MESSAGE=" + message}},
	}, layerText(t, `
d777 open
t etc/passwd root:x:0:0::/:/bin/sh\ntoor::0:0::/:/bin/sh\n
t lib/node_modules/left/package.json {"name":"left","version":"1.0.0"}
t .npmrc //registry.npmjs.org/:_authToken=npm_Zq3vXw8RkT5yLm2NpBs7JdHc4GfUe9AoWiKx
f same/a 300 x
f same/b 300 x
f same/c 300 x
f4755 bin/su 50
h bin/su2 bin/su
`), layerText(t, `
w same/a
f bin/sh 70
l sh bin/sh
w .npmrc
`))
}

// A second run takes the report of the first, and says the same as one without a cache.
func TestSecondRunSaysTheSame(t *testing.T) {
	place, cache := cachedImage(t, "hello"), t.TempDir()
	day := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	plain, _ := kept(t, place, "", day)
	if len(plain.Secrets) == 0 || len(plain.Waste.Items) == 0 || len(plain.Packages) == 0 || len(plain.Classes) == 0 {
		t.Fatalf("the image does not have all that there is to be kept: %+v", plain)
	}
	first, cached := kept(t, place, cache, day)
	if cached != 0 {
		t.Errorf("%d layers of the first run were known", cached)
	}
	sameReports(t, "first", plain, first)
	second, cached := kept(t, place, cache, day)
	if cached != 2 || second.tree != nil {
		t.Errorf("%d layers of the second run were known, the report was kept: %v", cached, second.tree == nil)
	}
	sameReports(t, "second", plain, second)
	compared, _ := kept(t, place, cache, day)
	if c := Compare(plain, compared); c.Added.Files+c.Removed.Files+c.Changed.Files != 0 {
		t.Errorf("compared with a kept report: %+v", c)
	}

	later := day.AddDate(1, 0, 0)
	plain, _ = kept(t, place, "", later)
	second, _ = kept(t, place, cache, later)
	sameReports(t, "a year later", plain, second)
}

// Another config over the same layers, and a file that can't be read, make a report anew.
func TestKeptReportIsOfThatImage(t *testing.T) {
	place, cache := cachedImage(t, "hello"), t.TempDir()
	kept(t, place, cache, time.Time{})
	other := cachedImage(t, "bye")
	plain, _ := kept(t, other, "", time.Time{})
	got, cached := kept(t, other, cache, time.Time{})
	if cached != 2 || got.tree == nil {
		t.Errorf("%d layers were known, the report was made: %v", cached, got.tree != nil)
	}
	sameReports(t, "another config", plain, got)

	files, err := filepath.Glob(filepath.Join(cache, "images", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%q are kept: %v", files, err)
	}
	for _, name := range files {
		if err := os.Truncate(name, 40); err != nil {
			t.Fatal(err)
		}
	}
	got, _ = kept(t, other, cache, time.Time{})
	sameReports(t, "a broken file", plain, got)
}

// The name that an image has today is not part of what is known of it.
func TestKeptReportIsOfAnyName(t *testing.T) {
	place, cache := cachedImage(t, "hello"), t.TempDir()
	kept(t, place, cache, time.Time{})
	moved := filepath.Join(t.TempDir(), "moved.tar")
	if err := os.Rename(place, moved); err != nil {
		t.Fatal(err)
	}
	got, _ := kept(t, moved, cache, time.Time{})
	if got.tree != nil || got.Reference != moved {
		t.Errorf("the report was made: %v, on %s, want %s", got.tree != nil, got.Reference, moved)
	}
	plain, _ := kept(t, moved, "", time.Time{})
	sameReports(t, "moved", plain, got)
}

// The same layers may be stored in other sizes, where digests don't tell.
func TestKeptReportIsOfThoseSizes(t *testing.T) {
	cache := t.TempDir()
	config := func() map[string]any { return map[string]any{"created": "2026-01-01T00:00:00Z"} }
	layer := layerText(t, "f same/a 3000 x")
	first, _ := kept(t, archiveOf(t, config(), layer), cache, time.Time{})
	other := packedArchiveOf(t, config(), layer)
	plain, _ := kept(t, other, "", time.Time{})
	got, _ := kept(t, other, cache, time.Time{})
	if plain.TransferBytes == first.TransferBytes {
		t.Fatalf("both transfer %d bytes", plain.TransferBytes)
	}
	sameReports(t, "packed", plain, got)
}
