package node

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// berry is what is known of yarn 2 or later.
type berry struct {
	source ecosystem.Source // what shows that yarn is not yarn classic; zero when it is
	// modules says that it installs into node_modules (nodeLinker in .yarnrc.yml), and not as Plug'n'Play, its default.
	modules bool
	// focuses says that it is 4 or later, which can install without development dependencies by itself.
	focuses bool
}

// plugged reports whether packages stay in yarn's cache, without node_modules.
func (b berry) plugged() bool { return b.source.File != "" && !b.modules }

// findBerry looks for yarn 2 or later beside a package.json.
func (d *detection) findBerry(m *manifest) {
	b := &d.built.berry
	dir := path.Dir(m.file)
	if pm, ok := m.get("", "packageManager"); ok && strings.HasPrefix(pm.value, "yarn@") && !strings.HasPrefix(pm.value, "yarn@1.") {
		b.source = m.at(pm.line, "packageManager")
		b.focuses = !strings.HasPrefix(pm.value, "yarn@2.") && !strings.HasPrefix(pm.value, "yarn@3.")
	}
	rc := path.Join(dir, ".yarnrc.yml")
	text, ok := readSmall(d.in.Context, rc)
	if !ok {
		return
	}
	if b.source.File == "" {
		b.source = ecosystem.Source{File: rc, Line: 1, Note: "settings of yarn 2 or later"}
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		key, value, _ := strings.Cut(line, ":")
		switch value = strings.Trim(strings.TrimSpace(value), "'\""); key {
		case "nodeLinker":
			b.modules = value == "node-modules"
		case "yarnPath":
			base := path.Base(value)
			b.focuses = strings.HasPrefix(base, "yarn-") && !strings.HasPrefix(base, "yarn-2.") && !strings.HasPrefix(base, "yarn-3.")
		}
	}
}

// maxBerryFiles bounds the files of a project that yarn itself reads when it installs.
const maxBerryFiles = 50

// berryFiles are yarn itself, its plugins and patches, where they lie in the project.
func berryFiles(context fs.FS, dir string) (files []string) {
	for _, folder := range []string{"releases", "plugins", "patches"} {
		_ = fs.WalkDir(context, path.Join(dir, ".yarn", folder), func(name string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() && len(files) < maxBerryFiles {
				files = append(files, name)
			}
			return nil
		})
	}
	return files
}

// plugNPlay says why an application that runs from yarn's cache is left as it is.
const plugNPlay = "yarn installs as Plug'n'Play: the application runs from yarn's cache and needs yarn's loader, so that no folder of packages can be carried: set nodeLinker: node-modules in .yarnrc.yml, or split by hand"

// bringsYarn reports whether a command goes through yarn.
func bringsYarn(argv []string) bool {
	return len(argv) > 0 && slices.Contains([]string{"yarn", "yarnpkg"}, path.Base(argv[0]))
}
