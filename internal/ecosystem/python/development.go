package python

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/requirements"
)

// importName is what a requirement's distribution is imported as, mostly: its normal form, with underscores. Some are
// called otherwise (PyYAML is yaml), which no manifest tells.
func importName(requirement string) string {
	name := strings.TrimSpace(requirement)
	if end := strings.IndexAny(name, " <>=!~[;@("); end >= 0 {
		name = name[:end]
	}
	return strings.ReplaceAll(requirements.Normalise(name), "-", "_")
}

// groupPackages are the packages of a group of poetry's.
func (p project) groupPackages(group string) []string {
	names := slices.Collect(maps.Keys(p.Tool.Poetry.Group[group].Dependencies))
	if group == "dev" {
		names = slices.AppendSeq(names, maps.Keys(p.Tool.Poetry.DevDependencies))
	}
	return names
}

// uvDevelopment are the packages of the group that uv installs unless told not to.
func (p project) uvDevelopment() (names []string) {
	group, _ := p.Groups["dev"].([]any)
	for _, entry := range slices.Concat(group, p.Tool.UV.Dev) {
		if name, ok := entry.(string); ok {
			names = append(names, name)
		}
	}
	return names
}

// importedPackages are the top packages that some file of the source imports.
func (s *sources) importedPackages() (names []string) {
	for _, m := range s.list {
		for _, im := range m.all {
			if top, _, _ := strings.Cut(im.Module, "."); im.Dots == 0 && top != "" {
				names = append(names, top)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// needsDev notes a development package that the source imports: it has to stay.
func (d *detection) needsDev() {
	if !d.facts.DevDependencies.Known() {
		return
	}
	for _, m := range d.sources.list {
		if base := path.Base(m.path); strings.HasPrefix(base, "test_") || base == "conftest.py" || strings.HasSuffix(base, "_test.py") {
			continue
		}
		for _, im := range m.all {
			top, _, _ := strings.Cut(im.Module, ".")
			if im.Dots == 0 && slices.Contains(d.facts.DevPackages, strings.ToLower(top)) {
				d.note("dev-dependencies", "development dependencies stay in the image: "+top+" is one of them, and "+m.path+":"+strconv.Itoa(im.Line)+" imports it: move it to the other dependencies",
					ecosystem.Source{File: m.path, Line: im.Line, Note: "imports it"})
				return
			}
		}
	}
}
