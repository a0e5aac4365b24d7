package golang

import (
	"go/ast"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// stampReaders are packages whose only use is to tell the commit that a program was built from.
var stampReaders = []string{"github.com/earthboundkid/versioninfo", "github.com/carlmjohnson/versioninfo"}

// stamp finds out whether the program tells the commit that go build reads in .git and puts into it (go help build, -buildvcs).
func (d *detection) stamp() {
	if !d.stamps() {
		return
	}
	found := func(n ast.Node, what string) {
		if !d.facts.ReadsHistory.Known() {
			d.facts.ReadsHistory = ecosystem.Fact[string]{Value: "go build puts the commit into the program, which may tell it", Source: d.src.at(n, what)}
		}
	}
	d.src.calls(func(c *ast.CallExpr, name string, at place) {
		if name == "runtime/debug.ReadBuildInfo" {
			found(c, "reads it")
		}
	})
	for _, p := range d.src.own() {
		for _, f := range p.files {
			for _, im := range f.syntax.Imports {
				if target, _ := strconv.Unquote(im.Path.Value); slices.Contains(stampReaders, unversioned(target)) {
					found(im, "reads it")
				}
			}
		}
	}
}

// stamps reports whether a step puts the commit into what it builds: unless it is told not to, where there is git to ask.
func (d *detection) stamps() bool {
	if d.built.stage == nil || strings.HasPrefix(d.built.base.distro, "alpine") && !d.installsGit() {
		return false
	}
	return slices.ContainsFunc(d.built.steps, func(s *step) bool {
		flags := s.env["GOFLAGS"]
		for _, a := range s.command.Args {
			flags += " " + a.Text
		}
		return s.verb != "" && !strings.Contains(flags, "-buildvcs=false")
	})
}

func (d *detection) installsGit() bool {
	return slices.ContainsFunc(d.built.stage.Instructions, func(inst *dockerfile.Instruction) bool {
		return inst.Keyword == "RUN" && strings.Contains(d.in.Dockerfile.Text(inst.Rest), "git")
	})
}
