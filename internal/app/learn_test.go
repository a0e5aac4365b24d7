package app

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/project"
)

func TestPackagesThatOthersBringAreNotNamed(t *testing.T) {
	all := []ecosystem.Package{
		{Name: "libldap", Brings: []string{"libsasl2"}}, {Name: "libpq5", Brings: []string{"libldap", "libsasl2"}},
		{Name: "libsasl2", Brings: []string{"libldap"}}, // as each other's dependency
		{Name: "libxml2"},
	}
	for _, c := range []struct{ lacking, want []string }{
		{[]string{"libldap", "libpq5", "libsasl2", "libxml2"}, []string{"libpq5", "libxml2"}},
		{[]string{"libldap", "libsasl2"}, []string{"libsasl2"}},
		{nil, nil},
	} {
		if got := withoutBrought(c.lacking, all); !slices.Equal(got, c.want) {
			t.Errorf("of %q: %q, want %q", c.lacking, got, c.want)
		}
	}
}

func TestCredentialsInArgumentsAreNotReported(t *testing.T) {
	const key = "AKIAIOSFODNN7EXAMPLQ"
	o := observedOf(&ecosystem.Observed{
		Port: 80, Sockets: []ecosystem.Socket{{Address: "::", Port: 80, PID: 2}},
		Processes: []ecosystem.Process{{PID: 1, Argv: []string{"sh"}}, {PID: 2, PPID: 1, Argv: []string{"app", "--key=" + key}}},
		Writes:    []ecosystem.Write{{Path: "/srv/x"}, {Path: "/srv/y", Dir: true}},
	})
	if len(o.Serving) != 2 || o.Serving[0] != "app" || o.Serving[1] == "--key="+key {
		t.Errorf("serving %q", o.Serving)
	}
	if !slices.Equal(o.Listening, []string{"[::]:80"}) || !slices.Equal(o.Writes, []string{"/srv/x", "/srv/y/"}) {
		t.Errorf("listening %q, writes %q", o.Listening, o.Writes)
	}
}

// trees are images by name, each with the files that it has; asking what they lack is all that they can do.
type trees struct {
	engine.Engine
	files map[string][]string
	run   []string // that were started
}

func (e *trees) Run(_ context.Context, r engine.RunRequest) (engine.Container, error) {
	e.run = append(e.run, r.Image)
	return treeContainer{files: e.files[r.Image]}, nil
}

// treeContainer is a container of one of them.
type treeContainer struct {
	engine.Container
	files []string
}

func (treeContainer) Close() error              { return nil }
func (treeContainer) Reached() []engine.Reached { return nil }

func (c treeContainer) Exec(_ context.Context, r engine.ExecRequest) ([]byte, error) {
	var asked agent.LacksRequest
	if err := json.Unmarshal([]byte(r.Args[len(r.Args)-1]), &asked); err != nil {
		return nil, err
	}
	var a agent.LacksAnswer
	for _, file := range asked.Files {
		if !slices.Contains(c.files, file) {
			a.Files = append(a.Files, file)
		}
	}
	return json.Marshal(map[string]any{"answer": a})
}

// Files that the run made itself are not what a rewrite loses.
func TestFilesThatTheRunMadeAreNotGone(t *testing.T) {
	for _, c := range []struct {
		name                        string
		opened, before, after, gone []string
		started                     []string
	}{
		{"a log and a lock that it made, a template that it read", []string{"/srv/logs/app.log", "/srv/app.lock", "/srv/page.html", "/srv/main.py"},
			[]string{"/srv/page.html", "/srv/main.py"}, []string{"/srv/main.py"}, []string{"/srv/page.html"}, []string{"before", "after"}},
		{"nothing is gone", []string{"/srv/main.py"}, []string{"/srv/main.py"}, []string{"/srv/main.py"}, nil, []string{"before", "after"}},
	} {
		e := &trees{files: map[string][]string{"before": c.before, "after": c.after}}
		file, err := dockerfile.Parse("Dockerfile", []byte("FROM debian\nWORKDIR /srv\n"))
		if err != nil {
			t.Fatal(err)
		}
		image := func(name string) *side {
			return &side{built: &observe.Built{Result: &engine.BuildResult{Image: name}}}
		}
		p := &proof{engine: e, project: &project.Project{File: file}, before: image("before"), after: image("after")}
		seen := &ecosystem.Observed{Opened: c.opened}
		p.settleWithImage(t.Context(), seen)
		p.findLacking(t.Context(), seen)
		if !slices.Equal(seen.Gone, c.gone) || !slices.Equal(e.run, c.started) || seen.Incomplete != nil {
			t.Errorf("%s: gone %q, want %q; started %q, %q", c.name, seen.Gone, c.gone, e.run, seen.Incomplete)
		}
	}
}
