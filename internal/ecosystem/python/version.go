package python

import (
	"io/fs"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// base is what the reference in the first FROM of the final image says.
type base struct {
	official bool   // a repository named python: its layout is that of the official image
	version  string // "" when the tag does not say
	line     int
	ref      string
}

// baseOf follows the final stage to the image that it starts from.
func baseOf(f *dockerfile.File, stage *dockerfile.Stage) base {
	if f == nil || stage == nil {
		return base{}
	}
	for stage.Parent != nil {
		stage = stage.Parent
	}
	ref := f.BaseOf(stage)
	b := base{ref: ref, line: f.Position(stage.From.Span.Start).Line}
	name, _, _ := strings.Cut(ref, "@")
	repo := path.Base(name)
	repo, tag, _ := strings.Cut(repo, ":")
	b.official = repo == "python"
	if b.official {
		b.version = leadingVersion(tag)
	} else if _, after, ok := strings.Cut(tag, "python"); ok { // tiangolo/uvicorn-gunicorn:python3.11
		b.version = leadingVersion(strings.TrimPrefix(after, "-"))
	}
	return b
}

// leadingVersion cuts 3.11 from 3.11-slim-bookworm, 3.13 from 3.13-rc-slim.
func leadingVersion(s string) string {
	end := 0
	for end < len(s) && (s[end] == '.' || s[end] >= '0' && s[end] <= '9') {
		end++
	}
	return strings.Trim(s[:end], ".")
}

// version finds out which Python runs: the base image decides; else what the project says.
func (d *detection) version() {
	if d.base.version != "" {
		d.facts.Version = ecosystem.Fact[string]{Value: d.base.version, Source: d.docker(d.base.line, "the base image "+d.base.ref)}
	}
	for _, file := range []string{".python-version", "runtime.txt"} {
		value, line := versionFile(d.in.Context, file)
		if value == "" {
			continue
		}
		source := ecosystem.Source{File: file, Line: line, Note: "names the version"}
		if !d.facts.Version.Known() {
			d.facts.Version = ecosystem.Fact[string]{Value: value, Source: source}
		} else if !sameVersion(d.facts.Version.Value, value) {
			d.note("version", file+" names "+value+", the base image has "+d.facts.Version.Value, source)
		}
	}
	if requires, source := requiresPython(d.in.Context); requires != "" {
		d.note("version", "the project requires "+requires, source)
	}
}

// sameVersion tells whether the shorter version is a prefix of the other: 3.11 and 3.11.4.
func sameVersion(a, b string) bool {
	return strings.HasPrefix(a+".", b+".") || strings.HasPrefix(b+".", a+".")
}

// versionFile reads 3.11.4 or python-3.11.4 from the first line that is not a comment.
func versionFile(fsys fs.FS, name string) (string, int) {
	text, ok := readSmall(fsys, name)
	if !ok {
		return "", 0
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		return leadingVersion(strings.TrimPrefix(line, "python-")), i + 1
	}
	return "", 0
}

// maxManifest bounds the size of the manifests that are read.
const maxManifest = 1 << 20

// readSmall reads a manifest; false when there is none or it is too large.
func readSmall(fsys fs.FS, name string) (string, bool) {
	info, err := fs.Stat(fsys, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxManifest {
		return "", false
	}
	src, err := fs.ReadFile(fsys, name)
	return string(src), err == nil
}

// requiresPython reads requires-python of pyproject.toml, Poetry's python, or python_requires of setup.cfg.
func requiresPython(fsys fs.FS) (string, ecosystem.Source) {
	if text, ok := readSmall(fsys, "pyproject.toml"); ok {
		p := parseProject(text)
		if v := p.Project.RequiresPython; v != "" {
			return v, ecosystem.Source{File: "pyproject.toml", Line: lineOf(text, "requires-python"), Note: "requires-python"}
		}
		if v, ok := p.Tool.Poetry.Dependencies["python"].(string); ok {
			return v, ecosystem.Source{File: "pyproject.toml", Line: lineOf(text, "python"), Note: "the dependency on python"}
		}
	}
	if text, ok := readSmall(fsys, "setup.cfg"); ok {
		if v, line := configValue(text, "python_requires"); line > 0 {
			return v, ecosystem.Source{File: "setup.cfg", Line: line, Note: "python_requires"}
		}
	}
	return "", ecosystem.Source{}
}

// lineOf is the first line that starts with a key or holds a quoted requirement; 0 when there is none.
func lineOf(text, key string) int {
	for i, line := range strings.Split(text, "\n") {
		rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t\"'"), key)
		if ok && (rest == "" || !isWordByte(rest[0])) {
			return i + 1
		}
	}
	return 0
}

func isWordByte(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// configValue reads "key = value" of an ini file.
func configValue(text, key string) (string, int) {
	for i, line := range strings.Split(text, "\n") {
		k, v, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v), i + 1
		}
	}
	return "", 0
}
