package app

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/project"
)

// libraryDirs are where a version has files with compiled code that are not the base's: what the runner copies, the
// working directory, and where the run of the original had packages.
func (p *proof) libraryDirs(from *project.Project) (dirs []string) {
	add := func(dir string) {
		if dir != "/" && dir != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if facts := from.Facts; facts != nil && facts.Bundle != nil {
		for _, c := range facts.Bundle.Carries {
			if strings.Contains(string(from.File.Source), c.To) {
				add(c.To)
			}
		}
	}
	if final := from.File.Final(); final != nil {
		add(path.Clean(from.File.EndState(final).Workdir))
	}
	if p.observed == nil {
		return dirs
	}
	for _, file := range p.observed.Opened {
		add(pythonFolder(file))
	}
	return dirs
}

// pythonFolder is the folder of Python's packages that a file lies in; empty when it lies in none.
func pythonFolder(file string) string {
	for _, folder := range []string{"/site-packages/", "/dist-packages/"} {
		if at := strings.Index(file, folder); at >= 0 {
			return file[:at+len(folder)-1]
		}
	}
	return ""
}

// settleLibraries leaves in an outcome the shared libraries that after lacks, before did not, and that are needed: by
// a file of a package that the original loaded or the source imports, or by one of the application's own. What else
// lacks one is noted.
func (p *proof) settleLibraries(ctx context.Context, out *observe.Outcome) error {
	if out.Ended != nil { // it was over before its files could be looked at
		missing, err := p.missingIn(ctx, p.after.built.Result.Image, p.libraryDirs(p.result.Project))
		if err != nil {
			return err
		}
		out.Missing = missing
	}
	out.Missing = slices.DeleteFunc(out.Missing, func(m agent.MissingLibrary) bool { return m.Elsewhere != "" })
	if len(out.Missing) == 0 {
		return nil
	}
	lacked, err := p.missingIn(ctx, p.before.built.Result.Image, p.libraryDirs(p.project))
	if err != nil {
		return err
	}
	out.Missing = slices.DeleteFunc(out.Missing, func(m agent.MissingLibrary) bool {
		return slices.ContainsFunc(lacked, func(l agent.MissingLibrary) bool {
			return l.Library == m.Library && placeOf(l.File) == placeOf(m.File)
		})
	})
	hidden, err := p.hiddenImports(ctx, out.Missing)
	if err != nil {
		return err
	}
	var unused []string
	out.Missing = slices.DeleteFunc(out.Missing, func(m agent.MissingLibrary) bool {
		if p.loads(m.File) || isLibrary(m.File) && slices.Contains(hidden, pythonFolder(m.File)) {
			return false
		}
		unused = append(unused, fmt.Sprintf("%s needs %s", m.File, m.Library))
		return true
	})
	if len(unused) > 0 {
		slices.Sort(unused)
		note := "Not in the rewritten image, and not needed in the run: " + strings.Join(unused[:min(len(unused), 3)], ", ") + "."
		if !slices.Contains(p.report.Notes, note) {
			p.report.Notes = append(p.report.Notes, note)
		}
	}
	return nil
}

// hiddenImports are the folders of Python's packages, of those that hold files which lack a library, in which after has a
// package that the source imports and that the run of the original did not load, as one that a handler imports: what it
// loads in turn was not seen.
func (p *proof) hiddenImports(ctx context.Context, missing []agent.MissingLibrary) (folders []string, err error) {
	seen, facts := p.observed, p.project.Facts
	if seen == nil || facts == nil {
		return nil, nil
	}
	loaded := map[string]bool{}
	for _, m := range seen.Modules() {
		loaded[m.Name] = true
	}
	var r agent.LacksRequest
	for _, m := range missing {
		folder := pythonFolder(m.File)
		if folder == "" || p.loads(m.File) || slices.Contains(folders, folder) {
			continue
		}
		folders = append(folders, folder)
		for _, name := range facts.Imports {
			if !loaded[name] {
				r.Files = append(r.Files, path.Join(folder, name), path.Join(folder, name+".py"))
			}
		}
	}
	if len(r.Files) == 0 {
		return nil, nil
	}
	a, err := p.lacks(ctx, p.after, r)
	if err != nil {
		return nil, fmt.Errorf("looking for packages that are imported: %w", err)
	}
	return slices.DeleteFunc(folders, func(folder string) bool {
		return !slices.ContainsFunc(r.Files, func(file string) bool { return path.Dir(file) == folder && !slices.Contains(a.Files, file) })
	}), nil
}

// missingIn finds the libraries that files of an image need and its loader would not find, without starting what it holds.
func (p *proof) missingIn(ctx context.Context, image string, dirs []string) (missing []agent.MissingLibrary, err error) {
	if len(dirs) == 0 {
		return nil, nil
	}
	err = observe.AtRest(ctx, p.engine, image, func(c *agent.Client) error {
		a, err := c.ELF(ctx, agent.ELFRequest{Dirs: dirs, Timeout: time.Minute})
		missing = a.Missing
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for shared libraries: %w", err)
	}
	return missing, nil
}

// loads reports whether the application may load a file: it was opened in the run, or is a library of a package of
// which something was, or that the source imports; or that can't be told. A program of a package counts only when it was
// itself opened.
func (p *proof) loads(file string) bool {
	seen := p.observed
	name := ecosystem.PackageOf(file)
	if seen == nil || seen.Untraced != "" || len(seen.Opened) == 0 || name == "" {
		return true
	}
	facts := p.project.Facts
	library := isLibrary(file)
	if facts == nil || library && slices.Contains(facts.Imports, name) {
		return true
	}
	return slices.ContainsFunc(seen.Opened, func(opened string) bool {
		return placeOf(opened) == placeOf(file) || library && ecosystem.PackageOf(opened) == name && path.Base(opened) != "package.json"
	})
}

// isLibrary reports whether a file is a shared library, or a module of Node's.
func isLibrary(file string) bool {
	return path.Ext(file) == ".node" || strings.Contains(path.Base(file)+".", ".so.")
}

// placeOf is a file's path in its folder of packages, which may lie elsewhere before and after.
func placeOf(file string) string {
	for _, folder := range []string{"/site-packages/", "/dist-packages/", "/node_modules/"} {
		if _, rest, ok := strings.Cut(file, folder); ok {
			return rest
		}
	}
	return file
}
