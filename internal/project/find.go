package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// findDockerfile returns the file that path names.
func findDockerfile(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s: no such file or folder", path)
	case err != nil:
		return "", fmt.Errorf("looking for a Dockerfile: %w", err)
	case info.Mode().IsRegular():
		return path, nil
	case !info.IsDir():
		return "", fmt.Errorf("%s: neither a file nor a folder", path)
	}
	// BuildKit takes the name in lower case too
	for _, name := range []string{"Dockerfile", "dockerfile"} {
		file := filepath.Join(path, name)
		info, err := os.Stat(file)
		if err != nil {
			continue
		}
		if info.IsDir() {
			return "", fmt.Errorf("%s: is a folder, not a Dockerfile", file)
		}
		return file, nil
	}
	return "", fmt.Errorf("%s: no Dockerfile in this folder%s", path, nearMisses(path))
}

// nearMisses names what may have been meant.
func nearMisses(dir string) string {
	found, err := Discover(dir)
	if err != nil || len(found) == 0 {
		return ": name the file, or the folder that has it"
	}
	const most = 3
	names := found[:min(most, len(found))]
	hint := "; did you mean " + strings.Join(names, " or ")
	if len(found) > most {
		hint += " …"
	}
	return hint + "?"
}

// Discover finds the Dockerfiles below a folder, sorted: Dockerfile,
// Dockerfile.*, *.Dockerfile and Containerfile. Folders that hold other people's
// files (.git, node_modules, virtual environments) are passed over, and links not followed.
func Discover(root string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if d != nil && d.IsDir() && name != root {
				return fs.SkipDir
			}
			return err
		}
		if d.IsDir() {
			if name != root && foreign(name, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && isDockerfile(d.Name()) {
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for Dockerfiles: %w", err)
	}
	slices.Sort(found)
	return found, nil
}

func foreign(name, base string) bool {
	switch base {
	case ".git", ".hg", ".svn", "node_modules", ".venv", "site-packages", "vendor":
		return true
	}
	_, err := os.Stat(filepath.Join(name, "pyvenv.cfg"))
	return err == nil
}

func isDockerfile(base string) bool {
	lower := strings.ToLower(base)
	if strings.HasSuffix(lower, ".dockerignore") {
		return false
	}
	return base == "Dockerfile" || base == "Containerfile" || strings.HasPrefix(base, "Dockerfile.") || strings.HasSuffix(lower, ".dockerfile")
}

// readDockerfile reads the file that is named. A link may lead to its
// neighbours, as in repositories with a folder of Dockerfiles, but not anywhere.
func readDockerfile(file, root string) ([]byte, error) {
	target, err := filepath.EvalSymlinks(file)
	if err != nil {
		return nil, fmt.Errorf("reading the Dockerfile: %w", err)
	}
	if info, err := os.Lstat(file); err == nil && info.Mode()&fs.ModeSymlink != 0 && !near(target, file, root) {
		return nil, fmt.Errorf("%s: is a link to %s, outside of the project: name that file instead", file, target)
	}
	src, err := readBounded(target, maxDockerfile)
	if err != nil {
		return nil, fmt.Errorf("reading the Dockerfile: %w", err)
	}
	return src, nil
}

// near reports whether target lies below the folder around the context or around the Dockerfile's folder.
func near(target, file, root string) bool {
	for _, dir := range []string{root, filepath.Dir(file)} {
		abs, err := filepath.Abs(dir)
		if err != nil {
			continue
		}
		if abs, err = filepath.EvalSymlinks(abs); err != nil {
			continue
		}
		if rel, err := filepath.Rel(filepath.Dir(abs), target); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// ReadText reads a Dockerfile or ignore file that need not be part of a project. A pipe or a device is refused.
func ReadText(name string) ([]byte, error) { return readBounded(name, maxDockerfile) }

func readBounded(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, over the limit of %d", name, info.Size(), limit)
	}
	return os.ReadFile(name)
}
