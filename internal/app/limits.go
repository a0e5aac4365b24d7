package app

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/observe"
)

// limitChanges says how each limit of a container is changed.
var limitChanges = map[engine.Resource]string{
	engine.Memory:    "--memory changes it",
	engine.Processes: "--pids changes it",
	engine.Disk:      "--disk changes it",
	engine.Room:      "make room, or keep the embedded engine's state on another disk with --state",
	engine.Watch:     "--memory 0 --pids 0 --disk 0 runs it unwatched",
}

// ranInto says which limits a container ran into, and what changes them; empty when it ran into none.
func ranInto(reached []engine.Reached) string {
	var all []string
	for _, r := range reached {
		all = append(all, fmt.Sprintf("%s (%s)", r, limitChanges[r.Resource]))
	}
	return strings.Join(all, " and ")
}

// tellLimits notes what engines do not hold containers to.
func (p *proof) tellLimits(info engine.Info) {
	if info.Caveat != "" {
		p.report.Notes = append(p.report.Notes, info.Caveat)
	}
	if info.Watched && !info.Limits.None() {
		p.report.Notes = append(p.report.Notes, fmt.Sprintf("The %s engine takes no limits: a helper inside of each container watches what that takes, and may notice late. Steps of builds are not held to any.", info.Name))
	}
}

// limitsThere puts down what containers were held to, which is not known before one was started where it is left to another machine.
func (p *proof) limitsThere() {
	if p.engine != nil && p.report.Engine.Name != "" {
		p.report.Engine.Limits = p.engine.Info().Limits
	}
}

// tellPulls notes what a daemon that pulls by itself does not use.
func (p *proof) tellPulls(info engine.Info) {
	if info.Daemon != "" && p.opts.Access.TrustsMore() {
		p.report.Notes = append(p.report.Notes, fmt.Sprintf("%s pulls base images by itself, with the certificates that it was set up with: --ca-file is not for it.", info.Daemon))
	}
}

// tellReached notes the limits that containers ran into and were not ended for.
func (p *proof) tellReached() {
	for _, s := range []*side{p.before, p.after} {
		if s == nil {
			continue
		}
		for _, out := range s.trials {
			if len(out.Reached) == 0 || brokenOff(out) {
				continue
			}
			note := fmt.Sprintf("A container of %s ran into %s", s.version.Build.Name, ranInto(out.Reached))
			if out.Ended == nil {
				note += ", and went on"
			}
			note += "."
			if !slices.Contains(p.report.Notes, note) {
				p.report.Notes = append(p.report.Notes, note)
			}
		}
	}
}

// brokenOff reports whether a container was ended for a limit: that is told as a failure.
func brokenOff(out *observe.Outcome) bool {
	return len(out.Reached) > 0 && out.Ended != nil && out.Ended.Signal == syscall.SIGKILL
}
