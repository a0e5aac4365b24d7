package static

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// maxManifest bounds a package.json, in bytes. Those of published packages are below 100 kB.
const maxManifest = 1 << 20

// manifest is a package.json.
type manifest struct {
	path string // in the context
	text []byte

	Scripts    map[string]string `json:"scripts"`
	Workspaces json.RawMessage   `json:"workspaces"`
	Production map[string]string `json:"dependencies"`
	Developing map[string]string `json:"devDependencies"`
}

// readManifest reads a package.json; nil when there is none, it is too large or no JSON of this form.
func readManifest(context fs.FS, name string) *manifest {
	if context == nil || !fs.ValidPath(name) {
		return nil
	}
	info, err := fs.Stat(context, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxManifest {
		return nil
	}
	text, err := fs.ReadFile(context, name)
	if err != nil {
		return nil
	}
	m := &manifest{path: name, text: text}
	if json.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), m) != nil {
		return nil
	}
	return m
}

// at is the place of a key behind the section that holds it.
func (m *manifest) at(section, key, note string) ecosystem.Source {
	s := ecosystem.Source{File: m.path, Note: note}
	from := bytes.Index(m.text, []byte(`"`+section+`"`))
	if from < 0 {
		return s
	}
	from += len(section) + 2
	if i := bytes.Index(m.text[from:], []byte(`"`+key+`"`)); i >= 0 {
		from += i
	}
	s.Line = 1 + bytes.Count(m.text[:from], []byte("\n"))
	return s
}

// script is what a script of package.json runs, when that is one plain command and no other script runs around it.
func (m *manifest) script(name string) []string {
	text := m.Scripts[name]
	if text == "" || strings.ContainsAny(text, "\r\n") || m.Scripts["pre"+name] != "" || m.Scripts["post"+name] != "" {
		return nil
	}
	f, err := dockerfile.Parse("", []byte("FROM scratch\nCMD "+text))
	if err != nil || len(f.Instructions) != 2 || f.Instructions[1].JSON {
		return nil
	}
	return container.StartOf(f, f.Final()).Argv
}

// lifecycle are the scripts that npm runs when it installs a project (docs.npmjs.com, "Life Cycle Operation Order").
var lifecycle = []string{"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"}

// readsSource says when installing needs more than the manifests.
func (m *manifest) readsSource() ecosystem.Fact[string] {
	for _, name := range lifecycle {
		if m.Scripts[name] != "" {
			return ecosystem.Fact[string]{Value: "installing runs the script " + name, Source: m.at("scripts", name, m.Scripts[name])}
		}
	}
	if len(m.Workspaces) > 0 {
		return ecosystem.Fact[string]{Value: "the project has workspaces, whose own files installing reads", Source: m.at("workspaces", "", "")}
	}
	for _, section := range []struct {
		name string
		list map[string]string
	}{{"dependencies", m.Production}, {"devDependencies", m.Developing}} {
		for _, version := range section.list {
			for _, prefix := range []string{"file:", "link:", "portal:", "workspace:", "./", "../", "/"} {
				if strings.HasPrefix(version, prefix) {
					return ecosystem.Fact[string]{Value: "a dependency is a folder or file of the project", Source: m.at(section.name, version, "it names a place of the project")}
				}
			}
		}
	}
	return ecosystem.Fact[string]{}
}

// beside are files that package managers read in the folder of package.json, with their kinds.
var beside = []ecosystem.Manifest{
	{Path: "package-lock.json", Kind: "lock"}, {Path: "npm-shrinkwrap.json", Kind: "lock"}, {Path: "yarn.lock", Kind: "lock"}, {Path: "pnpm-lock.yaml", Kind: "lock"},
	{Path: ".npmrc", Kind: "settings"}, {Path: ".yarnrc", Kind: "settings"},
}

// folders are those that installing may read, which makes it read more than files that are listed.
var folders = []string{"patches", ".yarn"}

// manifests lists what installing reads.
func (d *detection) manifests() {
	dir := path.Dir(d.pkg.path)
	add := func(name, kind string) {
		d.facts.Manifests = append(d.facts.Manifests, ecosystem.Fact[ecosystem.Manifest]{
			Value: ecosystem.Manifest{Path: name, Kind: kind}, Source: ecosystem.Source{File: name, Note: "the package manager reads it"},
		})
	}
	add(d.pkg.path, "package")
	for _, m := range beside {
		name := path.Join(dir, m.Path)
		if info, err := fs.Stat(d.in.Context, name); err == nil && info.Mode().IsRegular() {
			add(name, m.Kind)
		}
	}
	d.facts.InstallReadsSource = d.pkg.readsSource()
	for _, f := range folders {
		if info, err := fs.Stat(d.in.Context, path.Join(dir, f)); err == nil && info.IsDir() && !d.facts.InstallReadsSource.Known() {
			d.facts.InstallReadsSource = ecosystem.Fact[string]{Value: "installing may read the folder " + f, Source: ecosystem.Source{File: path.Join(dir, f)}}
		}
	}
}
