package node

import (
	"io/fs"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// base is what the reference in the first FROM of a stage says.
type base struct {
	official bool   // a repository named node: its layout is that of the official image
	version  string // "20.11"; "" when the tag does not say
	ref      string
	line     int
}

// releases are the names of the lines with long support, which are tags as well. From Node.js's release schedule.
var releases = map[string]string{"fermium": "14", "gallium": "16", "hydrogen": "18", "iron": "20", "jod": "22", "krypton": "24"}

// baseOf follows a stage to the image that it starts from.
func baseOf(f *dockerfile.File, stage *dockerfile.Stage) base {
	for stage.Parent != nil {
		stage = stage.Parent
	}
	b := base{ref: f.BaseOf(stage), line: f.Position(stage.From.Span.Start).Line}
	name, _, _ := strings.Cut(b.ref, "@")
	repo, tag, _ := strings.Cut(path.Base(name), ":")
	if b.official = repo == "node"; b.official {
		first, _, _ := strings.Cut(tag, "-")
		if b.version = leadingVersion(first); b.version == "" {
			b.version = releases[first]
		}
	}
	return b
}

func leadingVersion(s string) string {
	end := 0
	for end < len(s) && (s[end] == '.' || s[end] >= '0' && s[end] <= '9') {
		end++
	}
	return strings.Trim(s[:end], ".")
}

// version is that of the base image; else what the project names.
func (d *detection) version() {
	if d.base.version != "" {
		d.facts.Version = ecosystem.Fact[string]{Value: d.base.version, Source: d.docker(d.base.line, "the base image "+d.base.ref)}
	}
	for _, file := range []string{".nvmrc", ".node-version"} {
		text, ok := readSmall(d.in.Context, file)
		value := leadingVersion(strings.TrimPrefix(strings.TrimSpace(text), "v"))
		if ok && value != "" {
			d.wanted(value, ecosystem.Source{File: file, Line: 1, Note: "names the version"})
		}
	}
	if d.pkg == nil {
		return
	}
	if e, ok := d.pkg.get("engines", "node"); ok {
		if v := leadingVersion(strings.TrimLeft(e.value, "^~=v ")); v != "" {
			d.wanted(v, d.pkg.at(e.line, "engines"))
		} else {
			d.note("version", "the project asks for Node.js "+e.value, d.pkg.at(e.line, "engines"))
		}
	}
}

func (d *detection) wanted(value string, source ecosystem.Source) {
	known := d.facts.Version.Value
	switch {
	case known == "":
		d.facts.Version = ecosystem.Fact[string]{Value: value, Source: source}
	case !strings.HasPrefix(known+".", value+".") && !strings.HasPrefix(value+".", known+"."):
		d.note("version", "the project names "+value+", and "+known+" is in use", source)
	}
}

// maxFile bounds what is read of one file, in bytes.
const maxFile = 1 << 20

// readSmall reads a file that is not too large.
func readSmall(context fs.FS, name string) (string, bool) {
	if context == nil {
		return "", false
	}
	info, err := fs.Stat(context, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return "", false
	}
	data, err := fs.ReadFile(context, name)
	return string(data), err == nil
}
