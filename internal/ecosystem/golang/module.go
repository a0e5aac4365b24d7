package golang

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// maxManifest bounds the size of the module files that are read, in bytes.
const maxManifest = 1 << 20

// module is the main module.
type module struct {
	dir    string // of go.mod in the context; "." for its root
	file   *modfile.File
	vendor bool // vendor/modules.txt lies beside it: nothing is downloaded
}

// name is the module's path.
func (m *module) name() string {
	if m.file.Module == nil {
		return ""
	}
	return m.file.Module.Mod.Path
}

// at is the proof that a line of go.mod gives.
func (m *module) at(line *modfile.Line, note string) ecosystem.Source {
	n := 0
	if line != nil {
		n = line.Start.Line
	}
	return ecosystem.Source{File: path.Join(m.dir, "go.mod"), Line: n, Note: note}
}

// modules finds go.mod for the directory in which the first build runs, and the manifests.
func (d *detection) modules() {
	if d.in.Context == nil {
		return
	}
	dir := d.buildDir()
	for {
		if text, ok := readSmall(d.in.Context, path.Join(dir, "go.mod")); ok {
			d.readModule(dir, text)
			return
		}
		if dir == "." {
			d.note("manifests", "no go.mod is in the context where the build runs", ecosystem.Source{})
			return
		}
		dir = path.Dir(dir)
	}
}

// buildDir is the context's directory that lies where the first build runs.
func (d *detection) buildDir() string {
	if d.files == nil || len(d.built.steps) == 0 {
		return "."
	}
	if name, ok := d.files.InContext(d.built.steps[0].dir); ok && fs.ValidPath(name) {
		return name
	}
	return "."
}

func (d *detection) readModule(dir, text string) {
	name := path.Join(dir, "go.mod")
	file, err := modfile.Parse(name, []byte(text), nil)
	if err != nil { // a directive of a newer Go: what is known is read, without replacements
		file, err = modfile.ParseLax(name, []byte(text), nil)
	}
	if err != nil || file.Module == nil {
		d.note("manifests", name+" can't be read", ecosystem.Source{File: name})
		return
	}
	d.mod = &module{dir: dir, file: file}
	_, err = fs.Stat(d.in.Context, path.Join(dir, "vendor/modules.txt"))
	d.mod.vendor = err == nil
	d.manifest(name, "gomod", d.mod.at(file.Module.Syntax, "the module's file"))
	for _, f := range []struct{ name, kind string }{{"go.sum", "gosum"}, {"go.work", "gowork"}, {"go.work.sum", "gosum"}} {
		if d.exists(path.Join(dir, f.name)) {
			d.manifest(path.Join(dir, f.name), f.kind, ecosystem.Source{File: path.Join(dir, f.name), Note: "the go command reads it"})
		}
	}
	d.installReadsSource()
}

func (d *detection) manifest(name, kind string, source ecosystem.Source) {
	d.facts.Manifests = append(d.facts.Manifests, ecosystem.Fact[ecosystem.Manifest]{Value: ecosystem.Manifest{Path: name, Kind: kind}, Source: source})
}

func (d *detection) exists(name string) bool {
	_, err := fs.Stat(d.in.Context, name)
	return err == nil
}

// installReadsSource is known where go mod download needs more than the
// module's own files: a local replacement, or the modules of a workspace. With vendor/ nothing is downloaded at all.
func (d *detection) installReadsSource() {
	set := func(value string, source ecosystem.Source) {
		if !d.facts.InstallReadsSource.Known() {
			d.facts.InstallReadsSource = ecosystem.Fact[string]{Value: value, Source: source}
		}
	}
	for _, r := range d.mod.file.Replace {
		if r.New.Version == "" {
			set(fmt.Sprintf("go.mod replaces %s by the folder %s", r.Old.Path, r.New.Path), d.mod.at(r.Syntax, "a local replacement"))
		}
	}
	if name := path.Join(d.mod.dir, "go.work"); d.exists(name) {
		set("the workspace reads the go.mod of each of its modules", ecosystem.Source{File: name, Note: "the workspace"})
	}
	if d.mod.vendor {
		set("dependencies are in vendor/, and nothing is downloaded", ecosystem.Source{File: path.Join(d.mod.dir, "vendor/modules.txt"), Note: "vendored dependencies"})
	}
}

// requires finds the line that requires a module; nil when there is none.
func (m *module) requires(name string) *modfile.Require {
	for _, r := range m.file.Require {
		if r.Mod.Path == name || strings.HasPrefix(r.Mod.Path, name+"/v") && !strings.Contains(r.Mod.Path[len(name)+2:], "/") {
			return r
		}
	}
	return nil
}

// readSmall reads a text file; false when there is none or it is too large.
func readSmall(fsys fs.FS, name string) (string, bool) {
	if !fs.ValidPath(name) {
		return "", false
	}
	info, err := fs.Stat(fsys, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxManifest {
		return "", false
	}
	src, err := fs.ReadFile(fsys, name)
	return string(src), err == nil
}
