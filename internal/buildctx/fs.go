package buildctx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"
)

// MaxFileBytes bounds what is read of one file through FS.
const MaxFileBytes = 4 << 20

// ErrTooLarge is returned for reading a file over MaxFileBytes.
var ErrTooLarge = errors.New("file is larger than the 4 MiB that are looked at")

// FS is the context as a build sees it: ignored files are absent, links are
// followed within the context only, and no more than MaxFileBytes is read of a file.
func (c *Context) FS() fs.FS { return sentFS{c} }

type sentFS struct{ c *Context }

var (
	_ fs.ReadDirFS  = sentFS{}
	_ fs.ReadFileFS = sentFS{}
	_ fs.StatFS     = sentFS{}
)

// find follows links and returns the entry; the root has a made one.
func (f sentFS) find(op, name string) (Entry, error) {
	if !fs.ValidPath(name) {
		return Entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	at, ok := f.c.resolve(name)
	if ok && at == "." {
		return Entry{Path: ".", Mode: fs.ModeDir | 0o755}, nil
	}
	e, found := f.c.Lookup(at)
	if !ok || !found {
		return Entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return e, nil
}

// Open opens a file or a directory.
func (f sentFS) Open(name string) (fs.File, error) {
	e, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if e.Mode.IsDir() {
		list, err := f.ReadDir(name)
		return &openDir{info: fileInfo{e, path.Base(name)}, rest: list}, err
	}
	if !e.Mode.IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("not a regular file: %w", fs.ErrInvalid)}
	}
	file, err := OpenRegular(f.c.Root, filepath.FromSlash(e.Path))
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: underlying(err)}
	}
	return &openFile{file: file, info: fileInfo{e, path.Base(name)}, left: MaxFileBytes}, nil
}

// ReadFile reads a whole file of at most MaxFileBytes.
func (f sentFS) ReadFile(name string) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: underlying(err)}
	}
	return text, nil
}

// Stat describes what a name leads to.
func (f sentFS) Stat(name string) (fs.FileInfo, error) {
	e, err := f.find("stat", name)
	if err != nil {
		return nil, err
	}
	return fileInfo{e, path.Base(name)}, nil
}

// ReadDir lists a directory in the order of names.
func (f sentFS) ReadDir(name string) ([]fs.DirEntry, error) {
	dir, err := f.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !dir.Mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	start, end := f.c.below(dir.Path)
	var out []fs.DirEntry
	for i := start; i < end; i = f.c.after(i) {
		if e := f.c.Entries[i]; !e.Ignored {
			out = append(out, fs.FileInfoToDirEntry(fileInfo{e, path.Base(e.Path)}))
		}
	}
	return out, nil
}

func underlying(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// fileInfo describes an entry as it was when the context was walked.
type fileInfo struct {
	entry Entry
	name  string
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.entry.Size }
func (i fileInfo) Mode() fs.FileMode  { return i.entry.Mode }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.entry.Mode.IsDir() }
func (i fileInfo) Sys() any           { return nil }

// openFile stops with an error instead of reading a large file whole.
type openFile struct {
	file *os.File
	info fileInfo
	left int
}

// The file is not embedded: its WriteTo would pass the bound by.
func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return f.file.Close() }

func (f *openFile) Read(p []byte) (int, error) {
	if f.left < 0 {
		return 0, ErrTooLarge
	}
	n, err := f.file.Read(p[:min(len(p), f.left+1)])
	f.left -= n
	if f.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}

// openDir is a directory whose list was read when it was opened.
type openDir struct {
	info fileInfo
	rest []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.name, Err: errors.New("is a directory")}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		out := d.rest
		d.rest = nil
		return out, nil
	}
	if len(d.rest) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.rest))
	out := d.rest[:n]
	d.rest = d.rest[n:]
	return out, nil
}
