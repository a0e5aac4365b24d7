package python

import (
	"fmt"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/factstest"
)

// A case is a txtar file: a Dockerfile, the context, and the facts that they give.
func TestDetect(t *testing.T) { factstest.Run(t, 15, Detect, listing) }

// bundle renders a bundle, but for the usual one, which is left out.
func listBundle(l *factstest.Lister, b *ecosystem.Bundle) {
	if b == nil {
		l.WriteString("no bundle\n")
		return
	}
	if b.Create == "python -m venv /opt/venv" && b.Finish == "pip uninstall --yes pip" && !b.Both && !b.Tool.Known() {
		return
	}
	fmt.Fprintf(l, "bundle: carries=%s create=%q finish=%q env=%v builder=%v both=%v start=%v\n", b.Carries[0].From, b.Create, b.Finish, b.Env, b.BuilderEnv, b.Both, b.Start)
	factstest.One(l, "tool", b.Tool)
}

// listing renders facts for people to read; what is the same for all cases is left out.
func listing(f *ecosystem.Facts) string {
	if f == nil {
		return "not Python\n"
	}
	l := &factstest.Lister{}
	text := func(s string) string { return s }
	factstest.One(l, "version", f.Version)
	factstest.Many(l, "manifest", f.Manifests, func(m ecosystem.Manifest) string { return m.Kind + " " + m.Path })
	factstest.One(l, "install reads the source", f.InstallReadsSource)
	if f.InstallApart != "" {
		l.Line("apart", f.InstallApart, ecosystem.Source{})
	}
	factstest.One(l, "framework", f.Framework)
	factstest.One(l, "server", f.Server)
	factstest.One(l, "start", f.Start)
	factstest.One(l, "port", f.Port)
	if probe := f.HealthProbe(f.Port.Value, ""); strings.Contains(probe[2], "environ") {
		l.Line("probe", probe[2], ecosystem.Source{})
	}
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
	factstest.One(l, "development", f.DevDependencies)
	if f.DevDependencies.Known() {
		l.Line("development packages", fmt.Sprintf("%v, groups %v", f.DevPackages, f.DevGroups), ecosystem.Source{})
	}
	listBundle(l, f.Bundle)
	for _, n := range f.Notes {
		l.Line("note on "+n.About, n.Text, n.Source)
	}
	return l.String()
}
