package node

import (
	"path"
	"slices"
	"strings"
)

// managers are packages that bring managers of packages, and what compiles for them. The runner installs nothing.
var managers = []string{"npm", "yarn", "pnpm", "corepack", "node-gyp", "npm-check-updates", "node-prune"}

// buildTools are packages whose programs build or check, and that node itself does not load.
var buildTools = []string{
	"typescript", "@nestjs/cli", "@angular/cli", "@vue/cli", "vite", "webpack", "webpack-cli", "rollup", "esbuild", "tsup", "parcel", "gulp", "gulp-cli", "grunt-cli",
	"turbo", "nx", "lerna", "rimraf", "bower", "eslint", "prettier", "jest", "mocha",
}

// mayRun are the packages of an npm install -g that the running application may call. What builds is left out where node
// itself is started, and so no program of a package, and nothing else is started from the image.
func (d *detection) mayRun(s step) (names []string) {
	_, rest := s.verb()
	if s.manager == "yarn" && len(rest) > 0 {
		rest = rest[1:] // yarn global add
	}
	node := d.facts.Start.Value != nil && path.Base(withoutInit(d.facts.Start.Value)[0]) == "node" && len(d.in.Commands) == 0
	for _, name := range rest {
		if at := strings.LastIndexByte(name, '@'); at > 0 {
			name = name[:at]
		}
		if !slices.Contains(managers, name) && (!node || !slices.Contains(buildTools, name) || d.calls(name)) {
			names = append(names, name)
		}
	}
	return names
}

// calls reports whether the source starts a program.
func (d *detection) calls(program string) bool {
	for _, p := range d.facts.Programs {
		if p.Value == program {
			return true
		}
	}
	return false
}
