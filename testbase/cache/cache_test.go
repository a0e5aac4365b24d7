package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func store(t *testing.T) *Store {
	return &Store{Dir: t.TempDir(), Logf: t.Logf}
}

func TestManyAskersBuildOnce(t *testing.T) {
	dir := t.TempDir()
	var builds atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s := &Store{Dir: dir, Logf: func(string, ...any) {}}
			path, err := s.Ensure(context.Background(), "unit", "key", func(_ context.Context, dir string) error {
				builds.Add(1)
				return os.WriteFile(filepath.Join(dir, "made"), nil, 0o644)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := os.Stat(filepath.Join(path, "made")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if builds.Load() != 1 {
		t.Errorf("built %d times", builds.Load())
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	s, broken := store(t), errors.New("broken")
	_, err := s.Ensure(context.Background(), "unit", "key", func(context.Context, string) error { return broken })
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if s.Has("unit", "key") {
		t.Error("a failed build is taken for a whole one")
	}
	if _, err := os.Stat(s.Path("unit", "key") + ".part"); err == nil {
		t.Error("a failed build leaves its files")
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	s := store(t)
	ctx, cancel := context.WithCancel(context.Background())
	_, err := s.Ensure(ctx, "unit", "key", func(context.Context, string) error {
		cancel()
		other := &Store{Dir: s.Dir, Logf: t.Logf}
		_, err := other.Ensure(ctx, "unit", "key", func(context.Context, string) error { return nil })
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancelled context", err)
	}
}
