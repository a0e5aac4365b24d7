package agent

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/internal/procfs"
)

const (
	defaultChanges = 1000
	maxVisited     = 3_000_000 // entries looked at in one walk
)

// leftOut holds the directories that belong to the kernel or to the agent.
func leftOut() []string {
	return []string{"/proc", "/sys", "/dev", filepath.Dir(Path)}
}

// changed walks the file system for inodes that changed after the start.
func changed(ctx context.Context, r ChangedRequest) (ChangedAnswer, error) {
	stat, err := procfs.ReadStat(mainPID(r.Main))
	if err != nil {
		return ChangedAnswer{}, fmt.Errorf("process %d is not running", mainPID(r.Main))
	}
	running, err := sinceStart(stat)
	if err != nil {
		return ChangedAnswer{}, err
	}
	if startedByEnv() > 0 {
		running += coarse // the release is known to the moment, the stamps of files are not
	}
	limit := defaultChanges
	if r.Limit > 0 {
		limit = min(r.Limit, maxChanges)
	}
	w := &changeWalk{ctx: ctx, since: time.Now().Add(-running), limit: limit, mounts: mountPoints()}
	dirs := r.Dirs
	if len(dirs) == 0 {
		dirs = []string{"/"}
	}
	for _, dir := range dirs {
		_ = filepath.WalkDir(filepath.Clean(dir), w.visit) // visit itself keeps why it stopped
	}
	slices.SortFunc(w.answer.Changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return w.answer, nil
}

// changeWalk collects changes.
type changeWalk struct {
	ctx     context.Context
	since   time.Time
	limit   int
	visited int
	// mounts are mount points: the container runtime makes them after the
	// main process was forked, so that they would look like its work.
	mounts map[string]bool
	answer ChangedAnswer
}

func (w *changeWalk) visit(path string, d fs.DirEntry, err error) error {
	w.visited++
	switch {
	case w.ctx.Err() != nil:
		return w.stop("the time was over after %d entries", w.visited)
	case w.visited > maxVisited:
		return w.stop("more than %d entries to look at", maxVisited)
	case err != nil: // it went away or can't be read
		return nil
	case d.IsDir() && slices.Contains(leftOut(), path):
		return fs.SkipDir
	case path == "/" || w.mounts[path] || d.IsDir() && w.holdsMounts(path):
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return nil
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || time.Unix(st.Ctim.Unix()).Before(w.since) {
		return nil
	}
	if len(w.answer.Changes) == w.limit {
		return w.stop("more than %d changes", w.limit)
	}
	w.answer.Changes = append(w.answer.Changes, change(path, info, st))
	return nil
}

// holdsMounts reports whether something is mounted directly in a directory: the runtime makes what it mounts on.
func (w *changeWalk) holdsMounts(dir string) bool {
	for point := range w.mounts {
		if filepath.Dir(point) == dir {
			return true
		}
	}
	return false
}

func (w *changeWalk) stop(format string, args ...any) error {
	w.answer.Incomplete = fmt.Sprintf(format, args...)
	return fs.SkipAll
}

func change(path string, info os.FileInfo, st *syscall.Stat_t) Change {
	c := Change{Path: text([]byte(path)), Dir: info.IsDir(), UID: int(st.Uid), GID: int(st.Gid), Mode: info.Mode().String()}
	if !c.Dir {
		c.Size = info.Size()
	}
	return c
}

// mountPoints lists where file systems are mounted (field 5 of proc(5)'s mountinfo).
func mountPoints() map[string]bool {
	points := map[string]bool{}
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return points
	}
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 4 {
			points[strings.ReplaceAll(f[4], `\040`, " ")] = true
		}
	}
	return points
}
