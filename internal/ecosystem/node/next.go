package node

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/finding"
)

// standalone is where next build puts a server with the files that it was seen to need, when next.config says
// output: 'standalone'. What lies in public and .next/static is left to be copied beside it, as Next.js's documentation
// of that option has it.
const standalone = ".next/standalone"

// nextBundle carries that server in the place of the whole directory; nil where nothing is known of one, or where
// more than "next start" is started.
func (d *detection) nextBundle() *ecosystem.Bundle {
	if len(d.in.Commands) > 0 { // which may want what the server does not
		return nil
	}
	if d.pkg == nil || !d.here || d.built.spaces || d.root() != d.state.Workdir || len(d.facts.Builds) == 0 {
		return nil
	}
	config, ok := d.standalone()
	if !ok {
		return nil
	}
	port, ok := nextStart(slices.Concat(d.facts.Script.Value, d.nextArgv()))
	if !ok {
		return nil
	}
	place := func(name string) string { return path.Join(d.state.Workdir, name) }
	b := &ecosystem.Bundle{Source: true, Start: []string{"node", "server.js"}, Carries: []ecosystem.Carry{
		{From: place(standalone), To: d.state.Workdir, Why: "the server with the packages that it needs", Source: config},
		{From: place(".next/static"), To: place(".next/static"), Why: "files that browsers ask for", Source: config},
	}}
	public := ecosystem.Carry{From: place("public"), To: place("public"), Why: "files that are served as they are"}
	if dir := path.Join(path.Dir(d.pkg.file), "public"); isDirectory(d.in.Context, dir) {
		public.Source = ecosystem.Source{File: dir}
	} else if !d.nextAlone() { // a site map, a service worker: it may make the folder
		public.Source = d.facts.Builds[len(d.facts.Builds)-1].Source
		b.Finish = "mkdir -p " + public.From
	}
	if public.Source != (ecosystem.Source{}) {
		b.Carries = append(b.Carries, public)
	}
	// It listens on the address that HOSTNAME names, which is the container's own otherwise.
	b.Env = []finding.EnvVar{{Name: "HOSTNAME", Value: "0.0.0.0"}}
	if port != 0 {
		b.Env = append(b.Env, finding.EnvVar{Name: "PORT", Value: strconv.Itoa(port)})
	}
	return b
}

// nextAlone reports whether all that installing and building run of the project is next build.
func (d *detection) nextAlone() bool {
	if len(d.built.builds) != 1 || d.facts.InstallReadsSource.Known() {
		return false
	}
	s := d.built.builds[0]
	argv := append([]string{s.Name}, words(s)...)
	if call, ok := scriptOf(argv); ok {
		for _, hook := range []string{"pre" + call.script, "post" + call.script} {
			if _, ok := d.pkg.get("scripts", hook); ok {
				return false
			}
		}
		e, _ := d.pkg.get("scripts", call.script)
		argv, _ = container.Plain(e.value)
	}
	if len(argv) > 0 && path.Base(argv[0]) == "npx" {
		argv = argv[1:]
	}
	return len(argv) > 1 && path.Base(argv[0]) == "next" && argv[1] == "build"
}

// nextArgv is the command when it calls next by itself, without npx.
func (d *detection) nextArgv() []string {
	argv := d.start.Argv
	if len(argv) > 1 && argv[0] == "npx" {
		argv = argv[1:]
	}
	if len(argv) > 0 && path.Base(argv[0]) == "next" {
		return argv
	}
	return nil
}

// nextStart reads "next start" and its port, 0 when none is given; ok is false for anything else.
func nextStart(argv []string) (port int, ok bool) {
	if len(argv) < 2 || path.Base(argv[0]) != "next" || argv[1] != "start" {
		return 0, false
	}
	rest := argv[2:]
	switch {
	case len(rest) == 0:
		return 0, true
	case len(rest) == 2 && (rest[0] == "-p" || rest[0] == "--port"):
		return portOf(rest[1])
	case len(rest) == 1 && strings.HasPrefix(rest[0], "--port="):
		return portOf(strings.TrimPrefix(rest[0], "--port="))
	}
	return 0, false
}

// standalone finds output: 'standalone' in the settings of Next.js. With a root of its own for files, the server lies
// elsewhere.
func (d *detection) standalone() (at ecosystem.Source, ok bool) {
	for _, ext := range []string{".js", ".mjs", ".ts", ".cjs"} {
		file := path.Join(path.Dir(d.pkg.file), "next.config"+ext)
		text, found := readSmall(d.in.Context, file)
		if !found {
			continue
		}
		s := &source{toks: tokens(text)}
		for i := range s.toks {
			if s.tok(i).is("outputFileTracingRoot") || s.tok(i).is("distDir") || s.tok(i).is("basePath") {
				return at, false
			}
			if s.seq(i, "output", ":") && s.tok(i+2).text == "standalone" {
				at, ok = ecosystem.Source{File: file, Line: s.tok(i).line, Note: "builds a server of its own"}, true
			}
		}
		return at, ok
	}
	return at, false
}

func isDirectory(context fs.FS, name string) bool {
	info, err := fs.Stat(context, name)
	return err == nil && info.IsDir()
}
