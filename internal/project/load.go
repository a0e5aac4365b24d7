package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/image"
)

// maxDockerfile bounds the size of a Dockerfile: BuildKit's own limit is 16 MB,
// no real one comes near a megabyte.
const maxDockerfile = 1 << 20

// maxText bounds the other files that are read whole for rewriting.
const maxText = 1 << 20

// Options say how a project is read.
type Options struct {
	// Context is the context directory; empty means the Dockerfile's folder.
	Context string
	// Detectors find out what the application is, the first that knows it wins.
	Detectors []ecosystem.Detector
}

// Load reads the project at path: a Dockerfile, or a folder that has one. An
// error that is a *dockerfile.SyntaxError names the place.
func Load(ctx context.Context, path string, opts Options) (*Project, error) {
	file, err := findDockerfile(path)
	if err != nil {
		return nil, err
	}
	src, err := readBounded(file, maxDockerfile)
	if err != nil {
		return nil, fmt.Errorf("reading the Dockerfile: %w", err)
	}
	root := opts.Context
	if root == "" {
		root = filepath.Dir(file)
	}
	tree, err := buildctx.Walk(ctx, root, file)
	if err != nil {
		return nil, fmt.Errorf("reading the build context: %w", err)
	}
	p := &Project{Root: tree.Root, DockerfilePath: relative(root, file), Context: tree, opts: opts, original: tree}
	p.IgnorePath = tree.IgnoreName
	if p.IgnorePath == "" {
		p.IgnorePath = ".dockerignore"
	}
	if err := p.parse(src); err != nil {
		return nil, err
	}
	p.Repository = ReadRepository(ctx, tree.Root)
	return p, p.detect()
}

// parse reads the Dockerfile's text.
func (p *Project) parse(src []byte) error {
	file, err := dockerfile.Parse(p.DockerfilePath, src)
	if err != nil {
		return err
	}
	p.File, p.Final = file, file.Final()
	return nil
}

// detect finds out what the application is.
func (p *Project) detect() error {
	p.Facts = nil
	for _, d := range p.opts.Detectors {
		facts, err := d.Detect(ecosystem.Input{Context: p.Context.FS(), Dockerfile: p.File, Final: p.Final})
		if err != nil {
			return fmt.Errorf("looking for a %s application: %w", d.Name, err)
		}
		if facts != nil {
			p.Facts = facts
			return nil
		}
	}
	return nil
}

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
	file := filepath.Join(path, "Dockerfile")
	if info, err = os.Stat(file); err == nil {
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

func readBounded(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, over the limit of %d", name, info.Size(), limit)
	}
	return os.ReadFile(name)
}

func relative(root, file string) string {
	absRoot, err1 := filepath.Abs(root)
	absFile, err2 := filepath.Abs(file)
	rel, err3 := filepath.Rel(absRoot, absFile)
	if errors.Join(err1, err2, err3) != nil {
		return filepath.ToSlash(file)
	}
	return filepath.ToSlash(rel)
}

// WithBases returns the project with what registries say about its base
// images; reason says why some are missing.
func (p *Project) WithBases(bases map[string]image.Family, reason string) *Project {
	next := *p
	next.Bases, next.BasesError = bases, reason
	return &next
}

// With returns the project with the texts of files replaced, in memory: the
// Dockerfile is parsed anew, the ignore file decides anew what is sent, and the
// facts are found anew. Other files are only remembered.
func (p *Project) With(files map[string]string) (*Project, error) {
	next := *p
	next.changes = maps.Clone(p.changes)
	if next.changes == nil {
		next.changes = map[string]string{}
	}
	maps.Copy(next.changes, files)
	if text, ok := files[p.IgnorePath]; ok {
		tree, err := p.original.WithIgnore(p.IgnorePath, []byte(text))
		if err != nil {
			return nil, err
		}
		next.Context = tree
	}
	if text, ok := files[p.DockerfilePath]; ok {
		if err := next.parse([]byte(text)); err != nil {
			return nil, err
		}
	}
	return &next, next.detect()
}

// Changes are the texts that With replaced, by path relative to the root.
func (p *Project) Changes() map[string]string { return maps.Clone(p.changes) }

// Exists reports whether a file is there, on disk or by a change in memory.
func (p *Project) Exists(name string) bool {
	if _, changed := p.changes[name]; changed {
		return true
	}
	_, err := os.Lstat(filepath.Join(p.Root, filepath.FromSlash(name)))
	return err == nil
}

// ReadText returns a file's text as it is now, changes in memory included; a
// file that does not exist is empty. Only the Dockerfile, the ignore file and what lies in
// the context can be read.
func (p *Project) ReadText(name string) (string, error) {
	if text, ok := p.changes[name]; ok {
		return text, nil
	}
	switch {
	case name == p.DockerfilePath:
		return string(p.File.Source), nil
	case name == p.IgnorePath:
		return string(p.Context.IgnoreText), nil
	case !fs.ValidPath(path.Clean(name)):
		return "", fmt.Errorf("%s: outside of the context", name)
	}
	root, err := os.OpenRoot(p.Root)
	if err != nil {
		return "", err
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxText {
		return "", fmt.Errorf("%s: not a text file of at most %d bytes", name, maxText)
	}
	text := make([]byte, info.Size())
	n, err := f.Read(text)
	if n == 0 && info.Size() > 0 {
		return "", err
	}
	return string(text[:n]), nil
}
