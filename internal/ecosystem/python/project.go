package python

import (
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/requirements"
)

// project is the part of pyproject.toml that matters here.
type project struct {
	BuildSystem map[string]any `toml:"build-system"`
	Project     struct {
		RequiresPython string            `toml:"requires-python"`
		Dependencies   []string          `toml:"dependencies"`
		Scripts        map[string]string `toml:"scripts"`
	} `toml:"project"`
	Groups map[string]any `toml:"dependency-groups"`
	Tool   struct {
		Poetry struct {
			Dependencies    map[string]any         `toml:"dependencies"`
			DevDependencies map[string]any         `toml:"dev-dependencies"`
			Group           map[string]poetryGroup `toml:"group"`
			Scripts         map[string]any         `toml:"scripts"`
			PackageMode     *bool                  `toml:"package-mode"`
		} `toml:"poetry"`
		UV struct {
			Package   *bool          `toml:"package"`
			Workspace map[string]any `toml:"workspace"`
			Sources   map[string]any `toml:"sources"`
			Dev       []any          `toml:"dev-dependencies"`
		} `toml:"uv"`
	} `toml:"tool"`
}

type poetryGroup struct {
	Optional     bool           `toml:"optional"`
	Dependencies map[string]any `toml:"dependencies"`
}

// parseProject reads pyproject.toml; what can't be read is left empty.
func parseProject(text string) project {
	var p project
	if err := decodeTOML(text, &p); err != nil {
		return project{}
	}
	return p
}

// developmentGroups name the groups for development, of those that poetry installs unless told not to.
func (p project) developmentGroups() (names []string) {
	if len(p.Tool.Poetry.DevDependencies) > 0 {
		names = append(names, "dev")
	}
	for name, g := range p.Tool.Poetry.Group {
		if !g.Optional && len(g.Dependencies) > 0 && forDevelopment(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// forDevelopment tells by its name what a group is for: others, as "docs" or "storage", may be what the application runs with.
func forDevelopment(group string) bool {
	words := strings.FieldsFunc(strings.ToLower(group), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	return group == "dev" || slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "test") || strings.HasPrefix(w, "lint") })
}

// localDependency names a dependency that poetry takes from a path.
func (p project) localDependency() string {
	all := []map[string]any{p.Tool.Poetry.Dependencies, p.Tool.Poetry.DevDependencies}
	for _, g := range p.Tool.Poetry.Group {
		all = append(all, g.Dependencies)
	}
	var found []string
	for _, deps := range all {
		found = append(found, localIn(deps)...)
	}
	for _, d := range p.Project.Dependencies {
		if strings.Contains(d, "@ file:") {
			found = append(found, firstWord(d))
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

// localSource reports whether uv takes a dependency from a path.
func (p project) localSource() bool { return len(localIn(p.Tool.UV.Sources)) > 0 }

// localIn names the entries of a table that have a path.
func localIn(deps map[string]any) (names []string) {
	for name, d := range deps {
		tables, _ := d.([]map[string]any)
		if t, ok := d.(map[string]any); ok {
			tables = append(tables, t)
		}
		if slices.ContainsFunc(tables, func(t map[string]any) bool { return t["path"] != nil }) {
			names = append(names, name)
		}
	}
	return names
}

// hasScript reports whether a name stands for a script of the project, which only the tool knows.
func (p project) hasScript(name string) bool {
	_, poetry := p.Tool.Poetry.Scripts[name]
	_, own := p.Project.Scripts[name]
	return poetry || own
}

// pipfile is the part of a Pipfile that matters here.
type pipfile struct {
	Packages    map[string]any `toml:"packages"`
	DevPackages map[string]any `toml:"dev-packages"`
	Scripts     map[string]any `toml:"scripts"`
}

// parsePipfile reads a Pipfile; what can't be read is left empty.
func parsePipfile(text string) pipfile {
	var p pipfile
	if err := decodeTOML(text, &p); err != nil {
		return pipfile{}
	}
	return p
}

// local names the packages that lie in the source.
func (p pipfile) local() string {
	names := append(localIn(p.Packages), localIn(p.DevPackages)...)
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func fromPipfile(name, text string) (deps []dependency) {
	var names []string
	for d := range parsePipfile(text).Packages {
		names = append(names, d)
	}
	slices.Sort(names)
	for _, d := range names {
		line := requirements.Line{Kind: requirements.Package, Name: requirements.Normalise(d)}
		deps = append(deps, dependency{line, ecosystem.Source{File: name, Line: lineOf(text, d), Note: d}})
	}
	return deps
}
