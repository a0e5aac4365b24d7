package buildctx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// maxEntries bounds the memory that a context can take: about 1 GB.
const maxEntries = 5_000_000

// Walk reads the context under root once and marks what the ignore file in
// force keeps from the builder. The root may be a link; no link below it is
// followed. The Dockerfile's path is absolute or relative to root, and only
// tells where its own ignore file would be; it may be empty.
//
// A directory that can't be read is no error as long as it is ignored: see
// Problems.
func Walk(ctx context.Context, root, dockerfilePath string) (*Context, error) {
	c, err := Read(ctx, root)
	if err != nil {
		return nil, err
	}
	return c.For(dockerfilePath)
}

// Read reads the context under root as it would be without an ignore file.
func Read(ctx context.Context, root string) (*Context, error) {
	root, err := resolveRoot(root)
	if err != nil {
		return nil, err
	}
	w := &walker{root: root}
	entries, err := w.walk(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the build context %s: %w", root, err)
	}
	return &Context{Root: root, Entries: entries, problems: w.problems}, nil
}

// For is the same context as a build of that Dockerfile sees it: under the ignore file in force, which is read.
func (c *Context) For(dockerfilePath string) (*Context, error) {
	name, text, err := readIgnore(c.Root, dockerfilePath)
	if err != nil || name == "" {
		return c, err
	}
	return c.WithIgnore(name, text)
}

func resolveRoot(root string) (string, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return "", fmt.Errorf("finding the build context %s: %w", root, err)
	}
	resolved, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return "", fmt.Errorf("finding the build context %s: %w", root, err)
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return "", fmt.Errorf("finding the build context %s: %w", root, err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("the build context %s is not a directory", root)
	}
	return resolved, nil
}

// Problems are the directories that a build would have to send and that could
// not be read, in tree order. A build of such a context fails.
func (c *Context) Problems() []Problem {
	var out []Problem
	for _, p := range c.problems {
		if e, ok := c.Lookup(p.Path); !ok || !e.Ignored {
			out = append(out, p)
		}
	}
	return out
}

// walker reads directories in parallel and puts the tree in order at the end.
type walker struct {
	root  string
	count atomic.Int64

	mu       sync.Mutex
	problems []Problem
}

// folder is a directory that was read; below[i] is what entries[i] holds, if it is a directory.
type folder struct {
	entries []Entry
	below   []*folder
}

func (w *walker) walk(ctx context.Context) ([]Entry, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, runtime.GOMAXPROCS(0)))
	top := &folder{}
	group.Go(func() error { return w.read(ctx, group, "", top) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(w.problems, func(a, b Problem) int { return compareTree(a.Path, b.Path) })
	return top.flatten(make([]Entry, 0, w.count.Load())), nil
}

// read fills in what dir holds. Directories below are handed to another worker
// if one is free, and are read in place if not.
func (w *walker) read(ctx context.Context, group *errgroup.Group, dir string, into *folder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	found, err := os.ReadDir(filepath.Join(w.root, filepath.FromSlash(dir)))
	if err != nil && dir == "" {
		return err
	}
	if err != nil {
		w.problem(dir, err)
	}
	if err := w.fill(dir, found, into); err != nil {
		return err
	}
	for i, e := range into.entries {
		if !e.Mode.IsDir() {
			continue
		}
		below := &folder{}
		into.below[i] = below
		if group.TryGo(func() error { return w.read(ctx, group, e.Path, below) }) {
			continue
		}
		if err := w.read(ctx, group, e.Path, below); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) fill(dir string, found []os.DirEntry, into *folder) error {
	if w.count.Add(int64(len(found))) > maxEntries {
		return fmt.Errorf("it holds more than %d files: is this the folder that was meant?", maxEntries)
	}
	into.entries = make([]Entry, 0, len(found))
	for _, d := range found {
		e := Entry{Path: path.Join(dir, d.Name()), Mode: d.Type()}
		info, err := d.Info()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // gone since the directory was read
		case err != nil:
			w.problem(e.Path, err)
		default:
			e.Mode = info.Mode()
		}
		if e.Mode.IsRegular() && info != nil {
			e.Size = info.Size()
		}
		into.entries = append(into.entries, e)
	}
	into.below = make([]*folder, len(into.entries))
	return nil
}

func (w *walker) problem(path string, err error) {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err // the path is told by Problem
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, Problem{Path: path, Err: err})
}

func (f *folder) flatten(out []Entry) []Entry {
	for i, e := range f.entries {
		out = append(out, e)
		if f.below[i] != nil {
			out = f.below[i].flatten(out)
		}
	}
	return out
}
