package golang

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/shell"
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
	settings := d.fetchSettings(first)
	d.facts.Fetch = ecosystem.Fact[string]{Value: settings + "go mod download", Source: d.mod.at(d.mod.file.Require[0].Syntax, "modules that the build downloads")}
}

// access matches what gives a build access to modules that not everybody may fetch, or another place to fetch them from.
var access = regexp.MustCompile(`(?i)git config|insteadOf|\bgitconfig|git-credentials|\bssh\b|ssh-\w+|\bnetrc|known_hosts|` +
	`\b(apk|apt-get)\b[^&;]*\bgit\b|go env -w|\b(GOPROXY|GOPRIVATE|GONOPROXY|GONOSUMDB|GOSUMDB|GOINSECURE|GOAUTH|GOVCS|GOFLAGS|GOTOOLCHAIN|https?_proxy)\b`)

// fetchSettings are the variables that the first build is given and that its download wants as well, to stand in front of it. A
// note tells of what the build does for the download that can't be repeated.
func (d *detection) fetchSettings(first *step) (settings string) {
	f, build := d.in.Dockerfile, first.command.Inst
	refuse := func(line int, what string) {
		d.note("fetch", fmt.Sprintf("line %d %s, which downloading may need: do that above the first COPY, or run go mod download by hand behind it", line, what), d.docker(line, ""))
	}
	copied := false
	for _, inst := range d.built.stage.Instructions {
		if inst.Index >= build.Index {
			break
		}
		copied = copied || inst.Keyword == "COPY" || inst.Keyword == "ADD"
		if word := access.FindString(f.Text(inst.Rest)); copied && word != "" {
			refuse(f.Position(inst.Span.Start).Line, "has "+word)
		}
	}
	for _, m := range build.Mounts() {
		if m.Type == "bind" {
			refuse(f.Position(build.Span.Start).Line, "binds files")
		}
	}
	script, err := shell.Parse(f, build)
	if err != nil {
		return ""
	}
	for _, c := range script.Commands() {
		line := f.Position(c.Span.Start).Line
		call, ok := c.Call()
		if !ok || !builds(call) {
			if word := access.FindString(f.Text(c.Span)); word != "" && !c.Substituted {
				refuse(line, "has "+word)
			}
			continue
		}
		for _, w := range assigned(c, call) {
			name, _, _ := strings.Cut(w.Text, "=")
			switch {
			case compiles(name):
			case !w.Literal && !w.Glob:
				refuse(line, "sets "+name+" to what is only known when it runs")
			default:
				settings += f.Text(w.Span) + " "
			}
		}
		return settings
	}
	return ""
}

// builds reports whether a call is the go command's that builds packages of the context.
func builds(call shell.Call) bool {
	args := call.Args
	if len(args) > 2 && args[0].Text == "-C" {
		args = args[2:]
	}
	return call.Name == "go" && len(args) > 0 && (args[0].Text == "build" || args[0].Text == "install") &&
		!slices.ContainsFunc(args, func(w shell.Word) bool { return strings.Contains(w.Text, "@") })
}

// assigned are the variables that are set for a command alone, as NAME=value words.
func assigned(c shell.Command, call shell.Call) (list []shell.Word) {
	for _, a := range c.Assignments {
		list = append(list, shell.Word{Text: a.Name + "=", Literal: a.Value.Literal, Glob: a.Value.Glob, Span: a.Span})
	}
	return append(list, call.Env...)
}

// compiles tells whether a variable is one for the compiler, which a download does not read.
func compiles(name string) bool {
	return strings.HasPrefix(name, "CGO_") || slices.Contains([]string{"GOOS", "GOARCH", "GOARM", "GOARM64", "GOAMD64", "GO386", "GOEXPERIMENT", "GOCACHE", "GOBIN", "CC", "CXX"}, name)
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
