package golang

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/finding"
)

// static is the base for programs that need nothing but themselves: it has TLS
// roots, time zones, /tmp and a user, and neither libc nor shell.
const (
	static     = "gcr.io/distroless/static-debian12:nonroot"
	staticUser = "65532:65532"
)

// bundle decides what the runner copies, and which base it can have. What
// stands against a runner is told in a note about the bundle.
func (d *detection) bundle() {
	if d.built.stage != nil && d.built.stage != d.in.Final {
		return // it is split already
	}
	refuse := func(why string, source ecosystem.Source) { d.note("bundle", why, source) }
	switch {
	case d.src == nil:
		refuse("no go.mod was found where the build runs, so that it is not known what the program needs: copy it to the directory of the build, or split by hand", ecosystem.Source{})
		return
	case len(d.start.Likely) > 1 && d.program() == "go" && d.start.Likely[1] == "run":
		refuse("go run compiles at each start, which needs the compiler in the image: build in a RUN (RUN go build -o /usr/local/bin/app .) and start the result", d.docker(d.start.Line, ""))
		return
	case d.built.unclear != "":
		refuse(d.built.unclear, d.docker(d.built.line, ""))
		return
	case !d.built.base.official:
		refuse("the base is not an official Go image, so that it is not known what else it brings: build on golang, or split by hand", d.docker(d.built.base.line, ""))
		return
	case d.start.Argv == nil:
		refuse("what starts is not known: "+d.start.Reason+": name the program that is built in CMD", d.docker(d.start.Line, ""))
		return
	}
	program, ok := d.outputStarted()
	if !ok {
		refuse("the command starts "+d.start.Argv[0]+", which no go build of the Dockerfile makes", d.docker(d.start.Line, ""))
		return
	}
	runner, why, source := d.runner()
	if runner == nil {
		refuse(why, source)
		return
	}
	d.facts.Bundle = d.carried(program, runner)
}

// outputStarted is the program that was built and that the command starts.
func (d *detection) outputStarted() (output, bool) {
	if len(d.start.Argv) == 0 {
		return output{}, false
	}
	name := d.start.Argv[0]
	for _, o := range d.placed() {
		if strings.Contains(name, "/") && d.absolute(name) == o.path {
			return o, true
		}
		if name == path.Base(o.path) && slices.Contains(d.searchPath(), path.Dir(o.path)) {
			return o, true
		}
	}
	return output{}, false
}

// placed are the programs where the final stage has them: where they were built, or where it copies them to.
func (d *detection) placed() []output {
	outputs := d.built.outputs()
	if d.built.stage == d.in.Final {
		return outputs
	}
	var list []output
	for _, inst := range d.in.Final.Instructions {
		if inst.Keyword != "COPY" || d.in.Dockerfile.From(inst) != d.built.stage {
			continue
		}
		state := d.in.Dockerfile.StateBefore(inst)
		for _, source := range inst.Sources() {
			from := path.Clean("/" + state.Expand(inst, source.Text))
			dest := state.Expand(inst, inst.Dest().Text)
			for _, o := range outputs {
				if o.path == from {
					list = append(list, output{moved(from, container.Absolute(state.Workdir, dest), dest), o.pkg})
				} else if rest, ok := strings.CutPrefix(o.path, from+"/"); ok {
					list = append(list, output{path.Join(container.Absolute(state.Workdir, dest), rest), o.pkg})
				}
			}
		}
	}
	return list
}

// searchPath are the directories of PATH: the official image's, with what the file puts before them.
func (d *detection) searchPath() []string {
	dirs := []string{"/go/bin", "/usr/local/go/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
	if v, ok := d.state.EnvVar("PATH"); ok {
		dirs = append(strings.Split(v.Value, ":"), dirs...)
	}
	return dirs
}

// carried is the bundle of a program and what it reads.
func (d *detection) carried(program output, runner *ecosystem.Runner) *ecosystem.Bundle {
	b := &ecosystem.Bundle{Source: true, Runner: runner}
	for _, o := range d.built.outputs() {
		why := "the program"
		if o != program {
			why = "another program that is built"
		}
		b.Carries = append(b.Carries, ecosystem.Carry{From: o.path, To: o.path, Why: why, Source: d.builds(o)})
	}
	r := d.reads()
	b.Carries = append(b.Carries, r.found...)
	if r.unclear.File != "" {
		d.note("reads", "which files it reads is only known when it runs, so all files of the working directory that are no source are kept", r.unclear)
	}
	if argv := d.absoluteStart(program); !slices.Equal(argv, d.start.Argv) || !d.execForm() {
		runner.Start = argv
	}
	if runner.Base == static && !d.cgoOff() {
		b.BuilderEnv = []finding.EnvVar{{Name: "CGO_ENABLED", Value: "0"}}
	}
	return b
}

func (d *detection) builds(o output) ecosystem.Source {
	for _, s := range d.built.steps {
		if slices.Contains(s.outputs, o) {
			return d.docker(s.command.Line, "builds it")
		}
	}
	return ecosystem.Source{}
}

// absoluteStart names a program that is found by PATH by its place, because the runner's PATH is another.
func (d *detection) absoluteStart(program output) []string {
	argv := slices.Clone(d.start.Argv)
	if !strings.Contains(argv[0], "/") {
		argv[0] = program.path
	}
	return argv
}

// execForm reports whether the author's command needs no shell to start.
func (d *detection) execForm() bool {
	entry, cmd := d.state.Entrypoint, d.state.Cmd
	return (entry == nil || entry.JSON) && (cmd == nil || cmd.JSON)
}

// runner chooses the base; nil with the reason when none is known to be sound.
func (d *detection) runner() (*ecosystem.Runner, string, ecosystem.Source) {
	for _, n := range d.facts.Notes {
		if n.About == "programs" {
			return nil, "it starts a program whose name is only known when it runs, and no base is known to have it: name the program, or split by hand", n.Source
		}
	}
	c := cgo{needed: d.cgoAsked()}
	if c.needed.File == "" && !d.cgoOff() {
		c = d.findCgo()
	}
	programs := d.others()
	packages, missing := d.programPackages(programs)
	if missing.Known() {
		return nil, d.whyMissing(missing.Value), missing.Source
	}
	if c.needed.File == "" && len(programs) == 0 {
		return &ecosystem.Runner{Base: static, User: staticUser, Why: "without cgo the program needs no library; the base brings TLS roots, time zones, /tmp and a user other than root, and no shell"}, "", ecosystem.Source{}
	}
	why := "the program starts others, which a base without a shell does not have"
	if c.needed.File != "" {
		if c.unknown != "" {
			return nil, "which package brings " + c.unknown + " is not known: install it by name in a stage of its own", c.needed
		}
		why = "with cgo the program loads Debian's C library, of the same release as where it was built"
	}
	return d.debian(append(packages, c.packages...), why, c.needed)
}

// debian is a slim Debian of the builder's release, with what a Go image has and programs expect of it.
func (d *detection) debian(packages []string, why string, needed ecosystem.Source) (*ecosystem.Runner, string, ecosystem.Source) {
	release := d.release()
	if release == "" {
		return nil, "the program needs the C library or programs of its builder's distribution, and " + d.built.base.ref + " does not name a release of Debian: name one (golang:1.24-bookworm)", needed
	}
	for _, p := range append([]string{"ca-certificates", "tzdata"}, packages...) {
		source := needed
		if source.File == "" {
			source = d.docker(d.built.base.line, "the Go image has it")
		}
		d.facts.RunPackages = append(d.facts.RunPackages, ecosystem.Fact[string]{Value: p, Source: source})
	}
	return &ecosystem.Runner{Base: "debian:" + release + "-slim", Shell: true, Why: why}, "", ecosystem.Source{}
}

// release is the builder's release of Debian. Tags without one have meant
// bookworm for Go 1.21 and 1.22; for others it changed during their life.
func (d *detection) release() string {
	b := d.built.base
	switch b.distro {
	case "bullseye", "bookworm", "trixie":
		return b.distro
	case "":
		if v := b.version + "."; strings.HasPrefix(v, "1.21.") || strings.HasPrefix(v, "1.22.") {
			return "bookworm"
		}
	}
	return ""
}

// cgoOff reports whether all builds switch cgo off by themselves.
func (d *detection) cgoOff() bool {
	for _, s := range d.built.steps {
		if s.verb != "" && s.env["CGO_ENABLED"] != "0" {
			return false
		}
	}
	return true
}

// cgoAsked is where the author asks for cgo, by the variable or by a flag that needs it.
func (d *detection) cgoAsked() ecosystem.Source {
	for _, s := range d.built.steps {
		if s.verb == "" {
			continue
		}
		if v := s.env["CGO_ENABLED"]; v != "" && v != "0" {
			return d.docker(s.command.Line, "CGO_ENABLED="+strconv.Quote(v))
		}
		for _, a := range s.command.Args {
			for _, flag := range []string{"-race", "-msan", "-asan", "netcgo", "linkmode=external", "linkmode external"} {
				if strings.Contains(a.Text, flag) {
					return d.docker(s.command.Line, flag+" needs cgo")
				}
			}
		}
	}
	return ecosystem.Source{}
}

// others are the programs that are started besides those that are built.
func (d *detection) others() []ecosystem.Fact[string] {
	return slices.DeleteFunc(slices.Clone(d.started.programs), func(p ecosystem.Fact[string]) bool { return d.isOutput(p.Value) })
}

// essential are programs that every Debian has.
var essential = strings.Fields(`sh bash dash cat ls cp mv rm ln mkdir rmdir chmod chown chgrp echo true false date sleep test [ env head tail sort
	uniq wc cut tr tee touch df du id uname whoami hostname grep egrep fgrep sed tar gzip gunzip zcat find xargs awk sha256sum sha1sum md5sum base64
	seq stat readlink realpath nproc printf kill pwd dirname basename mktemp mkfifo nohup timeout nice stdbuf setsid ionice dd expr diff cmp od install
	split join paste comm tac nl fold printenv yes sync getent`)

// programPackages are the packages of programs, and the first program that has none.
func (d *detection) programPackages(programs []ecosystem.Fact[string]) ([]string, ecosystem.Fact[string]) {
	var list []string
	installed := d.installed()
	for _, p := range programs {
		name, packages := path.Base(p.Value), ecosystem.DebianPackages(path.Base(p.Value))
		file, _, own := d.inContext(p.Value)
		switch {
		case own && container.ShellText(d.in.Context, file) != "": // carried, and what it starts is among the programs
		case own || !inPath(p.Value):
			return nil, p
		case slices.Contains(essential, name):
		case len(packages) > 0: // installed or not: the runner gets none that only compiles, as make, unless it is asked for
			list = append(list, packages[0])
		case slices.Contains(installed, name):
		default:
			return nil, p
		}
	}
	return list, ecosystem.Fact[string]{}
}

// inPath reports whether a package can bring what a name leads to: one without a folder, or in one of the system.
func inPath(name string) bool {
	return !strings.Contains(name, "/") || slices.Contains([]string{"/bin", "/usr/bin", "/sbin", "/usr/sbin"}, path.Dir(name))
}

// whyMissing says why a program that is started stands against a runner.
func (d *detection) whyMissing(program string) string {
	if name, _, ok := d.inContext(program); ok {
		return "it starts " + name + " of the context, which is no shell script, and what that needs is not known: copy it and what it needs to a runner by hand"
	}
	if !inPath(program) {
		return "it starts " + program + ", which no step of the Dockerfile is known to put there: copy it from the context or build it with go build, or split by hand"
	}
	return "it starts " + program + ", and no Debian package is known to bring that: install the package by name in the Dockerfile, or split by hand"
}

func (d *detection) isOutput(name string) bool {
	return slices.ContainsFunc(d.built.outputs(), func(o output) bool {
		return d.absolute(name) == o.path || !strings.Contains(name, "/") && path.Base(o.path) == name
	})
}

// installed are the Debian packages that the Dockerfile installs by name.
func (d *detection) installed() []string {
	var names []string
	for _, inst := range d.in.Final.Instructions {
		if inst.Keyword != "RUN" {
			continue
		}
		for _, c := range container.Commands(d.in.Dockerfile, inst) {
			if c.Name != "apt-get" && c.Name != "apt" {
				continue
			}
			for _, a := range c.Args {
				names = append(names, a.Text)
			}
		}
	}
	return names
}

// junk is what Go's tools leave behind. bin/ and vendor/ are not among it: the one may be the application's, the other is its source.
func junk() []ecosystem.Junk {
	return []ecosystem.Junk{
		{Pattern: "**/*.test", What: "test programs"},
		{Pattern: "**/coverage.out", What: "coverage data"},
		{Pattern: "**/coverage.html", What: "coverage report"},
		{Pattern: "**/cpu.prof", What: "profiles"},
		{Pattern: "**/mem.prof", What: "profiles"},
		{Pattern: "**/__debug_bin*", What: "the debugger's programs"},
	}
}
