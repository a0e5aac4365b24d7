// Package node finds the facts about Node.js applications that npm, yarn or
// pnpm install: from the Dockerfile, package.json and the source, which is read as tokens and
// never run. Each fact carries the file and line that proves it; what can't be shown
// stays unknown, with a note.
package node

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// Detector is this ecosystem's entry in the registry.
func Detector() ecosystem.Detector { return ecosystem.Detector{Name: "node", Detect: Detect} }

// detection is one run of Detect.
type detection struct {
	in     ecosystem.Input
	facts  *ecosystem.Facts
	base   base
	start  container.Start
	state  dockerfile.State
	files  *container.Files // what of the context lies in the final stage
	pkg    *manifest        // package.json in the working directory; nil when there is none
	here   bool             // pkg lies in the working directory of the image
	built  building
	src    []*source
	byStem map[string]string // files of the source, by their names without an extension too
	parts  int               // of expressions that were looked at
	walked int               // folders and files that were looked at for workspaces
	entry  *source           // the file that the command starts; nil when it is not known

	portEnv string // the variable that can change the port
}

// Detect finds the facts; it returns nil, nil when the application is not Node.js.
func Detect(input ecosystem.Input) (*ecosystem.Facts, error) {
	if input.Dockerfile == nil {
		return nil, nil
	}
	if input.Final == nil {
		input.Final = input.Dockerfile.Final()
	}
	if input.Final == nil {
		return nil, nil
	}
	d := &detection{in: input, facts: &ecosystem.Facts{Ecosystem: "node"}}
	d.base = baseOf(input.Dockerfile, input.Final)
	d.start = container.StartOf(input.Dockerfile, input.Final)
	d.state = input.Dockerfile.EndState(input.Final)
	if !d.recognised() {
		return nil, nil
	}
	d.readPackage()
	d.version()
	d.installs()
	d.load()
	d.started()
	d.findEntry()
	d.facts.Native = natives(d.built.packages)
	d.facts.Junk = junk()
	d.facts.HealthProbe = d.probe
	d.source()
	d.runEnv()
	d.bundle()
	return d.facts, nil
}

// readPackage reads the package.json that lies in the working directory, or else at the context's root.
func (d *detection) readPackage() {
	if d.in.Context == nil {
		return
	}
	d.files = container.FilesOf(d.in.Dockerfile, d.in.Final, d.in.Context)
	name, ok := d.files.InContext(path.Join(d.state.Workdir, "package.json"))
	if d.here = ok; !ok {
		name = "package.json"
	}
	d.pkg = readManifest(d.in.Context, name)
}

// recognised reports whether the image runs Node.js: it stands on the Node.js image, or its
// command is one of Node.js's and the context has a package.json.
func (d *detection) recognised() bool {
	if d.base.official {
		return true
	}
	if len(d.start.Likely) == 0 || d.in.Context == nil || !slices.Contains([]string{"node", "nodejs", "npm", "yarn", "pnpm", "npx"}, path.Base(withoutInit(d.start.Likely)[0])) {
		return false
	}
	return readManifest(d.in.Context, "package.json") != nil
}

// docker is the proof that a line of the Dockerfile gives.
func (d *detection) docker(line int, note string) ecosystem.Source {
	name := d.in.Dockerfile.Name
	if name == "" {
		name = "Dockerfile"
	}
	return ecosystem.Source{File: name, Line: line, Note: note}
}

func (d *detection) note(about, text string, source ecosystem.Source) {
	d.facts.Remark(about, text, source)
}

// source finds all facts that rest on the application's own files.
func (d *detection) source() {
	d.facts.Framework = d.framework()
	d.facts.Port = d.port()
	d.facts.Routes = d.routes()
	d.facts.Health = container.Health(d.facts.Routes)
	d.facts.EnvRead = d.envReads()
	d.facts.Writes = d.writes()
	d.facts.Programs = d.programs()
	d.facts.Imports = d.imported()
}

// imported are the packages that some file of the source loads by a literal name.
func (d *detection) imported() (names []string) {
	for _, s := range d.src {
		for _, im := range s.imports() {
			if name := packageOf(im.path); name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// knownFrameworks are those that serve HTTP, the one that stands on others first.
var knownFrameworks = []string{"next", "nuxt", "@nestjs/core", "@remix-run/serve", "express", "fastify", "koa", "@hapi/hapi", "hono", "restify", "polka"}

// framework is the first known one that a file of the source loads, or that package.json lists.
func (d *detection) framework() ecosystem.Fact[string] {
	for _, name := range knownFrameworks {
		for _, s := range d.src {
			for _, im := range s.imports() {
				if packageOf(im.path) == name {
					return ecosystem.Fact[string]{Value: strings.TrimPrefix(name, "@"), Source: s.at(im.line, "loads it")}
				}
			}
		}
	}
	if d.pkg == nil {
		return ecosystem.Fact[string]{}
	}
	for _, name := range knownFrameworks[:4] {
		if e, ok := d.pkg.get("dependencies", name); ok {
			return ecosystem.Fact[string]{Value: strings.TrimPrefix(name, "@"), Source: d.pkg.at(e.line, "depends on it")}
		}
	}
	return ecosystem.Fact[string]{}
}
