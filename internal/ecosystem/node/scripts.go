package node

import (
	"path"
	"slices"
	"strings"
)

// scriptCall is a call of a package manager that runs a script of a package.json.
type scriptCall struct {
	manager string
	script  string
	args    []string
	// run says that the manager is told so (npm run NAME): by the name alone yarn and pnpm run programs of packages, too.
	run bool
	// place is the workspace whose script it is, by name or folder, or a folder; "" for where it is called.
	place string
	// many says that the scripts of several workspaces may run.
	many bool
	// option is one of the manager's own that is not known; "" when there is none.
	option string
}

// String names the call as facts have it.
func (c scriptCall) String() string {
	if c.run {
		return c.manager + " run " + c.script
	}
	return c.manager + " " + c.script
}

// Options of the managers. Those in front of a script's name are the manager's, with npm all up to "--".
var (
	placing = []string{"-w", "--workspace", "--filter", "-F", "--cwd", "-C", "--dir", "--prefix"}
	several = []string{"--workspaces", "-ws", "-r", "--recursive", "-A", "--all"}
	silent  = []string{"--silent", "-s"}
)

// scriptOf recognises npm start, npm run NAME, yarn NAME and pnpm NAME, also of a workspace (npm -w, yarn workspace,
// pnpm --filter), with the arguments that the script gets.
func scriptOf(argv []string) (c scriptCall, ok bool) {
	if c.manager = managerOf(path.Base(argv[0])); c.manager == "" {
		return c, false
	}
	words := c.options(argv[1:])
	switch {
	case c.manager == "yarn" && len(words) > 1 && words[0] == "workspace":
		c.place = words[1]
		words = c.options(words[2:])
	case c.manager == "yarn" && len(words) > 1 && words[0] == "workspaces" && (words[1] == "foreach" || words[1] == "run"):
		c.many = true
		words = c.options(words[1:])
		if words[0] == "foreach" {
			words = c.options(words[1:])
		}
	}
	if c.run = len(words) > 0 && (words[0] == "run" || words[0] == "run-script"); c.run {
		words = c.options(words[1:])
	} else if c.manager == "npm" && (len(words) == 0 || words[0] != "start") {
		return c, false
	}
	if len(words) == 0 {
		return c, false
	}
	c.script, words = words[0], words[1:]
	if c.manager == "npm" {
		words = c.mixed(words)
	}
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	c.args = words
	return c, true
}

// options takes the manager's own options off the front.
func (c *scriptCall) options(words []string) []string {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		words = c.take(words)
	}
	return words
}

// mixed takes npm's options from among the arguments of a script, up to "--".
func (c *scriptCall) mixed(words []string) (rest []string) {
	for len(words) > 0 && words[0] != "--" {
		if strings.HasPrefix(words[0], "-") {
			words = c.take(words)
			continue
		}
		rest, words = append(rest, words[0]), words[1:]
	}
	if len(words) > 0 {
		words = words[1:]
	}
	return append(rest, words...)
}

// take reads one option, and its value where that is the next word.
func (c *scriptCall) take(words []string) []string {
	name, value, joined := strings.Cut(words[0], "=")
	words = words[1:]
	atRoot := c.manager == "pnpm" && name == "-w" // of the workspaces; npm has a value there
	if !joined && !atRoot && slices.Contains(valued, name) && len(words) > 0 {
		value, words = words[0], words[1:]
	}
	switch {
	case slices.Contains(placing, name) && !atRoot:
		c.many = c.many || c.place != ""
		c.place = value
	case slices.Contains(several, name):
		c.many = true
	case !slices.Contains(silent, name) && c.option == "":
		c.option = name
	}
	return words
}

// place is a package.json and the directory of the image that it lies in.
type place struct {
	pkg *manifest
	dir string
}

// workspace finds the workspace that a manager means by a name or a folder below dir; pkg is nil when none is found.
func (d *detection) workspace(name, dir string) place {
	for _, m := range d.built.manifests {
		image := d.files.InImage(m.file)
		if image == "" {
			continue
		}
		own, _ := m.get("", "name")
		if at := path.Dir(image); own.value == name || at == path.Join(dir, name) {
			return place{m, at}
		}
	}
	return place{}
}
