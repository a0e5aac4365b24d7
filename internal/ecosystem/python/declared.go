package python

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/requirements"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
)

// projectManifests are the files in which a project declares its dependencies.
var projectManifests = []struct {
	name, kind string
	read       func(name, text string) []dependency
}{
	{"pyproject.toml", "pyproject", fromProject},
	{"setup.cfg", "setup", fromConfig},
	{"setup.py", "setup", fromSetup},
}

func fromProject(name, text string) []dependency {
	p := parseProject(text)
	var deps []dependency
	for _, d := range p.Project.Dependencies {
		if line, err := requirements.ParseRequirement(d); err == nil {
			deps = append(deps, dependency{line, ecosystem.Source{File: name, Line: lineOf(text, firstWord(d)), Note: d}})
		}
	}
	var poetry []string
	for d := range p.Tool.Poetry.Dependencies {
		poetry = append(poetry, d)
	}
	slices.Sort(poetry)
	for _, d := range poetry {
		if d != "python" {
			line := requirements.Line{Kind: requirements.Package, Name: requirements.Normalise(d)}
			if table, ok := p.Tool.Poetry.Dependencies[d].(map[string]any); ok && table["git"] != nil {
				line.Kind = requirements.VCS
			}
			deps = append(deps, dependency{line, ecosystem.Source{File: name, Line: lineOf(text, d), Note: d}})
		}
	}
	for i, dep := range deps {
		for name, source := range p.Tool.UV.Sources {
			if table, ok := source.(map[string]any); ok && table["git"] != nil && requirements.Normalise(name) == dep.Name {
				deps[i].Kind = requirements.VCS
			}
		}
	}
	return deps
}

func firstWord(d string) string {
	i := strings.IndexFunc(d, func(r rune) bool { return r > 127 || !isWordByte(byte(r)) && r != '.' })
	if i < 0 {
		return d
	}
	return d[:i]
}

// fromConfig reads the indented lines after install_requires in setup.cfg.
func fromConfig(name, text string) []dependency {
	value, start := configValue(text, "install_requires")
	if start == 0 {
		return nil
	}
	lines := []string{value}
	for _, l := range strings.Split(text, "\n")[start:] {
		if l != "" && l[0] != ' ' && l[0] != '\t' {
			break
		}
		lines = append(lines, l)
	}
	var deps []dependency
	for i, l := range lines {
		if line, err := requirements.ParseRequirement(l); err == nil {
			deps = append(deps, dependency{line, ecosystem.Source{File: name, Line: start + i, Note: strings.TrimSpace(l)}})
		}
	}
	return deps
}

// fromSetup reads setup(install_requires=[…]) as far as it is literal.
func fromSetup(name, text string) []dependency {
	m := newModule(name, "/"+name, syntax.Parse([]byte(text)))
	var deps []dependency
	m.calls(func(c *syntax.Call, full string, sc *scope) {
		if full != "setup" && full != "setuptools.setup" && full != "distutils.core.setup" {
			return
		}
		x := c.Keyword("install_requires")
		if n, ok := x.(*syntax.Name); ok {
			x, _ = sc.lookup(n.ID)
		}
		list, ok := x.(*syntax.List)
		if !ok {
			return
		}
		for _, e := range list.Elems {
			s, ok := e.(*syntax.Str)
			if !ok {
				continue
			}
			if line, err := requirements.ParseRequirement(s.Value); err == nil {
				deps = append(deps, dependency{line, m.at(s.Line(), s.Value)})
			}
		}
	})
	return deps
}

// guessed are the dependencies that the context declares, for when the
// Dockerfile's install commands don't show any.
func guessed(fsys fs.FS) []dependency {
	var deps []dependency
	for _, f := range projectManifests {
		if text, ok := readSmall(fsys, f.name); ok {
			deps = append(deps, f.read(f.name, text)...)
		}
	}
	if text, ok := readSmall(fsys, "requirements.txt"); ok {
		lines, _ := requirements.Parse([]byte(text))
		for _, l := range lines {
			if l.Kind == requirements.Package {
				deps = append(deps, dependency{l, ecosystem.Source{File: "requirements.txt", Line: l.Number, Note: l.Text}})
			}
		}
	}
	return deps
}
