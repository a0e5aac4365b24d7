package node

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// pattern names the folders of workspaces, as npm, yarn and pnpm write it: a path with *, or ** for any depth, and
// ! in front for those that are none.
type pattern struct {
	text string
	file string
	line int
}

const (
	maxWorkspaces = 500
	maxPatterns   = 100
	maxFolders    = 20_000 // looked at for patterns with **
)

// workspaces are the package.json files that the patterns of a root manifest name, or those of pnpm-workspace.yaml,
// with the pattern's place.
func (d *detection) workspaces(m *manifest, manager string) (list []entry) {
	patterns := m.patterns()
	if manager == "pnpm" {
		patterns = pnpmPatterns(d.in.Context, path.Join(path.Dir(m.file), "pnpm-workspace.yaml"))
	}
	for _, p := range patterns {
		if strings.HasPrefix(p.text, "!") {
			continue
		}
		for _, name := range matching(d.in.Context, path.Dir(m.file), p.text) {
			known := slices.ContainsFunc(list, func(e entry) bool { return e.value == name })
			if known || name == m.file || excluded(patterns, path.Dir(m.file), name) || len(list) == maxWorkspaces {
				continue
			}
			list = append(list, entry{file: p.file, section: "workspaces", value: name, line: p.line})
		}
	}
	return list
}

// patterns are those of package.json, in either form.
func (m *manifest) patterns() (list []pattern) {
	for _, section := range []string{"workspaces", "workspaces.packages"} {
		for _, e := range m.all(section) {
			if e.name == "" && len(list) < maxPatterns {
				list = append(list, pattern{e.value, m.file, e.line})
			}
		}
	}
	return list
}

// pnpmPatterns reads the list "packages" of pnpm-workspace.yaml, of which each entry stands on a line of its own.
func pnpmPatterns(context fs.FS, file string) (list []pattern) {
	text, ok := readSmall(context, file)
	if !ok {
		return nil
	}
	inside := false
	number := 0
	for line := range strings.Lines(text) {
		number++
		line, _, _ = strings.Cut(line, " #")
		entry, isEntry := strings.CutPrefix(strings.TrimSpace(line), "- ")
		switch {
		case strings.TrimRight(line, " \r\n") == "packages:":
			inside = true
		case inside && isEntry && len(list) < maxPatterns:
			list = append(list, pattern{strings.Trim(entry, " '\""), file, number})
		case strings.TrimSpace(line) != "" && !strings.HasPrefix(line, " ") && !isEntry:
			inside = false
		}
	}
	return list
}

// matching are the package.json files in the folders that a pattern names, below dir.
func matching(context fs.FS, dir, text string) []string {
	text = strings.TrimSuffix(strings.TrimPrefix(path.Clean(text), "./"), "/")
	before, after, deep := strings.Cut(text, "**")
	if !deep {
		// A malformed pattern names nothing.
		found, _ := fs.Glob(context, path.Join(dir, text, "package.json"))
		return slices.DeleteFunc(found, ofPackages)
	}
	if after != "" && after != "/*" || strings.Contains(before, "*") {
		return nil
	}
	var found []string
	visited := 0
	_ = fs.WalkDir(context, path.Join(dir, before), func(name string, e fs.DirEntry, err error) error {
		visited++
		switch {
		case err != nil:
			return nil
		case visited > maxFolders:
			return fs.SkipAll
		case e.IsDir() && e.Name() == "node_modules":
			return fs.SkipDir
		case e.Name() == "package.json" && !e.IsDir():
			found = append(found, name)
		}
		return nil
	})
	return found
}

// ofPackages reports whether a file belongs to an installed package.
func ofPackages(name string) bool { return strings.Contains("/"+name, "/node_modules/") }

func excluded(patterns []pattern, dir, name string) bool {
	return slices.ContainsFunc(patterns, func(p pattern) bool {
		text, not := strings.CutPrefix(p.text, "!")
		if !not {
			return false
		}
		matched, _ := path.Match(path.Join(dir, strings.ReplaceAll(text, "**/", "")), path.Dir(name))
		return matched || strings.HasPrefix(text, "**/") && strings.Contains("/"+name, "/"+strings.Trim(text, "*/")+"/")
	})
}
