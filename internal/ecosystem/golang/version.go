package golang

import (
	"path"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// base is what the reference in the first FROM of a stage says.
type base struct {
	official bool   // a repository named golang: its layout is that of the official image
	version  string // "1.22.3"; "" when the tag does not say
	distro   string // "bookworm", "alpine3.20"; "" when the tag does not say
	line     int
	ref      string
}

// baseOf follows a stage to the image that it starts from.
func baseOf(f *dockerfile.File, stage *dockerfile.Stage) base {
	if f == nil || stage == nil {
		return base{}
	}
	for stage.Parent != nil {
		stage = stage.Parent
	}
	b := base{ref: f.BaseOf(stage), line: f.Position(stage.From.Span.Start).Line}
	name, _, _ := strings.Cut(b.ref, "@")
	repo, tag, _ := strings.Cut(path.Base(name), ":")
	if b.official = repo == "golang"; !b.official {
		return b
	}
	words := strings.Split(tag, "-")
	if _, err := strconv.Atoi(strings.Split(words[0], ".")[0]); err == nil {
		b.version, words = words[0], words[1:]
	}
	if len(words) > 0 && words[0] != "latest" {
		b.distro = words[len(words)-1]
	}
	return b
}

// version is that of the image that builds; else what go.mod asks for.
func (d *detection) version() {
	if b := d.built.base; b.version != "" {
		d.facts.Version = ecosystem.Fact[string]{Value: b.version, Source: d.docker(b.line, "the base image "+b.ref)}
	} else if d.base.version != "" {
		d.facts.Version = ecosystem.Fact[string]{Value: d.base.version, Source: d.docker(d.base.line, "the base image "+d.base.ref)}
	}
	if d.mod == nil || d.mod.file.Go == nil {
		return
	}
	wanted := d.mod.file.Go
	source := d.mod.at(wanted.Syntax, "the go directive")
	if !d.facts.Version.Known() {
		d.facts.Version = ecosystem.Fact[string]{Value: wanted.Version, Source: source}
	} else if newer(wanted.Version, d.facts.Version.Value) {
		d.note("version", "go.mod asks for Go "+wanted.Version+", the base image has "+d.facts.Version.Value+": the build downloads another toolchain, or fails", source)
	}
}

// newer compares the parts that both versions have: 1.22 and 1.22.3 are equal here.
func newer(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, errX := strconv.Atoi(as[i])
		y, errY := strconv.Atoi(bs[i])
		if errX != nil || errY != nil || x != y {
			return errX == nil && errY == nil && x > y
		}
	}
	return false
}
