package embedded

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"github.com/moby/buildkit/executor"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// diskWatch watches what a container writes to its file system, and what is left on the disk that holds it.
type diskWatch struct {
	state string // the engine's state directory
	limit int64
	room  int64 // bytes that are kept free
	begun time.Time

	counted  time.Time // when what was written was last counted
	freeThen int64     // what was free on the disk then
	pause    time.Duration

	mu      sync.Mutex
	dir     string // what is written lies below it; empty until the file system is mounted
	written int64  // when it was last counted
}

func watchDisk(state string, limit int64, room func(free, size int64) int64) *diskWatch {
	now := time.Now()
	d := &diskWatch{state: state, limit: limit, begun: now, counted: now}
	free, size := diskSpace(state)
	if d.freeThen = free; size > 0 {
		d.room = room(free, size)
	}
	return d
}

// diskSpace is what is free on the disk of a directory, and its size; 0 when that is not known.
func diskSpace(dir string) (free, size int64) {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return 0, 0
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize
}

const (
	// countEvery is how often what was written is counted at least: the disk may be written to, and be cleared, by others.
	countEvery = 2 * time.Second
	// countAfter is the part of the limit by which the disk has to fill for it to be counted sooner, and
	// countShare how much longer than counting the pause is after it, whatever happens.
	countAfter = 16
	countShare = 20
)

// look says what the container had written when that was last counted, and whether the disk has no more room
// than what is kept free. A container that has removed a file and holds it open is caught by that alone.
func (d *diskWatch) look() (written int64, noRoom bool) {
	free, size := diskSpace(d.state)
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.written, size > 0 && free < d.room
}

// watch counts what is written, when it is time to, until the context ends. Where there are very many files that takes its
// time, in which all else is looked at all the same.
func (d *diskWatch) watch(ctx context.Context) {
	if d.limit <= 0 {
		return
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if free, _ := diskSpace(d.state); d.due(free) {
			d.count(ctx, free)
		}
	}
}

// count counts what is written while so much is free on the disk.
func (d *diskWatch) count(ctx context.Context, free int64) {
	d.mu.Lock()
	dir := d.dir
	d.mu.Unlock()
	if dir == "" {
		return
	}
	begin := time.Now()
	written := writtenBelow(ctx, dir, d.begun)
	d.counted, d.freeThen = time.Now(), free
	d.pause = countShare * d.counted.Sub(begin)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.written = written
}

// due says whether it is time to count, with so much free on the disk.
func (d *diskWatch) due(free int64) bool {
	since := time.Since(d.counted)
	return since >= d.pause && (since >= countEvery || d.freeThen-free >= d.limit/countAfter)
}

// writtenBelow is the disk space of the files that changed since a moment; of those that were looked at when the context ends. The container goes on writing there: what goes away
// meanwhile counts for nothing, no link leads out of the folder, and a folder of any size is read in parts.
func writtenBelow(ctx context.Context, dir string, since time.Time) int64 {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0
	}
	defer root.Close()
	// The kernel stamps files with a clock that is some milliseconds late.
	c := counting{ctx: ctx, root: root, since: since.Add(-time.Second), links: map[uint64]bool{}}
	c.count(".", deepest)
	return c.total
}

// counting adds up the disk space of files.
type counting struct {
	ctx   context.Context // of the one count that it is for
	root  *os.Root
	since time.Time
	links map[uint64]bool // files with several names that were counted
	total int64
}

const (
	// atOnce is how many entries of a folder are read at once.
	atOnce = 512
	// deepest is how deep folders are looked into, each of which is held open meanwhile. What lies below takes room all the same.
	deepest = 100
)

func (c *counting) count(dir string, depth int) {
	f, err := c.root.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return
	}
	defer f.Close()
	for c.ctx.Err() == nil {
		entries, err := f.ReadDir(atOnce)
		for _, e := range entries {
			c.add(e)
			if e.IsDir() && depth > 0 {
				c.count(filepath.Join(dir, e.Name()), depth-1)
			}
		}
		if err != nil {
			return
		}
	}
}

func (c *counting) add(e fs.DirEntry) {
	info, err := e.Info()
	if err != nil {
		return
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || time.Unix(s.Ctim.Unix()).Before(c.since) || c.links[s.Ino] {
		return
	}
	if s.Nlink > 1 && !e.IsDir() {
		c.links[s.Ino] = true
	}
	c.total += s.Blocks * 512
}

// spy notes where the file system of a container lies when it is mounted.
func (d *diskWatch) spy(src executor.Mountable) executor.Mountable { return spiedSource{src, d} }

type spiedSource struct {
	executor.Mountable
	watch *diskWatch
}

func (s spiedSource) Mount(ctx context.Context, readonly bool) (executor.MountableRef, error) {
	ref, err := s.Mountable.Mount(ctx, readonly)
	if err != nil {
		return nil, err
	}
	return spiedMount{ref, s.watch}, nil
}

type spiedMount struct {
	executor.MountableRef
	watch *diskWatch
}

func (s spiedMount) Mount() ([]mount.Mount, func() error, error) {
	mounts, release, err := s.MountableRef.Mount()
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	for _, m := range mounts {
		s.watch.dir = writableDir(m)
	}
	return mounts, release, err
}

// writableDir is where what is written to a mount lies: overlayfs keeps it apart, a plain copy holds all. BuildKit may
// have mounted it elsewhere, and bind that: in there, each file of the image would be looked at.
func writableDir(m mount.Mount) string {
	if dir, ok := upperDir(m.Options); ok {
		return dir
	}
	mounted, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(m.Source))
	if err != nil || len(mounted) == 0 || mounted[0].FSType != "overlay" {
		return m.Source
	}
	if dir, ok := upperDir(strings.Split(mounted[0].VFSOptions, ",")); ok {
		return dir
	}
	return m.Source
}

func upperDir(options []string) (string, bool) {
	for _, option := range options {
		if dir, ok := strings.CutPrefix(option, "upperdir="); ok {
			return dir, true
		}
	}
	return "", false
}
