package compose

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// maxFile bounds every file that is read, in bytes: real ones have some kilobytes.
const maxFile = 1 << 20

// names and overrides are the files that compose looks for, the preferred ones first.
func names() []string {
	return []string{"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"}
}

func overrides() []string {
	return []string{"compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"}
}

// variant is the name of a compose file that compose does not take by itself: compose.prod.yml.
var variant = regexp.MustCompile(`^(docker-)?compose([.-][\w.-]+)?\.ya?ml$`)

// IsFile reports whether the name is that of a compose file.
func IsFile(name string) bool { return variant.MatchString(filepath.Base(name)) }

// Find returns the files that compose takes in a folder: those that COMPOSE_FILE lists, in the environment given as
// NAME=value or in the folder's .env, there or not; else the main one and, if there is one, the override; none when
// the folder has none. An .env belongs to who made the folder, and not to who runs this: it is an error when it lists files elsewhere.
func Find(dir string, environ []string) ([]string, error) {
	listed, err := listedFiles(dir, environ)
	if len(listed) > 0 || err != nil {
		return listed, err
	}
	return usual(dir), nil
}

// listedFiles are those of COMPOSE_FILE. An .env that can't be read is told when the files are.
func listedFiles(dir string, environ []string) (files []string, err error) {
	vars, _ := environment(dir, environ)
	callers := slices.ContainsFunc(environ, func(pair string) bool { return strings.HasPrefix(pair, "COMPOSE_FILE=") })
	separator := cmp.Or(vars["COMPOSE_PATH_SEPARATOR"], string(os.PathListSeparator))
	for _, file := range strings.Split(vars["COMPOSE_FILE"], separator) {
		switch {
		case file == "" || len(files) == maxFiles:
			continue
		case !filepath.IsAbs(file):
			file = filepath.Join(dir, file)
		}
		if !callers && !liesBelow(dir, file) {
			return nil, fmt.Errorf("%s: COMPOSE_FILE lists a file outside of that folder: name the compose file, or set COMPOSE_FILE in the environment", filepath.Join(dir, ".env"))
		}
		files = append(files, file)
	}
	return files, nil
}

// liesBelow reports whether a file lies below a folder, as it is written and with links followed: its own folder, which says what
// else is read, and the file itself.
func liesBelow(dir, file string) bool {
	t := tree{root: followed(dir)}
	from, err1 := filepath.Abs(dir)
	to, err2 := filepath.Abs(file)
	return errors.Join(err1, err2) == nil && local(from, to) && t.holds(filepath.Dir(file)) && t.holds(file)
}

// maxFiles bounds how many files are read together.
const maxFiles = 20

// usual are the files that compose looks for by their names.
func usual(dir string) []string {
	main := first(dir, names())
	if main == "" {
		return nil
	}
	if over := first(dir, overrides()); over != "" {
		return []string{main, over}
	}
	return []string{main}
}

// Files are the files that belong to path, a compose file that is named: one that compose would find by itself
// brings its override along, as it does there.
func Files(path string) []string {
	if slices.Contains(names(), filepath.Base(path)) {
		if found := usual(filepath.Dir(path)); len(found) == 2 && filepath.Base(found[0]) == filepath.Base(path) {
			return []string{path, found[1]}
		}
	}
	return []string{path}
}

func first(dir string, names []string) string {
	for _, name := range names {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// read reads a file of at most maxFile bytes.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", path, fs.ErrNotExist)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s: %d bytes, over the limit of %d", path, info.Size(), maxFile)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile))
}
