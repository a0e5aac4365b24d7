package agent

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
)

// maxCache bounds the loader's cache that is read.
const maxCache = 16 << 20

// loader knows where the dynamic loaders of glibc and musl look, in the order
// of ld.so(8). glibc's reads its cache and its built-in directories; ld.so.conf
// is read by ldconfig alone, when it makes the cache, and so not here.
type loader struct {
	root        string // "/" but in tests
	libraryPath []string
	cache       map[string][]string // library → paths
	trusted     []string
}

func newLoader(root, libraryPath string) *loader {
	l := &loader{root: root, libraryPath: searchPath([]string{libraryPath}, "/")}
	if data, err := readBounded(filepath.Join(root, "etc/ld.so.cache"), maxCache); err == nil {
		l.cache = parseCache(data)
	}
	l.trusted = l.trustedDirs()
	return l
}

// trustedDirs are the built-in directories: those of upstream glibc, of
// Debian's and Ubuntu's (by architecture), and of musl where it is installed.
func (l *loader) trustedDirs() []string {
	dirs := []string{"/lib64", "/usr/lib64", "/lib", "/usr/lib"}
	for _, pattern := range []string{"lib/*-linux-gnu*", "usr/lib/*-linux-gnu*"} {
		matches, _ := filepath.Glob(filepath.Join(l.root, pattern))
		for _, m := range matches {
			dirs = append(dirs, "/"+strings.TrimPrefix(strings.TrimPrefix(m, l.root), "/"))
		}
	}
	if musl, _ := filepath.Glob(filepath.Join(l.root, "lib/ld-musl-*.so.1")); len(musl) == 0 {
		return dirs
	}
	dirs = append(dirs, "/lib", "/usr/local/lib", "/usr/lib")
	lists, _ := filepath.Glob(filepath.Join(l.root, "etc/ld-musl-*.path"))
	for _, list := range lists {
		if data, err := readBounded(list, 64<<10); err == nil {
			dirs = append(dirs, searchPath([]string{strings.ReplaceAll(string(data), "\n", ":")}, "/")...)
		}
	}
	return dirs
}

// candidates are the existing files that the loader would try for a library, in its order.
func (l *loader) candidates(o *object, library string) []string {
	if strings.Contains(library, "/") {
		return l.existing([]string{library})
	}
	first, second := o.rpath, l.libraryPath
	if o.runpath {
		first, second = second, first
	}
	var paths []string
	for _, dir := range append(append([]string{}, first...), second...) {
		paths = append(paths, filepath.Join(dir, library))
	}
	paths = append(paths, l.cache[library]...)
	for _, dir := range l.trusted {
		paths = append(paths, filepath.Join(dir, library))
	}
	return l.existing(paths)
}

func (l *loader) existing(paths []string) []string {
	var found []string
	for _, p := range paths {
		if file := l.inRoot(p); fileExists(file) {
			found = append(found, file)
		}
	}
	return found
}

func (l *loader) exists(path string) bool { return fileExists(l.inRoot(path)) }

// inRoot places a path of the container below the root; paths that came from
// a file's own place ($ORIGIN) are there already.
func (l *loader) inRoot(path string) string {
	if l.root == "/" || strings.HasPrefix(path, l.root+"/") {
		return path
	}
	return filepath.Join(l.root, path)
}

func fileExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, os.ErrInvalid
	}
	return os.ReadFile(path)
}

// parseCache reads ld.so.cache in the format of glibc 2.2 and later
// (dl-cache.h's cache_file_new): a header of 48 bytes whose number of entries
// follows the magic, entries of 24 bytes, then strings. Offsets count from the
// magic, which an old-format table may precede.
func parseCache(data []byte) map[string][]string {
	const magic, header, entry = "glibc-ld.so.cache1.1", 48, 24
	start := bytes.Index(data, []byte(magic))
	if start < 0 || len(data)-start < header {
		return nil
	}
	data = data[start:]
	count := int(binary.NativeEndian.Uint32(data[len(magic):]))
	libraries := map[string][]string{}
	for i := range min(count, (len(data)-header)/entry) {
		e := data[header+i*entry:]
		name, path := cString(data, binary.NativeEndian.Uint32(e[4:])), cString(data, binary.NativeEndian.Uint32(e[8:]))
		if name != "" && path != "" {
			libraries[name] = append(libraries[name], path)
		}
	}
	return libraries
}

// cString is the zero-terminated string at an offset, "" when it is out of bounds.
func cString(data []byte, offset uint32) string {
	if uint64(offset) >= uint64(len(data)) {
		return ""
	}
	s, _, ok := bytes.Cut(data[offset:], []byte{0})
	if !ok || len(s) > 4096 {
		return ""
	}
	return string(s)
}
