package compose

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxNamed  = 100 // files that other files name and that are read, the same one counted each time
	maxNested = 10  // of includes
)

// within reads files that compose files name, of one folder alone: neither .. nor a link leads out of it.
type within struct {
	dir   string
	root  *os.Root // nil until something is read
	files []string // that were read
	reads int
}

func (w *within) close() {
	if w.root != nil {
		w.root.Close()
	}
}

// unreachable is why a file that another one names is not read.
type unreachable struct {
	why string
	err error
}

func unreached(format string, args ...any) error {
	return &unreachable{why: fmt.Sprintf(format, args...)}
}

func (u *unreachable) Error() string { return u.why }

func (u *unreachable) Unwrap() error { return u.err }

// far is why nothing outside of the folder is read.
const far = "lies outside of the folder of the compose file"

// open opens a regular file of at most limit bytes.
func (w *within) open(path string, limit int64) (*os.File, error) {
	inside, err := w.find(path, limit)
	if err != nil {
		return nil, err
	}
	f, err := w.root.Open(inside)
	if err != nil {
		return nil, unreached("can't be read (%v)", errors.Unwrap(err))
	}
	return f, nil
}

// find is the place in the folder of a regular file of at most limit bytes.
func (w *within) find(path string, limit int64) (inside string, err error) {
	if w.root == nil {
		if w.root, err = os.OpenRoot(w.dir); err != nil {
			return "", err
		}
	}
	if inside, err = w.inside(path); err != nil {
		return "", err
	}
	info, err := w.root.Stat(inside) // it is not opened first, which would wait where it is a pipe
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", &unreachable{"is not there", err}
	case err != nil && w.leadsOut(path):
		return "", unreached("leads through a link that ends outside of the folder of the compose file")
	case err != nil:
		return "", unreached("can't be read (%v)", errors.Unwrap(err))
	case !info.Mode().IsRegular():
		return "", unreached("is not a regular file")
	case info.Size() > limit:
		return "", unreached("has %d bytes, over the limit of %d", info.Size(), limit)
	}
	return inside, nil
}

// inside is the path relative to the folder.
func (w *within) inside(path string) (string, error) {
	if remote(path) {
		return "", unreached("is fetched from elsewhere: put a copy of it in the folder of the compose file")
	}
	dir, err1 := filepath.Abs(w.dir)
	whole, err2 := filepath.Abs(path)
	inside, err3 := filepath.Rel(dir, whole)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	if err3 != nil || ofHome(path) || !filepath.IsLocal(inside) {
		return "", unreached(far)
	}
	return inside, nil
}

// leadsOut reports whether links on a path end outside of the folder.
func (w *within) leadsOut(path string) bool {
	dir, err1 := filepath.EvalSymlinks(w.dir)
	end, err2 := filepath.EvalSymlinks(path)
	if errors.Join(err1, err2) != nil {
		return false
	}
	_, err := (&within{dir: dir}).inside(end)
	return err != nil
}

// read reads a file that has a say in what is built.
func (w *within) read(path string) ([]byte, error) {
	if w.reads++; w.reads > maxNamed {
		return nil, unreached("is one of more than %d files that are named", maxNamed)
	}
	f, err := w.open(path, maxFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// readCompose reads a compose file, and notes that it was.
func (w *within) readCompose(path string) ([]byte, error) {
	text, err := w.read(path)
	if err == nil && !slices.Contains(w.files, path) {
		w.files = append(w.files, path)
	}
	return text, err
}

// at is a path that starts at dir unless it is absolute, the user's own or somewhere else altogether.
func at(dir, path string) string {
	switch {
	case remote(path) || ofHome(path):
		return path
	case filepath.IsAbs(path):
		return filepath.Clean(path)
	}
	return filepath.Join(dir, filepath.FromSlash(path))
}

// ofHome reports whether a path starts at the user's folder, as compose takes it.
func ofHome(path string) bool { return path == "~" || strings.HasPrefix(path, "~/") }
