package buildctx

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/moby/patternmatcher/ignorefile"
)

// DefaultIgnoreName is the ignore file of a context whose Dockerfile has none of its own.
const DefaultIgnoreName = ".dockerignore"

// maxIgnoreBytes is far over any ignore file that was written by hand; BuildKit refuses at 16 MiB.
const maxIgnoreBytes = 1 << 20

// readIgnore finds the ignore file in force. As in BuildKit a file named after
// the Dockerfile, beside it, outranks the context's own, even when it is empty.
func readIgnore(root, dockerfilePath string) (name string, text []byte, err error) {
	candidates := []string{filepath.Join(root, DefaultIgnoreName)}
	if dockerfilePath != "" {
		own := dockerfilePath + DefaultIgnoreName
		if !filepath.IsAbs(own) {
			own = filepath.Join(root, own)
		}
		candidates = slices.Insert(candidates, 0, own)
	}
	for _, file := range candidates {
		text, found, err := readBeside(file)
		if err != nil {
			return "", nil, err
		}
		if found {
			return relativeTo(root, file), text, nil
		}
	}
	return "", nil, nil
}

// readBeside reads an ignore file, which may lie outside the context, as a
// Dockerfile may. Links are followed within its folder only; as in BuildKit
// a link that leads out of it counts as absent.
func readBeside(name string) (text []byte, found bool, err error) {
	file, err := OpenRegular(filepath.Dir(name), filepath.Base(name))
	if errors.Is(err, fs.ErrNotExist) || err != nil && isLink(name) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading %s: %w", name, underlying(err))
	}
	defer file.Close()
	text, err = readBounded(file, name)
	return text, true, err
}

// ErrNotRegular is returned for folders, pipes and devices in a file's place.
var ErrNotRegular = errors.New("not a regular file")

// OpenRegular opens a regular file of a folder for reading. Links are followed within the folder only, and a
// pipe is not waited for.
func OpenRegular(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNotRegular}
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func isLink(name string) bool {
	info, err := os.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

func readBounded(file *os.File, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(file, maxIgnoreBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(text) > maxIgnoreBytes {
		return nil, fmt.Errorf("reading %s: larger than %d bytes", name, maxIgnoreBytes)
	}
	return text, nil
}

func relativeTo(root, name string) string {
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return filepath.ToSlash(name)
	}
	return filepath.ToSlash(rel)
}

// WithIgnore is the same context under another ignore file, without reading
// the disk again. An empty name means: no ignore file.
func (c *Context) WithIgnore(name string, text []byte) (*Context, error) {
	out := *c
	out.IgnoreName, out.IgnoreText = name, text
	out.Entries = slices.Clone(c.Entries)
	if name == "" {
		text = nil
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	set, err := compile(patterns)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if err := set.markIgnored(out.Entries); err != nil {
		return nil, fmt.Errorf("applying %s: %w", name, err)
	}
	return &out, nil
}

// markIgnored sets Ignored on entries in tree order, in the way in which
// BuildKit's client filters what it sends: patterns see a path and what its
// parents matched, a directory below which no exception can match is not
// entered, and the parents of what is sent are sent.
func (s patternSet) markIgnored(entries []Entry) error {
	var parents []visited
	skip := "" // with a trailing slash: nothing below is looked at
	for i := range entries {
		e := &entries[i]
		if skip != "" && strings.HasPrefix(e.Path, skip) {
			e.Ignored = true
			continue
		}
		parents = ancestors(parents, e.Path)
		matched, info, err := s.match(e.Path, last(parents))
		if err != nil {
			return err
		}
		e.Ignored = matched
		if !matched {
			sendParents(entries, parents)
		}
		if !e.Mode.IsDir() {
			continue
		}
		if matched && s.nothingBelow(e.Path) {
			skip = e.Path + "/"
			continue
		}
		parents = append(parents, visited{index: i, prefix: e.Path + "/", matched: info})
	}
	return nil
}

// visited is a directory above the entry that is looked at, and which patterns matched it.
type visited struct {
	index   int
	prefix  string
	matched []bool
}

func ancestors(parents []visited, path string) []visited {
	for len(parents) > 0 && !strings.HasPrefix(path, parents[len(parents)-1].prefix) {
		parents = parents[:len(parents)-1]
	}
	return parents
}

func last(parents []visited) []bool {
	if len(parents) == 0 {
		return nil
	}
	return parents[len(parents)-1].matched
}

func sendParents(entries []Entry, parents []visited) {
	for i := len(parents) - 1; i >= 0 && entries[parents[i].index].Ignored; i-- {
		entries[parents[i].index].Ignored = false
	}
}
