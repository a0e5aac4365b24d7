package inspect

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/image"
)

// TestTheStoreForgets holds that a layer nobody asks for goes after a month, and one that is asked for stays.
func TestTheStoreForgets(t *testing.T) {
	s := recordStore{dir: t.TempDir()}
	now := time.Now()
	old := now.Add(-keptUnused - time.Hour)
	for _, name := range []string{"idle", "asked for"} {
		s.save(record{layer: image.Layer{DiffID: name}})
		age(t, s.path(name), old)
	}
	half := filepath.Join(s.dir, "layers", ".new-1")
	if err := os.WriteFile(half, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	age(t, half, old)
	if _, ok := s.load("asked for"); !ok {
		t.Fatal("it was forgotten at once")
	}
	s.trim(now) // it was looked at today: by the first save
	if left := stored(t, s); len(left) != 3 {
		t.Errorf("left are %v, want all three", left)
	}
	s.trim(now.Add(trimEvery + time.Minute))
	if left := stored(t, s); !slices.Equal(left, []string{filepath.Base(s.path("asked for"))}) {
		t.Errorf("left are %v, want what was asked for", left)
	}
}

func age(t *testing.T, path string, to time.Time) {
	t.Helper()
	if err := os.Chtimes(path, to, to); err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, s recordStore) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.dir, "layers"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
