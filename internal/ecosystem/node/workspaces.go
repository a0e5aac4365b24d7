package node

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// pattern names the folders of workspaces, as npm, yarn and pnpm write it: a path with *, or ** for any depth, {a,b}
// for either, and ! in front for those that are none.
type pattern struct {
	text string
	file string
	line int
}

const (
	maxWorkspaces = 500
	maxPatterns   = 100
	maxFolders    = 100_000 // and files, looked at for patterns with **
)

// workspaces are the package.json files that the patterns of a root manifest name, or those of pnpm-workspace.yaml,
// with the pattern's place. What is unclear has a value that says which files may be missing.
func (d *detection) workspaces(m *manifest, manager string) (list []entry, unclear entry) {
	patterns, unclear := m.patterns(), entry{}
	if manager == "pnpm" {
		patterns, unclear = pnpmPatterns(d.in.Context, path.Join(path.Dir(m.file), "pnpm-workspace.yaml"))
	}
	if len(patterns) > maxPatterns {
		return nil, entry{file: patterns[0].file, line: patterns[0].line, value: "it has more patterns of workspaces than are followed"}
	}
	for _, p := range patterns {
		if strings.HasPrefix(p.text, "!") {
			continue
		}
		names, ok := d.matching(path.Dir(m.file), p.text)
		if !ok {
			unclear = entry{file: p.file, line: p.line, value: "which folders the workspaces " + p.text + " lie in is not known"}
		}
		for _, name := range names {
			known := slices.ContainsFunc(list, func(e entry) bool { return e.value == name })
			if known || name == m.file || excluded(patterns, path.Dir(m.file), name) {
				continue
			}
			if len(list) == maxWorkspaces {
				return list, entry{file: p.file, line: p.line, value: "it has more workspaces than are followed"}
			}
			list = append(list, entry{file: p.file, section: "workspaces", value: name, line: p.line})
		}
	}
	return list, unclear
}

// patterns are those of package.json, in either form.
func (m *manifest) patterns() (list []pattern) {
	for _, section := range []string{"workspaces", "workspaces.packages"} {
		for _, e := range m.all(section) {
			if e.name == "" {
				list = append(list, pattern{e.value, m.file, e.line})
			}
		}
	}
	return list
}

// pnpmPatterns reads the list "packages" of pnpm-workspace.yaml.
func pnpmPatterns(context fs.FS, file string) (list []pattern, unclear entry) {
	text, ok := readSmall(context, file)
	if !ok {
		return nil, unclear
	}
	unread := entry{file: file, line: 1, value: "which workspaces " + file + " lists can't be read"}
	top, ok := mapping(text)
	packages := top["packages"]
	switch {
	case !ok || packages != nil && packages.Kind != yaml.SequenceNode:
		return nil, unread
	case packages == nil:
		return nil, unclear
	}
	for _, n := range packages.Content {
		if scalar(n) == "" {
			unclear = unread
			continue
		}
		list = append(list, pattern{scalar(n), file, n.Line})
	}
	return list, unclear
}

// matching are the package.json files in the folders below dir that a pattern names; ok is false when it is not known how
// the pattern is meant, or when not all folders were looked at.
func (d *detection) matching(dir, text string) (found []string, ok bool) {
	texts, ok := alternatives(text)
	for _, text := range texts {
		text = path.Join(dir, text)
		if _, err := path.Match(text, ""); err != nil || strings.ContainsAny(text, "()") || !fs.ValidPath(text) {
			ok = false
			continue
		}
		if !strings.Contains(text, "**") {
			names, _ := fs.Glob(d.in.Context, path.Join(text, "package.json")) // the pattern is well formed
			found = append(found, slices.DeleteFunc(names, ofPackages)...)
			continue
		}
		names, all := d.below(strings.Split(text, "/"))
		found, ok = append(found, names...), ok && all
	}
	return found, ok
}

// alternatives writes out the {a,b} of a pattern; ok is false when they are nested, not closed, or too many.
func alternatives(text string) (list []string, ok bool) {
	list = []string{""}
	for {
		before, rest, open := strings.Cut(text, "{")
		for i := range list {
			list[i] += before
		}
		if !open {
			return list, true
		}
		inside, after, closed := strings.Cut(rest, "}")
		choices := strings.Split(inside, ",")
		if !closed || strings.Contains(inside, "{") || strings.Contains(inside, "..") || len(choices)*len(list) > maxPatterns {
			return nil, false
		}
		var next []string
		for _, one := range list {
			for _, c := range choices {
				next = append(next, one+c)
			}
		}
		list, text = next, after
	}
}

// below are the package.json files in the folders that a pattern with ** names; ok is false when there are more folders
// than are looked at for one project.
func (d *detection) below(segments []string) (found []string, ok bool) {
	literal := 0
	for literal < len(segments) && !strings.ContainsAny(segments[literal], `*?[\`) {
		literal++
	}
	// What can't be walked has no workspaces.
	_ = fs.WalkDir(d.in.Context, path.Join(append([]string{"."}, segments[:literal]...)...), func(name string, e fs.DirEntry, err error) error {
		d.walked++
		switch {
		case err != nil:
			return nil
		case d.walked > maxFolders:
			return fs.SkipAll
		case e.IsDir() && e.Name() == "node_modules":
			return fs.SkipDir
		case e.Name() == "package.json" && !e.IsDir() && matches(segments, strings.Split(path.Dir(name), "/")):
			found = append(found, name)
		}
		return nil
	})
	return found, d.walked <= maxFolders
}

// matches reports whether a pattern means a folder, where ** is any number of folders.
func matches(segments, folder []string) bool {
	if len(folder) == 1 && folder[0] == "." {
		folder = nil
	}
	// reached[i] says that the first i segments match what was seen of the folder.
	reached := make([]bool, len(segments)+1)
	reached[0] = true
	anyDepth := func() {
		for i, s := range segments {
			reached[i+1] = reached[i+1] || reached[i] && s == "**"
		}
	}
	anyDepth()
	for _, name := range folder {
		next := make([]bool, len(segments)+1)
		for i, s := range segments {
			switch one, _ := path.Match(s, name); { // checked before
			case s == "**":
				next[i] = next[i] || reached[i]
			case one:
				next[i+1] = next[i+1] || reached[i]
			}
		}
		reached = next
		anyDepth()
	}
	return reached[len(segments)]
}

// ofPackages reports whether a file belongs to an installed package.
func ofPackages(name string) bool { return strings.Contains("/"+name, "/node_modules/") }

// excluded reports whether a pattern with ! means the folder of a file. One that is not understood excludes nothing: a
// manifest more does no harm.
func excluded(patterns []pattern, dir, name string) bool {
	return slices.ContainsFunc(patterns, func(p pattern) bool {
		text, not := strings.CutPrefix(p.text, "!")
		texts, _ := alternatives(text)
		return not && slices.ContainsFunc(texts, func(text string) bool {
			return matches(strings.Split(path.Join(dir, text), "/"), strings.Split(path.Dir(name), "/"))
		})
	})
}
