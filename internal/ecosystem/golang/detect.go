// Package golang finds the facts about Go applications: from the Dockerfile,
// the module files and the source, which it parses and never builds. Each fact carries the
// file and line that proves it; what can't be shown stays unknown, with a note.
package golang

import (
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// Detector is this ecosystem's entry in the registry.
func Detector() ecosystem.Detector { return ecosystem.Detector{Name: "golang", Detect: Detect} }

// detection is one run of Detect.
type detection struct {
	in    ecosystem.Input
	facts *ecosystem.Facts
	base  base
	start container.Start
	state dockerfile.State
	files *container.Files // what of the context lies in the stage that builds
	built *building
	mod   *module
	src   *sources
	// started is what the source starts.
	started *starts
}

// Detect finds the facts; it returns nil, nil when the application is not Go.
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
	d := &detection{in: input, facts: &ecosystem.Facts{Ecosystem: "golang"}}
	d.base = baseOf(input.Dockerfile, input.Final)
	d.start = container.StartOf(input.Dockerfile, input.Final)
	d.state = input.Dockerfile.EndState(input.Final)
	d.built = d.findBuilds()
	if !d.recognised() {
		return nil, nil
	}
	d.modules()
	d.built.name(d)
	d.facts.Builds = d.built.facts(d)
	d.fetch()
	d.version()
	d.command()
	d.facts.Junk = junk()
	d.source()
	d.bundle()
	return d.facts, nil
}

// recognised reports whether the image runs a Go program: its base is the Go
// image, or something that it is made of is built by the go command.
func (d *detection) recognised() bool {
	if d.in.Context == nil {
		return d.base.official
	}
	return d.base.official || len(d.built.steps) > 0
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

// command is the start command.
func (d *detection) command() {
	if d.start.Argv == nil {
		d.note("start", d.start.Reason, d.docker(d.start.Line, ""))
		return
	}
	if strings.HasSuffix(d.start.Argv[0], ".sh") {
		d.note("start", "the command is a shell script, which is not looked into", d.docker(d.start.Line, ""))
	}
	d.facts.Start = ecosystem.Fact[[]string]{Value: d.start.Argv, Source: d.docker(d.start.Line, "the command")}
}

// source reads the module's own files, and all facts that rest on them.
func (d *detection) source() {
	if d.in.Context == nil || d.mod == nil {
		return
	}
	d.src = d.load()
	d.facts.Framework = d.src.framework()
	d.facts.Port = d.port()
	d.facts.Routes = d.src.routes()
	d.facts.Health = container.Health(d.facts.Routes)
	d.facts.EnvRead = d.src.envReads()
	d.facts.Writes = d.writes()
	d.started = d.starts()
	d.stamp()
	d.facts.HealthProbe = d.healthProbe()
	if d.facts.Port.Known() && d.facts.HealthProbe == nil {
		d.note("health", "an image without a shell or an HTTP client can only be probed by the program itself: give it a subcommand or flag named healthcheck that asks 127.0.0.1:"+fmt.Sprint(d.facts.Port.Value)+" and exits with 0 or 1, or let the orchestrator probe it over the network (Kubernetes does so by itself)", ecosystem.Source{})
	}
}

// absolute is a path as the final stage's working directory makes it.
func (d *detection) absolute(name string) string { return container.Absolute(d.state.Workdir, name) }

// program is the name of the program that the container starts, without its folder.
func (d *detection) program() string {
	if len(d.start.Likely) == 0 {
		return ""
	}
	return path.Base(d.start.Likely[0])
}
