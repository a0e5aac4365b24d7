package agent

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxWatches = 200_000
	maxOpened  = 20_000 // files in an answer
	// drainEvery is how long a read of events waits before it looks whether it is still wanted.
	drainEvery = 20 * time.Millisecond
)

// unwatched are trees of which no program depends on a single file, besides those that leftOut has.
var unwatched = []string{"/usr/share/doc", "/usr/share/man", "/usr/share/info", "/usr/share/locale", "/usr/include", "/var/lib/dpkg", "/var/cache", "/tmp"}

// trace runs a command and notes which files are opened meanwhile, by whomever: nothing else runs in the container.
func trace(ctx context.Context, r TraceRequest) (TraceAnswer, error) {
	var a TraceAnswer
	w, err := newOpenWatch()
	if err != nil {
		a.Incomplete = err.Error()
		if !r.Serves { // what else a job does may still be looked at
			a.Command, a.Loaded, err = executeLoaded(ctx, r)
			return a, err
		}
		return a, nil
	}
	defer w.close()
	w.watch(ctx, "/", append(leftOut(), unwatched...))
	go w.collect()
	running, end := context.WithCancel(ctx)
	defer end()
	var done sync.WaitGroup
	done.Go(func() {
		defer end()
		a.Command, a.Loaded, err = executeLoaded(running, r)
	})
	switch {
	case r.Serves:
		a.Up = serveTraced(running, r)
		end()
	case r.For > 0:
		defer time.AfterFunc(r.For, end).Stop()
	}
	done.Wait()
	a.Opened, a.Incomplete = w.answer()
	a.Packages = debian{"/"}.packagesOf(ctx, slices.DeleteFunc(slices.Clone(a.Opened), func(file string) bool { return !needsPackage(file) }))
	return a, err
}

// executeLoaded runs the command and, if that is asked for, looks meanwhile at what the processes have in memory.
func executeLoaded(ctx context.Context, r TraceRequest) (a ExecAnswer, l LoadedAnswer, err error) {
	if !r.Loaded {
		a, err = execute(ctx, r.Command)
		return a, l, err
	}
	looking, end := context.WithCancel(ctx)
	memory := newMapped()
	var done sync.WaitGroup
	done.Go(func() { memory.keepReading(looking) })
	a, err = execute(ctx, r.Command)
	end()
	done.Wait()
	return a, memory.answer(context.WithoutCancel(ctx)), err
}

// needsPackage reports whether a file of the system that was opened says that the package which holds it is needed:
// programs are started by name, zones are asked for by name, and types of files, without which answers are of other types.
// Much else is opened only because it is there.
func needsPackage(file string) bool {
	return file == "/etc/mime.types" || slices.Contains([]string{"/bin", "/sbin", "/usr/bin", "/usr/sbin"}, filepath.Dir(file)) || strings.HasPrefix(file, "/usr/share/zoneinfo/")
}

// serveTraced waits until the command answers, and asks it.
func serveTraced(ctx context.Context, r TraceRequest) (up bool) {
	// The command's own end cancels ctx: this process stands in for it.
	waited, err := wait(ctx, WaitRequest{Port: r.Port, Path: r.Path, Main: os.Getpid()})
	if err != nil || !waited.Up {
		return false
	}
	if len(r.Requests) == 0 {
		return true
	}
	_, err = ask(ctx, AskRequest{Port: waited.Port, Requests: r.Requests})
	return err == nil && ctx.Err() == nil
}

// openWatch notes files that are opened in directories, by inotify(7), which needs no privilege and sees what goes
// through the container's own mounts.
type openWatch struct {
	fd         int
	dirs       map[int32]string
	opened     map[string]bool
	incomplete string
	stopped    atomic.Bool
	done       chan struct{}
}

func newOpenWatch() (*openWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watching for opened files: %w", err)
	}
	return &openWatch{fd: fd, dirs: map[int32]string{}, opened: map[string]bool{}, done: make(chan struct{})}, nil
}

func (w *openWatch) close() { unix.Close(w.fd) }

// watch begins to note what is opened in root and below, directories left out aside.
func (w *openWatch) watch(ctx context.Context, root string, without []string) {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || !d.IsDir(): // it went away or can't be read
			return nil
		case slices.Contains(without, path):
			return fs.SkipDir
		case len(w.dirs) == maxWatches:
			return fmt.Errorf("there are more than %d directories", maxWatches)
		}
		id, err := unix.InotifyAddWatch(w.fd, path, unix.IN_OPEN|unix.IN_ONLYDIR|unix.IN_DONT_FOLLOW|unix.IN_EXCL_UNLINK)
		if errors.Is(err, unix.ENOSPC) {
			return errors.New("the host allows no more watches: raise fs.inotify.max_user_watches")
		}
		switch {
		case err == nil:
			w.dirs[int32(id)] = path
		case !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR): // it did not just go away
			w.incomplete = "watching " + path + ": " + err.Error()
		}
		return nil
	})
	if err != nil {
		w.incomplete = err.Error()
	}
}

// collect reads events until answer is called, and then those that are left.
func (w *openWatch) collect() {
	defer close(w.done)
	buf := make([]byte, 256<<10)
	for {
		last := w.stopped.Load()
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}, int(drainEvery/time.Millisecond)); err != nil && !errors.Is(err, unix.EINTR) {
			w.incomplete = err.Error()
			return
		}
		n, err := unix.Read(w.fd, buf)
		switch {
		case err == nil:
			w.take(buf[:n])
		case errors.Is(err, unix.EAGAIN) && last:
			return
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR):
			w.incomplete = err.Error()
			return
		}
	}
}

// take notes the events that one read gave: each a header of inotify(7), and a name that is padded with zeros.
func (w *openWatch) take(events []byte) {
	for len(events) >= unix.SizeofInotifyEvent {
		id, mask := int32(binary.NativeEndian.Uint32(events)), binary.NativeEndian.Uint32(events[4:])
		end := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[12:]))
		if end > len(events) {
			return
		}
		name := events[unix.SizeofInotifyEvent:end]
		events = events[end:]
		if mask&unix.IN_Q_OVERFLOW != 0 {
			w.incomplete = "more files were opened at once than the kernel kept"
		}
		dir, known := w.dirs[id]
		name = name[:max(slices.Index(name, 0), 0)]
		if mask&unix.IN_OPEN == 0 || mask&unix.IN_ISDIR != 0 || !known || len(name) == 0 {
			continue
		}
		path := filepath.Join(dir, text(name))
		if w.opened[path] {
			continue
		}
		if len(w.opened) == maxOpened {
			w.incomplete = fmt.Sprintf("more than %d files were opened", maxOpened)
			continue
		}
		w.opened[path] = true
	}
}

// answer ends the collecting.
func (w *openWatch) answer() (opened []string, incomplete string) {
	w.stopped.Store(true)
	<-w.done
	return sortedKeys(w.opened), w.incomplete
}
