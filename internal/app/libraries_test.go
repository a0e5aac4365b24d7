package app

import (
	"slices"
	"testing"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/project"
)

func TestWhichFilesAreLoaded(t *testing.T) {
	seen := &ecosystem.Observed{Opened: []string{
		"/usr/local/lib/python3.11/site-packages/psycopg2/__init__.py",
		"/srv/node_modules/serve/build/main.js", "/srv/node_modules/clipboardy/index.js", "/srv/node_modules/sharp/package.json",
	}}
	p := &proof{observed: seen, project: &project.Project{Facts: &ecosystem.Facts{Imports: []string{"lxml"}}}}
	for file, want := range map[string]bool{
		"/opt/venv/lib/python3.11/site-packages/psycopg2/_psycopg.so": true,  // of a package that was loaded, elsewhere
		"/opt/venv/lib/python3.11/site-packages/lxml/etree.so":        true,  // of one that the source imports
		"/opt/venv/lib/python3.11/site-packages/numpy/core.so":        false, // of neither
		"/srv/node_modules/clipboardy/fallbacks/linux/xsel":           false, // a program of one that was loaded, which was not started
		"/srv/node_modules/sharp/build/sharp.node":                    false, // of one that was only looked at
		"/srv/node_modules/serve/addon.node":                          true,
		"/srv/bin/tool":                                               true, // the application's own
	} {
		if got := p.loads(file); got != want {
			t.Errorf("%s: %v, want %v", file, got, want)
		}
	}
	for name, untold := range map[string]*proof{
		"no run":               {project: p.project},
		"a run not watched":    {project: p.project, observed: &ecosystem.Observed{Opened: seen.Opened, Untraced: "no watches"}},
		"nothing seen to open": {project: p.project, observed: &ecosystem.Observed{}},
		"no facts":             {project: &project.Project{}, observed: seen},
	} {
		if !untold.loads("/srv/node_modules/clipboardy/fallbacks/linux/xsel") {
			t.Errorf("%s: a file is taken to be unused", name)
		}
	}
}

// What a package loads that only a handler imports was not seen in the run. Names that are not packages in that folder say
// nothing: those of the language, of the source, and of what is not installed.
func TestImportsThatTheRunDidNotShow(t *testing.T) {
	const folder = "/opt/venv/lib/python3.11/site-packages"
	missing := []agent.MissingLibrary{{File: folder + "/rasterio/_base.cpython-311-x86_64-linux-gnu.so", Library: "libexpat.so.1"}}
	for _, c := range []struct {
		name           string
		imports, after []string
		want           []string
	}{
		{"a package", []string{"flask", "os", "rioxarray"}, []string{folder + "/flask", folder + "/rioxarray"}, []string{folder}},
		{"a module", []string{"flask", "lazy"}, []string{folder + "/flask", folder + "/lazy.py"}, []string{folder}},
		{"all were loaded", []string{"flask"}, []string{folder + "/flask", folder + "/rioxarray"}, nil},
		{"not installed", []string{"flask", "os", "models", "uvloop"}, []string{folder + "/flask", "/srv/models"}, nil},
		{"loaded itself", []string{"flask", "rasterio", "lazy"}, []string{folder + "/lazy"}, nil}, // which settles it
	} {
		p := &proof{
			engine:   &trees{files: map[string][]string{"after": c.after}},
			after:    &side{built: &observe.Built{Result: &engine.BuildResult{Image: "after"}}},
			observed: &ecosystem.Observed{Opened: []string{"/usr/local/lib/python3.11/site-packages/flask/app.py"}},
			project:  &project.Project{Facts: &ecosystem.Facts{Imports: c.imports}},
		}
		if got, err := p.hiddenImports(t.Context(), missing); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}
