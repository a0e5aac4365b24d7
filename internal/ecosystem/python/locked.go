package python

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// shippedOf are the packages, by their import names, that a command installs for certain without those for development:
// what is needed, and what the lockfile says that this needs in turn. What hangs on a platform, a version or an extra is left out.
func (in *install) shippedOf(c container.Command, needed []string) map[string]bool {
	var needs map[string][]string
	for _, f := range toolManifests[c.Name] {
		if name, ok := in.files.InContext(path.Join(c.Dir, f.name)); ok && f.kind == "lock" {
			text, _ := readSmall(in.in.Context, name)
			if c.Name == "pipenv" {
				needed = append(needed, pipenvLocked(text)...)
			} else {
				needs = lockedNeeds(text)
			}
		}
	}
	shipped := map[string]bool{}
	for len(needed) > 0 {
		name := importName(needed[0])
		if needed = needed[1:]; !shipped[name] {
			shipped[name] = true
			needed = append(needed, needs[name]...)
		}
	}
	return shipped
}

// alwaysNeeds are the dependencies of a project that are installed wherever it is.
func (p project) alwaysNeeds() (names []string) {
	for _, d := range p.Project.Dependencies {
		if !strings.Contains(d, ";") {
			names = append(names, d)
		}
	}
	return append(names, always(p.Tool.Poetry.Dependencies)...)
}

// always are the entries of a table of dependencies that hang on no condition.
func always(deps map[string]any) (names []string) {
	for name, d := range deps {
		table, _ := d.(map[string]any)
		_, plain := d.(string)
		if plain || table != nil && !slices.ContainsFunc(slices.Collect(maps.Keys(table)), conditional) {
			names = append(names, name)
		}
	}
	return names
}

// conditional reports whether a key of a dependency may make it hang on something.
func conditional(key string) bool {
	return !slices.Contains([]string{"version", "extras", "index", "source", "allow-prereleases", "git", "rev", "tag", "branch", "ref", "url", "path", "develop", "editable"}, key)
}

// lockedNeeds are what each package of a poetry.lock or uv.lock needs, by import names. One with several versions needs
// something else in each.
func lockedNeeds(text string) map[string][]string {
	var lock struct {
		Package []struct {
			Name         string `toml:"name"`
			Dependencies any    `toml:"dependencies"`
		} `toml:"package"`
	}
	if err := decodeTOML(text, &lock); err != nil {
		return nil
	}
	needs := map[string][]string{}
	for _, p := range lock.Package {
		name := importName(p.Name)
		if _, again := needs[name]; again {
			needs[name] = nil
			continue
		}
		needs[name] = []string{}
		if table, ok := p.Dependencies.(map[string]any); ok { // poetry's
			needs[name] = always(table)
		}
		for _, d := range listOf(p.Dependencies) { // uv's
			table, _ := d.(map[string]any)
			if other, ok := table["name"].(string); ok && table["marker"] == nil {
				needs[name] = append(needs[name], other)
			}
		}
	}
	return needs
}

// listOf is a list of TOML, whatever it holds.
func listOf(value any) (list []any) {
	tables, _ := value.([]map[string]any)
	for _, t := range tables {
		list = append(list, t)
	}
	more, _ := value.([]any)
	return append(list, more...)
}

// pipenvLocked are the packages that a Pipfile.lock has for production.
func pipenvLocked(text string) (names []string) {
	var lock struct {
		Default map[string]struct {
			Markers string `json:"markers"`
		} `json:"default"`
	}
	if json.Unmarshal([]byte(text), &lock) != nil {
		return nil
	}
	for name, p := range lock.Default {
		// pipenv locks for one version of Python, and notes for nearly every package which ones it supports.
		if p.Markers == "" || strings.HasPrefix(p.Markers, "python_version >= ") && !strings.Contains(p.Markers, " and ") && !strings.Contains(p.Markers, " or ") {
			names = append(names, name)
		}
	}
	return names
}
