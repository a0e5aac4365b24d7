package node

import (
	"fmt"
	"testing"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/factstest"
)

// A case is a txtar file: a Dockerfile, the context, and the facts that they give.
func TestDetect(t *testing.T) { factstest.Run(t, 10, Detect, listing) }

// listing renders facts for people to read; what is the same for all cases is left out.
func listing(f *ecosystem.Facts) string {
	if f == nil {
		return "not Node.js\n"
	}
	l := &factstest.Lister{}
	text := func(s string) string { return s }
	factstest.One(l, "version", f.Version)
	factstest.Many(l, "manifest", f.Manifests, func(m ecosystem.Manifest) string { return m.Kind + " " + m.Path })
	factstest.One(l, "install reads the source", f.InstallReadsSource)
	factstest.One(l, "framework", f.Framework)
	factstest.One(l, "server", f.Server)
	factstest.One(l, "start", f.Start)
	if f.StartDir != "" {
		fmt.Fprintf(l, "starts in: %s\n", f.StartDir)
	}
	factstest.One(l, "port", f.Port)
	factstest.One(l, "health", f.Health)
	factstest.Many(l, "route", f.Routes, func(r ecosystem.Route) string { return r.Method + " " + r.Path })
	factstest.One(l, "openapi", f.OpenAPI)
	factstest.Many(l, "native", f.Native, func(n ecosystem.NativeDependency) string {
		return fmt.Sprintf("%s compiles=%v musl=%v build=%v run=%v", n.Name, n.Compiles, n.MuslWheels, n.BuildDebian, n.RunDebian)
	})
	factstest.Many(l, "writes", f.Writes, func(w ecosystem.Write) string {
		if w.Dir {
			return w.Path + "/"
		}
		return w.Path
	})
	factstest.Many(l, "env", f.EnvRead, text)
	factstest.Many(l, "program", f.Programs, text)
	factstest.Many(l, "runs with", f.RunPackages, text)
	factstest.Many(l, "build", f.Builds, text)
	factstest.Many(l, "check", f.Checks, text)
	factstest.Many(l, "global", f.Global, text)
	factstest.One(l, "brings", f.DevDependencies)
	for _, e := range f.RunEnv {
		fmt.Fprintf(l, "wants %s=%s\n", e.Name, e.Value)
	}
	factstest.One(l, "fetch", f.Fetch)
	bundle(l, f)
	for _, n := range f.Notes {
		l.Line("note on "+n.About, n.Text, n.Source)
	}
	return l.String()
}

func bundle(l *factstest.Lister, f *ecosystem.Facts) {
	if f.HealthProbe != nil {
		fmt.Fprintf(l, "probe: %v\n", f.HealthProbe(1, "/"))
	}
	b := f.Bundle
	if b == nil {
		l.WriteString("no bundle\n")
		return
	}
	for _, c := range b.Carries {
		l.Line("carries", c.From+" ("+c.Why+")", c.Source)
	}
	if b.Start != nil {
		fmt.Fprintf(l, "starts: %v env=%v\n", b.Start, b.Env)
	}
	fmt.Fprintf(l, "bundle: source=%v prune=%q apart=%v\n", b.Source, b.Prune, b.Installed)
}
