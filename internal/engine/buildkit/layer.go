package buildkit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// layer is a file tree of a few files over another one, which may be absent. It is how texts
// that exist in memory alone are sent to a daemon without touching the disk.
type layer struct {
	lower   fsutil.FS // nil: the files alone
	entries []layerEntry
}

// layerEntry is a file, or a directory that a file needs.
type layerEntry struct {
	stat *types.Stat
	open func() (io.ReadCloser, error) // nil for a directory
}

func (e layerEntry) path() string { return e.stat.Path }

// textTree is a tree of texts without anything below.
func textTree(texts map[string][]byte) *layer {
	l := &layer{}
	for name, text := range texts {
		l.add(textEntry(name, text, textTime, 0o644))
	}
	l.sort()
	return l
}

// overDirectory lays texts over a directory. A text that replaces a file has that file's mode and time.
func overDirectory(dir string, texts map[string][]byte) (fsutil.FS, error) {
	lower, err := fsutil.NewFS(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the build context: %w", err)
	}
	if len(texts) == 0 {
		return lower, nil
	}
	l := &layer{lower: lower}
	for name, text := range texts {
		clean := filepath.ToSlash(name)
		if !iofs.ValidPath(clean) || clean == "." {
			return nil, fmt.Errorf("replacing the context file %q: not a path inside the context", name)
		}
		mode, modified := iofs.FileMode(0o644), textTime
		if info, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(clean))); err == nil && info.Mode().IsRegular() {
			mode, modified = info.Mode().Perm(), info.ModTime()
		}
		l.add(textEntry(clean, text, modified, mode))
	}
	l.sort()
	return l, nil
}

// diskFile is a tree with one executable file that is read from the disk.
func diskFile(name, source string) (*layer, error) {
	info, err := os.Stat(source)
	if err != nil {
		return nil, err
	}
	l := &layer{}
	l.add(layerEntry{
		stat: &types.Stat{Path: name, Mode: 0o755, Size: info.Size(), ModTime: info.ModTime().UnixNano()},
		open: func() (io.ReadCloser, error) { return os.Open(source) },
	})
	return l, nil
}

// textTime is the time of texts that no file on the disk stands for.
var textTime = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// textEntry makes a file of a text. A daemon takes a file of the same size and time
// for unchanged, so the fraction of the second is made from the content.
func textEntry(name string, text []byte, modified time.Time, mode iofs.FileMode) layerEntry {
	sum := sha256.Sum256(text)
	fraction := int64(binary.BigEndian.Uint64(sum[:8])>>1) % int64(time.Second)
	return layerEntry{
		stat: &types.Stat{
			Path:    name,
			Mode:    uint32(mode.Perm()),
			Size:    int64(len(text)),
			ModTime: modified.Truncate(time.Second).UnixNano() + fraction,
		},
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
	}
}

func (l *layer) add(e layerEntry) {
	for dir := path.Dir(e.path()); dir != "."; dir = path.Dir(dir) {
		if l.find(dir) == nil {
			l.entries = append(l.entries, layerEntry{stat: &types.Stat{
				Path: dir, Mode: uint32(iofs.ModeDir | 0o755), ModTime: textTime.UnixNano(),
			}})
		}
	}
	l.entries = append(l.entries, e)
}

// sort puts the entries in the order in which a tree is walked.
func (l *layer) sort() {
	slices.SortFunc(l.entries, func(a, b layerEntry) int { return fsutil.ComparePath(a.path(), b.path()) })
}

func (l *layer) find(name string) *layerEntry {
	for i := range l.entries {
		if l.entries[i].path() == name {
			return &l.entries[i]
		}
	}
	return nil
}

// Open opens a file of the layer, or of what lies below.
func (l *layer) Open(name string) (io.ReadCloser, error) {
	e := l.find(filepath.ToSlash(filepath.Clean(name)))
	switch {
	case e != nil && e.open != nil:
		return e.open()
	case l.lower != nil:
		return l.lower.Open(name)
	default:
		return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
	}
}

// Walk walks both trees as one, in order.
func (l *layer) Walk(ctx context.Context, target string, fn iofs.WalkDirFunc) error {
	w := &layerWalk{pending: l.under(target), fn: fn}
	if l.lower != nil {
		if err := l.lower.Walk(ctx, target, w.visit); err != nil {
			return err
		}
	} else if len(w.pending) == 0 && cleanTarget(target) != "." {
		return &os.PathError{Op: "walk", Path: target, Err: os.ErrNotExist}
	}
	return w.emitBefore("")
}

// under is the entries at or below a walk's target.
func (l *layer) under(target string) []layerEntry {
	target = cleanTarget(target)
	var out []layerEntry
	for _, e := range l.entries {
		if target == "." || e.path() == target || strings.HasPrefix(e.path(), target+"/") {
			out = append(out, e)
		}
	}
	return out
}

func cleanTarget(target string) string {
	target = strings.TrimPrefix(filepath.ToSlash(filepath.Clean(target)), "/")
	if target == "" {
		return "."
	}
	return target
}

// layerWalk merges the entries of a layer into a walk of what lies below.
type layerWalk struct {
	pending []layerEntry
	fn      iofs.WalkDirFunc
}

// visit is called for every entry below.
func (w *layerWalk) visit(name string, below iofs.DirEntry, err error) error {
	if below == nil && len(w.pending) > 0 && errors.Is(err, os.ErrNotExist) {
		return nil // the target is in the layer alone
	}
	if err := w.emitBefore(name); err != nil {
		return err
	}
	if len(w.pending) > 0 && w.pending[0].path() == name {
		top := w.pending[0]
		w.pending = w.pending[1:]
		if top.open != nil {
			return w.replace(top, below)
		}
		if !below.IsDir() {
			return fmt.Errorf("replacing a context file below %q: that is not a directory", name)
		}
	}
	err = w.fn(name, below, err)
	if errors.Is(err, iofs.SkipDir) && below != nil && below.IsDir() {
		w.drop(name)
	}
	return err
}

func (w *layerWalk) replace(top layerEntry, below iofs.DirEntry) error {
	if err := w.emit(top); err != nil {
		return err
	}
	if below.IsDir() {
		return iofs.SkipDir
	}
	return nil
}

// emitBefore emits the pending entries that come before name; all if it is empty.
func (w *layerWalk) emitBefore(name string) error {
	for len(w.pending) > 0 && (name == "" || fsutil.ComparePath(w.pending[0].path(), name) < 0) {
		e := w.pending[0]
		w.pending = w.pending[1:]
		if err := w.emit(e); err != nil {
			return err
		}
	}
	return nil
}

func (w *layerWalk) emit(e layerEntry) error {
	err := w.fn(e.path(), &fsutil.DirEntryInfo{Stat: e.stat.Clone()}, nil)
	if !errors.Is(err, iofs.SkipDir) {
		return err
	}
	skipped := e.path()
	if e.open != nil {
		skipped = path.Dir(skipped)
	}
	w.drop(skipped)
	return nil
}

func (w *layerWalk) drop(dir string) {
	w.pending = slices.DeleteFunc(w.pending, func(e layerEntry) bool {
		return strings.HasPrefix(e.path(), dir+"/")
	})
}
