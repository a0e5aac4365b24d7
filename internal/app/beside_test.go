package app

import (
	"strings"
	"syscall"
	"testing"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/rewrite"
)

// What a program writes of an error that it caught says what its answers do not.
func TestAnErrorThatOnlyTheOutputTells(t *testing.T) {
	wrote := func(output string) *observe.Outcome { return &observe.Outcome{Output: output} }
	for _, c := range []struct{ name, first, second, after, want string }{
		{"nothing", "ready\n", "ready\n", "ready\n", ""},
		{"a caught error", "ready\n", "ready\n", "ready\nWARN heartbeat: [Errno 13] Permission denied\n", "heartbeat: [Errno 13] Permission denied"},
		{"an error of before, too", "open 1: no such file or directory\n", "ready\n", "open 2: No such file or directory\n", ""},
		{"another error than that of before", "open 1: no such file or directory\n", "", "open 1: permission denied\n", "open 1: permission denied"},
	} {
		f := newCause([]*observe.Outcome{wrote(c.first), wrote(c.second)}, wrote(c.after))
		if (f != nil) != (c.want != "") || f != nil && !strings.Contains(f.reason, c.want) {
			t.Errorf("%s: %+v, want %q", c.name, f, c.want)
		}
	}
}

func TestAHandlerOfTheStopSignalThatFails(t *testing.T) {
	exit := func(code int, signal syscall.Signal) *observe.Outcome {
		return &observe.Outcome{Exit: engine.Exit{Code: code, Signal: signal}}
	}
	kept, killed, job := &observe.Outcome{Kept: true}, &observe.Outcome{Killed: true}, &observe.Outcome{Ended: &engine.Exit{}}
	well, fails, bySignal := exit(0, 0), exit(3, 0), exit(143, syscall.SIGTERM)
	for _, c := range []struct {
		name                 string
		first, second, after *observe.Outcome
		want                 bool
	}{
		{"both end well", well, well, well, false},
		{"after fails", well, well, fails, true},
		{"the second run was not stopped", well, kept, fails, true},
		{"before fails now and then", well, fails, fails, false},
		{"before was killed", killed, kept, fails, false},
		{"after ends by the signal", well, well, bySignal, false},
		{"before ended by the signal", bySignal, bySignal, fails, false},
		{"a job, which ends by itself", job, job, job, false},
	} {
		if f := onStop([]*observe.Outcome{c.first, c.second}, c.after); (f != nil) != c.want {
			t.Errorf("%s: %+v, want a fault: %v", c.name, f, c.want)
		}
	}
}

// A runner on another base still runs the same program, which wants the same files, unless it starts another.
func TestFilesThatTheSameProgramOpened(t *testing.T) {
	for _, c := range []struct {
		name  string
		start []string // the runner's own
		gone  string
		want  bool
	}{
		{"the same program", nil, "/srv/posts/one.md", true},
		{"the same program by its place", []string{"/srv/server"}, "/srv/posts/one.md", true},
		{"another program", []string{"nginx"}, "/srv/posts/one.md", false},
		{"a file of the system", nil, "/etc/nsswitch.conf", false},
		{"time zones", nil, "/usr/share/zoneinfo/Europe/Oslo", false},
		{"source that a stack trace shows", nil, "/go/pkg/mod/example.org/x@v1.0.0/x.go", false},
	} {
		file, err := dockerfile.Parse("Dockerfile", []byte("FROM golang\nWORKDIR /srv\n"))
		if err != nil {
			t.Fatal(err)
		}
		after := &side{built: &observe.Built{}}
		p := &proof{report: &report.Report{}, after: after, lackingOf: after, observed: &ecosystem.Observed{Gone: []string{c.gone}}}
		p.project = &project.Project{File: file, Facts: &ecosystem.Facts{
			Start:  ecosystem.Fact[[]string]{Value: []string{"./server"}},
			Bundle: &ecosystem.Bundle{Runner: &ecosystem.Runner{Start: c.start}},
		}}
		p.result = &rewrite.Result{Plan: &plan.Plan{Applied: []plan.Applied{{Rule: "size/single-stage"}}}}
		if f := p.restsOn(t.Context()); (f != nil) != c.want {
			t.Errorf("%s: %+v, want a fault: %v", c.name, f, c.want)
		}
	}
}

// A fault that the second request or the hundredth brings about shows in no answer that was compared.
func TestRequestsThatFailWhenTheyAreRepeated(t *testing.T) {
	load := func(statuses map[int]int, failed int) *observe.Outcome {
		return &observe.Outcome{Load: &agent.Load{Sent: 100, Failed: failed, Statuses: statuses, LastError: "EOF"}}
	}
	well := load(map[int]int{200: 90, 404: 10}, 0)
	for _, c := range []struct {
		name          string
		before, after *observe.Outcome
		want          bool
	}{
		{"alike", well, load(map[int]int{200: 100}, 0), false},
		{"a status of before's too", load(map[int]int{500: 1, 200: 99}, 0), load(map[int]int{500: 9, 200: 91}, 0), false},
		{"errors", well, load(map[int]int{200: 90, 500: 10}, 0), true},
		{"no answers", well, load(map[int]int{200: 99}, 1), true},
		{"nothing that reads", &observe.Outcome{}, &observe.Outcome{}, false},
	} {
		if f := underLoad(c.before, c.after); (f != nil) != c.want {
			t.Errorf("%s: %+v, want a fault: %v", c.name, f, c.want)
		}
	}
}

// A place that after's user can't write to is held against the edit that gives it this user.
func TestWhoSwitchesTheUser(t *testing.T) {
	for _, c := range []struct {
		runner *ecosystem.Runner
		want   string
	}{
		{nil, "security/root-user"},
		{&ecosystem.Runner{Base: "debian:bookworm-slim"}, "security/root-user"},
		{&ecosystem.Runner{Base: "gcr.io/distroless/static-debian12:nonroot", User: "65532:65532"}, "size/single-stage"},
	} {
		p := &proof{project: &project.Project{Facts: &ecosystem.Facts{Bundle: &ecosystem.Bundle{Runner: c.runner}}}}
		if got := p.switchesUser(); got != c.want {
			t.Errorf("%+v: %s, want %s", c.runner, got, c.want)
		}
	}
}
