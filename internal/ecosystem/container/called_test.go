package container

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

func TestCalled(t *testing.T) {
	script := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for _, c := range []struct {
		name, dockerfile string
		context          fstest.MapFS
		want             []string
	}{
		{"scripts, one behind the other", "FROM debian\nWORKDIR /srv\nCOPY . .\nENTRYPOINT [\"docker/start.sh\"]\nCMD [\"serve\"]\n",
			fstest.MapFS{
				"docker/start.sh": script("#!/bin/bash\nset -e\nif [ -n \"$DB\" ]; then\n  ./docker/wait \"$DB\"\nfi\nexec \"$@\"\n"),
				"docker/wait":     script("#!/usr/bin/env bash\r\nuntil curl -s \"$1\"; do sleep 1; done\r\n"),
			},
			[]string{"curl docker/wait:2", "set docker/start.sh:2", "sleep docker/wait:2", "start.sh Dockerfile:4", "wait docker/start.sh:4"}},
		{"a script on the search path", "FROM debian\nCOPY run.sh /usr/local/bin/run\nCMD run --now\n",
			fstest.MapFS{"run.sh": script("git pull\n")}, []string{"git run.sh:1", "run Dockerfile:3"}},
		{"the health check", "FROM debian\nHEALTHCHECK --interval=10s \\\n  CMD curl -f http://localhost || exit 1\n", fstest.MapFS{}, []string{"curl Dockerfile:3", "exit Dockerfile:3"}},
		{"no health check", "FROM debian\nHEALTHCHECK NONE\nCMD [\"x\"]\n", fstest.MapFS{}, []string{"x Dockerfile:3"}},
		{"a program of another language", "FROM debian\nCOPY . /\nCMD [\"/x\"]\n", fstest.MapFS{"x": script("#!/usr/bin/python3\nimport curl\n")}, []string{"x Dockerfile:3"}},
		{"one that calls itself", "FROM debian\nCOPY . /\nCMD [\"/x.sh\"]\n", fstest.MapFS{"x.sh": script("/x.sh\n")}, []string{"x.sh Dockerfile:3"}},
		{"one that can't be read", "FROM debian\nCOPY . /\nCMD [\"/x.sh\"]\n", fstest.MapFS{"x.sh": script("if; then\n")}, []string{"x.sh Dockerfile:3"}},
	} {
		f := parse(t, c.dockerfile)
		var got []string
		for _, p := range Called(ecosystem.Input{Context: c.context, Dockerfile: f, Final: f.Final()}) {
			got = append(got, fmt.Sprintf("%s %s:%d", p.Value, p.Source.File, p.Source.Line))
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
