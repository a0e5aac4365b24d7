// Package cache keeps what testbase builds in folders named by the hash of
// their recipe, so that nothing is built twice and nothing half-built is seen.
package cache

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Store is a folder of units. Every unit is a folder of its own, written whole
// or not at all; processes that want the same unit at once build it once.
type Store struct {
	Dir string
	// Logf tells the user what takes time. It must not be nil.
	Logf func(format string, args ...any)
}

// DefaultDir is PLIMSOLL_TESTBASE, or plimsoll/testbase in the user's cache folder.
func DefaultDir() (string, error) {
	if dir := os.Getenv("PLIMSOLL_TESTBASE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a cache folder: %w (name one with PLIMSOLL_TESTBASE)", err)
	}
	return filepath.Join(dir, "plimsoll", "testbase"), nil
}

// Path is where a unit is, or would be once built.
func (s *Store) Path(unit, key string) string {
	return filepath.Join(s.Dir, unit, shortKey(key))
}

// Has says whether a unit is there, whole.
func (s *Store) Has(unit, key string) bool {
	_, err := os.Stat(s.Path(unit, key))
	return err == nil
}

// Ensure returns the folder of a unit, and builds it first when it is missing.
// build writes into a folder of its own, which takes its name once build succeeds.
func (s *Store) Ensure(ctx context.Context, unit, key string, build func(ctx context.Context, dir string) error) (string, error) {
	path := s.Path(unit, key)
	if s.Has(unit, key) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("making the folder for %s: %w", unit, err)
	}
	unlock, err := s.lock(ctx, unit, path+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if s.Has(unit, key) {
		return path, nil
	}
	if err := s.buildInto(ctx, unit, path, build); err != nil {
		return "", err
	}
	return path, nil
}

func (s *Store) buildInto(ctx context.Context, unit, path string, build func(ctx context.Context, dir string) error) error {
	// The lock is held, so what is there was left by a process that was killed.
	tmp := path + ".part"
	if err := removeTree(tmp); err != nil {
		return fmt.Errorf("removing an unfinished %s: %w", unit, err)
	}
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return fmt.Errorf("making the folder for %s: %w", unit, err)
	}
	defer removeTree(tmp) // the build's own error is the one to tell
	start := time.Now()
	s.Logf("%s: building", unit)
	if err := build(ctx, tmp); err != nil {
		return fmt.Errorf("building %s: %w", unit, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("keeping %s: %w", unit, err)
	}
	s.Logf("%s: built in %.1f s", unit, time.Since(start).Seconds())
	return nil
}

// removeTree removes a folder, but never through a mount: a root that is being
// built by a process out of control may have the host's folders in it.
func removeTree(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			return fmt.Errorf("%s is mounted: end what uses it, unmount it and try again", fields[4])
		}
	}
	return os.RemoveAll(dir)
}

// lock waits for the lock file. The kernel drops the lock of a process that dies.
func (s *Store) lock(ctx context.Context, unit, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of %s: %w", unit, err)
	}
	for told := false; ; told = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", unit, err)
		}
		if !told {
			s.Logf("%s: another process is building it; waiting", unit)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for %s: %w", unit, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func shortKey(key string) string {
	if len(key) > 16 {
		return key[:16]
	}
	return key
}
