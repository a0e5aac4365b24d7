package app

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/report"
)

// idle is an engine that can be opened and closed.
type idle struct {
	engine.Engine
	name   string
	closed *int
}

func (i idle) Info() engine.Info {
	return engine.Info{Name: i.name, Version: "v1", Platform: "linux/amd64", Platforms: []string{"linux/amd64", "linux/amd64/v2", "linux/arm64"}}
}
func (i idle) Close() error { *i.closed++; return nil }

func TestDoctor(t *testing.T) {
	closed := 0
	works := func(name string) Candidate {
		return Candidate{Name: name, Open: func(context.Context) (engine.Engine, error) { return idle{name: name, closed: &closed}, nil }}
	}
	fails := func(name, only string) Candidate {
		return Candidate{Name: name, Only: only, Open: func(context.Context) (engine.Engine, error) { return nil, errors.New("connection refused") }}
	}
	unset := Candidate{Name: "remote", NotSet: "none is named"}
	for _, test := range []struct {
		name    string
		engines []Candidate
		engine  string
		want    []string // of the engines' checks: status and words of the detail
	}{
		{"the first that is ready", []Candidate{unset, fails("docker", ""), works("embedded")}, "embedded", []string{"not-set none", "missing refused", "ready v1; builds for linux/amd64, linux/arm64"}},
		{"an earlier one outranks it", []Candidate{unset, works("docker"), works("embedded")}, "docker", []string{"not-set", "ready", "ready"}},
		{"one that was named and fails", []Candidate{fails("remote", "BUILDKIT_HOST is set"), works("docker")}, "", []string{"missing refused; BUILDKIT_HOST is set, so that prove takes no other", "ready"}},
		{"none", []Candidate{unset, fails("docker", "")}, "", []string{"not-set", "missing"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Doctor(t.Context(), DoctorOptions{Engines: test.engines})
			if err != nil {
				t.Fatal(err)
			}
			if c.Engine != test.engine {
				t.Errorf("prove would take %q, want %q", c.Engine, test.engine)
			}
			for i, want := range test.want {
				status, words, _ := strings.Cut(want, " ")
				if got := c.Checks[i]; string(got.Status) != status || !strings.Contains(got.Detail, words) {
					t.Errorf("check %d is %+v, want %q", i, got, want)
				}
			}
			if last := c.Checks[len(c.Checks)-1]; last.Subject != "cache" || last.Status != report.Ready {
				t.Errorf("the cache: %+v", last)
			}
		})
	}
	if closed != 4 {
		t.Errorf("%d engines were closed, 4 opened", closed)
	}
}
