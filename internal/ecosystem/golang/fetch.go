package golang

import (
	"path"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// fetch is known where the build itself downloads the modules that go.mod requires. The
// command wants nothing but the module files, in the directory that the build runs in.
func (d *detection) fetch() {
	if d.mod == nil || d.mod.vendor || len(d.mod.file.Require) == 0 || len(d.built.steps) == 0 || !d.exists(path.Join(d.mod.dir, "go.sum")) {
		return
	}
	first := d.built.steps[0]
	state := d.in.Dockerfile.StateBefore(first.command.Inst)
	if dir, ok := d.files.InContext(state.Workdir); !ok || dir != d.mod.dir {
		return // the download would run elsewhere
	}
	for _, inst := range d.built.stage.Instructions {
		if inst.Keyword == "RUN" && inst.Index <= first.command.Inst.Index && downloads(container.Commands(d.in.Dockerfile, inst)) {
			return
		}
	}
	d.facts.Fetch = ecosystem.Fact[string]{Value: "go mod download", Source: d.mod.at(d.mod.file.Require[0].Syntax, "modules that the build downloads")}
}

// downloads reports whether one of the commands fetches modules.
func downloads(commands []container.Command) bool {
	for _, c := range commands {
		if c.Name == "go" && len(c.Args) > 0 && (c.Args[0].Text == "mod" || c.Args[0].Text == "get") {
			return true
		}
	}
	return false
}
