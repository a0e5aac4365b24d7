package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/report"
)

// Candidate is an engine that prove could take.
type Candidate struct {
	Name string
	// NotSet says why it is not tried: nobody named one. Empty means that it is.
	NotSet string
	// Only says why prove takes no other engine: this one was named. Empty means that it takes the next where this one can't be used.
	Only string
	Open func(context.Context) (engine.Engine, error)
}

// DoctorOptions say what to look at.
type DoctorOptions struct {
	// Version of plimsoll, for the report.
	Version string
	// Engines in the order in which prove takes them.
	Engines  []Candidate
	Progress Progress
}

// doctorPatience is how long one engine may take to start.
const doctorPatience = 20 * time.Second

// Doctor tells which engines can be used, what is missing and how to get it. Each engine is really
// started, and ended again.
func Doctor(ctx context.Context, opts DoctorOptions) (*report.Checkup, error) {
	c := &report.Checkup{Version: opts.Version}
	taken := false
	for _, candidate := range opts.Engines {
		if opts.Progress != nil && candidate.NotSet == "" {
			opts.Progress.Phase("starting the " + candidate.Name + " engine")
		}
		check := candidate.check(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch {
		case check.Status == report.Ready && !taken:
			c.Engine, taken = candidate.Name, true
		case check.Status == report.Missing && candidate.Only != "" && !taken:
			check.Detail += "; " + candidate.Only + ", so that prove takes no other"
			taken = true
		}
		c.Checks = append(c.Checks, check)
	}
	c.Checks = append(c.Checks, checkGit(ctx), checkCache())
	return c, nil
}

func (c Candidate) check(ctx context.Context) report.Check {
	out := report.Check{Subject: "engine " + c.Name, Status: report.NotSet, Detail: c.NotSet}
	if c.NotSet != "" {
		return out
	}
	ctx, cancel := context.WithTimeoutCause(ctx, doctorPatience, fmt.Errorf("it did not start within %s", doctorPatience))
	defer cancel()
	e, err := c.Open(ctx)
	if err != nil {
		out.Status, out.Detail = report.Missing, err.Error()
		return out
	}
	info := e.Info()
	if err := e.Close(); err != nil {
		out.Status, out.Detail = report.Missing, "it starts, and does not end well: "+err.Error()
		return out
	}
	out.Status, out.Detail = report.Ready, describe(info)
	return out
}

// describe is an engine in a sentence or two.
func describe(info engine.Info) string {
	var parts []string
	add := func(format, text string) {
		if text != "" {
			parts = append(parts, fmt.Sprintf(format, text))
		}
	}
	add("%s", info.Daemon)
	add("BuildKit %s", info.Version)
	add("builds for %s", strings.Join(platformsOf(info), ", "))
	if info.Disk.Dir != "" {
		add("%s", info.Disk.String())
	}
	text := strings.Join(parts, "; ")
	if info.Caveat != "" {
		text += ". " + info.Caveat
	}
	return text
}

// platformsOf are those that an engine builds for, without the variants of its own one.
func platformsOf(info engine.Info) []string {
	return slices.DeleteFunc(slices.Clone(info.Platforms), func(p string) bool { return strings.HasPrefix(p, info.Platform+"/") })
}

// checkGit looks for git, without which a project's history and its untracked files are not known.
func checkGit(ctx context.Context) report.Check {
	out := report.Check{Subject: "git", Status: report.Missing}
	text, err := exec.CommandContext(ctx, "git", "--version").Output()
	if errors.Is(err, exec.ErrNotFound) {
		out.Detail = "git is not installed: replay, and costs that come from the project's history, need it (apt-get install git)"
		return out
	}
	if err != nil {
		out.Detail = "git --version: " + err.Error()
		return out
	}
	out.Status, out.Detail = report.Ready, strings.TrimPrefix(strings.TrimSpace(string(text)), "git version ")
	return out
}

// checkCache looks whether what is learnt about registries and layers can be kept.
func checkCache() report.Check {
	out := report.Check{Subject: "cache", Status: report.Missing}
	dir := cacheDir("")
	if dir == "" {
		out.Detail = "there is no folder for caches: set HOME or XDG_CACHE_HOME; every run asks registries and reads layers anew"
		return out
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(dir, ".doctor-*"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err != nil {
		out.Detail = err.Error() + ": every run asks registries and reads layers anew"
		return out
	}
	out.Status, out.Detail = report.Ready, filepath.Clean(dir)
	return out
}
