package node

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// berry is what is known of yarn 2 or later.
type berry struct {
	source ecosystem.Source // what shows that yarn is not yarn classic; zero when it is
	// modules says that it installs into node_modules (nodeLinker), and not as Plug'n'Play, its default.
	modules bool
	// focuses says that it is 4 or later, which can install without development dependencies by itself.
	focuses bool
}

// plugged reports whether packages stay in yarn's cache, without node_modules.
func (b berry) plugged() bool { return b.source.File != "" && !b.modules }

// focusing says what to do for a tree without development dependencies.
func (b berry) focusing() string {
	const command = "yarn workspaces focus --all --production"
	if b.focuses {
		return "write " + command + " in the place of yarn install"
	}
	return "use yarn 4, or yarn plugin import workspace-tools, and write " + command
}

// version notes a version of yarn that something names, "4.1.0" or "stable"; classic ones show nothing.
func (b *berry) version(v string, at ecosystem.Source) {
	v, _, _ = strings.Cut(v, "+") // a checksum
	major, _, _ := strings.Cut(v, ".")
	if slices.Contains([]string{"", "1", "classic", "legacy"}, major) {
		return
	}
	if b.source.File == "" {
		b.source = at
	}
	b.focuses = major != "2" && major != "3"
}

// findBerry looks for yarn 2 or later beside a package.json, and in the environment of the step that installs.
func (d *detection) findBerry(m *manifest, env map[string]string) {
	b := &d.built.berry
	dir := path.Dir(m.file)
	if pm, ok := m.get("", "packageManager"); ok && strings.HasPrefix(pm.value, "yarn@") {
		b.version(strings.TrimPrefix(pm.value, "yarn@"), m.at(pm.line, "packageManager"))
	}
	d.readLock(path.Join(dir, "yarn.lock"))
	rc := path.Join(dir, ".yarnrc.yml")
	if text, ok := readSmall(d.in.Context, rc); ok {
		if b.source.File == "" {
			b.source = ecosystem.Source{File: rc, Line: 1, Note: "settings of yarn 2 or later"}
		}
		settings, _ := mapping(text) // without settings it is Plug'n'Play, of which nothing is carried
		b.links(scalar(settings["nodeLinker"]))
		if v, ok := strings.CutPrefix(path.Base(scalar(settings["yarnPath"])), "yarn-"); ok {
			b.version(v, ecosystem.Source{File: rc, Line: settings["yarnPath"].Line, Note: "yarnPath"})
		}
	}
	b.links(env["yarn_node_linker"])
}

// links notes how packages are laid out: with "pnpm" node_modules has links into a folder of its own.
func (b *berry) links(linker string) {
	if linker != "" {
		b.modules = linker == "node-modules" || linker == "pnpm"
	}
}

// readLock reads the version of a lockfile: yarn classic's has none of this kind, and yarn 4 began with 7.
func (d *detection) readLock(file string) {
	text, ok := readSmall(d.in.Context, file)
	if !ok || d.built.berry.source.File != "" {
		return
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case key == "__metadata":
			d.built.berry.source = ecosystem.Source{File: file, Line: number, Note: "the lockfile of yarn 2 or later"}
		case d.built.berry.source.File != "" && key == "version":
			v, err := strconv.Atoi(strings.TrimSpace(value))
			d.built.berry.focuses = err == nil && v > 6
			return
		}
	}
}

// prepares notes the yarn that a command puts into the image: corepack prepare yarn@4, yarn set version stable.
func (d *detection) prepares(s step) {
	at := d.docker(s.Line, "brings it")
	for i, a := range s.Args {
		switch v, ok := strings.CutPrefix(a.Text, "yarn@"); {
		case ok && s.Name == "corepack":
			d.built.berry.version(v, at)
		case s.manager == "yarn" && i == 2 && s.Args[0].Text == "set" && s.Args[1].Text == "version":
			d.built.berry.version(a.Text, at)
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
