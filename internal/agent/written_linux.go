package agent

import (
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
	"golang.org/x/sys/unix"
)

// writing is what a container writes to its file system, and what is left on the disk below that: an overlay tells of the disk
// that its upper layer is on.
type writing struct {
	limit int64 // bytes; 0 or less is none
	room  int64 // bytes that are kept free
	begun time.Time

	free    int64 // when it was last counted
	counted time.Time
	rest    time.Duration
}

const (
	// writtenGrowth is the part of the limit by which the disk has to fill for what was written to be counted, which means a walk
	// through the image, and writtenRest how much longer than the walk the pause is after it.
	writtenGrowth = 16
	writtenRest   = 20
	// coarse is how late the clock may be that the kernel stamps files with.
	coarse = 20 * time.Millisecond
)

func newWriting(limit int64) *writing {
	free, size := diskSpace()
	return &writing{limit: limit, room: engine.RoomOn(free, size), begun: time.Now().Add(-coarse), free: free}
}

// diskSpace is what is free on the disk of the root directory, and its size; 0 where that is not known.
func diskSpace() (free, size int64) {
	var s unix.Statfs_t
	if unix.Statfs("/", &s) != nil {
		return 0, 0
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize
}

// look says what was reached. A file that is held open without a name is found by the room alone.
func (w *writing) look() *engine.Reached {
	free, size := diskSpace()
	if size > 0 && free < w.room {
		return &engine.Reached{Resource: engine.Room, Limit: w.room}
	}
	if w.limit <= 0 || w.free-free < w.limit/writtenGrowth || time.Since(w.counted) < w.rest {
		return nil
	}
	begin := time.Now()
	written := writtenBelow("/", w.begun)
	w.free, w.counted = free, time.Now()
	w.rest = writtenRest * w.counted.Sub(begin)
	if written >= w.limit {
		return &engine.Reached{Resource: engine.Disk, Limit: w.limit}
	}
	return nil
}

// writtenBelow is the disk space of the files that changed since a moment, without those of other file systems.
func writtenBelow(root string, since time.Time) (total int64) {
	mounts, links := mountPoints(), map[[2]uint64]bool{}
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case path != root && mounts[path] || slices.Contains(leftOut(), path):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		s, ok := info.Sys().(*syscall.Stat_t)
		if !ok || time.Unix(s.Ctim.Unix()).Before(since) {
			return nil
		}
		if name := [2]uint64{uint64(s.Dev), s.Ino}; s.Nlink > 1 && !d.IsDir() {
			if links[name] {
				return nil
			}
			links[name] = true
		}
		total += s.Blocks * 512
		return nil
	})
	return total
}
