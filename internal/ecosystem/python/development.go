package python

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
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

// uvDevelopment are the packages of the group that uv installs unless told not to, with those of the groups that it includes.
func (p project) uvDevelopment() (names []string) {
	groups := []any{p.Tool.UV.Dev, p.Groups["dev"]}
	seen := map[string]bool{"dev": true}
	for len(groups) > 0 {
		entries := listOf(groups[0])
		groups = groups[1:]
		for _, entry := range entries {
			if name, ok := entry.(string); ok {
				names = append(names, name)
			}
			table, _ := entry.(map[string]any)
			if other, ok := table["include-group"].(string); ok && !seen[other] {
				seen[other] = true
				groups = append(groups, p.Groups[other])
			}
		}
	}
	return names
}

// importedPackages are the top packages that some file of the source imports, without those that the source itself is made of.
func (s *sources) importedPackages() (names []string) {
	for _, m := range s.list {
		for _, im := range m.all {
			if top, _, _ := strings.Cut(im.Module, "."); im.Dots == 0 && top != "" && s.find(dirOf(m), 0, top) == nil {
				names = append(names, top)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// leavingOut are options of "uv run" with which it installs nothing for development.
var leavingOut = []string{"--no-sync", "--no-dev", "--no-project", "--no-default-groups", "--only-group"}

// uvValued are options of "uv run" whose value is the next word.
var uvValued = []string{"--env-file", "--with", "--python", "-p", "--project", "--directory", "--extra", "--group", "--no-group", "--only-group", "--package", "--index", "--cache-dir"}

// syncedAtStart notes that the container's start makes uv install again, packages for development with the rest.
func (in *install) syncedAtStart() {
	if isTrue(in.env["UV_NO_SYNC"]) || isTrue(in.env["UV_NO_DEV"]) {
		return
	}
	argv := in.launch.Likely
	at := slices.IndexFunc(argv, func(word string) bool { return path.Base(word) == "uv" })
	if at >= 0 && at+1 < len(argv) && argv[at+1] == "run" && !leavesDev(argv[at+2:]) {
		in.note("dev-dependencies", "uv run installs them again when the container starts: write uv run --no-sync, or start the program of .venv/bin", in.docker(in.launch.Line, "the command"))
		return
	}
	for _, program := range container.Called(in.in) {
		if program.Value == "uv" && program.Source.File != in.in.Dockerfile.Name {
			in.note("dev-dependencies", fmt.Sprintf("uv may install them again when the container starts (%s:%d): set UV_NO_SYNC=1 in the image", program.Source.File, program.Source.Line), program.Source)
		}
	}
}

// leavesDev reports whether the options at the front of "uv run" leave packages for development alone.
func leavesDev(args []string) bool {
	for i := 0; i < len(args) && strings.HasPrefix(args[i], "-"); i++ {
		name, _, glued := strings.Cut(args[i], "=")
		if slices.Contains(leavingOut, name) {
			return true
		}
		if !glued && slices.Contains(uvValued, name) {
			i++
		}
	}
	return false
}

// needsDev notes a development package that the source imports: it has to stay.
func (d *detection) needsDev() {
	if !d.facts.DevDependencies.Known() {
		return
	}
	for _, c := range d.in.Commands {
		for _, word := range strings.Fields(strings.Join(slices.Concat(c.Value.Entrypoint, c.Value.Argv), " ")) {
			if slices.Contains(d.facts.DevPackages, importName(path.Base(word))) {
				d.note("dev-dependencies", "development dependencies stay in the image: "+path.Base(word)+" is one of them, and "+c.Value.By+" starts it: move it to the other dependencies", c.Source)
				return
			}
		}
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
