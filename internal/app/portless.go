package app

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/report"
)

// portlessTime is how long a program of which no port is known may take to listen on one. One that
// goes on without is a worker.
const portlessTime = 30 * time.Second

// Kinds of programs that serve no port.
const (
	job    = "job"    // it does its work and ends with code 0
	worker = "worker" // it goes on
)

// portless tells what kind of program without a port a run of before showed; empty when it is a server, or failed.
func (p *proof) portless(out *observe.Outcome) string {
	facts := p.project.Facts
	switch {
	case out.Up || facts != nil && facts.Port.Known():
		return ""
	case out.Ended == nil && p.serves():
		return ""
	case out.Ended == nil:
		return worker
	case out.Ended.Code == 0 && out.Ended.Signal == 0:
		return job
	}
	return ""
}

// serves reports whether the image declares a port. A service of a compose file that publishes none may be a worker of the
// same image.
func (p *proof) serves() bool {
	return p.before.built.Exposes() && (p.subject.service == nil || len(p.subject.options.Ports) > 0)
}

// silent reports whether runs of a worker have no line in common.
func silent(runs []*observe.Outcome) bool {
	lines, _, _ := compareSets(runs[0].Output, runs[1].Output, runs[0].Output)
	return lines == 0
}

// nothingToCompare ends the proof of a worker that shows nothing of what it does.
func (p *proof) nothingToCompare() error {
	p.report.Failure = &report.Failure{
		Stage:   "before start",
		Message: "the application goes on, listens on no port, and writes no line that it writes twice: there is nothing to compare by, and the edits are unproven",
		Hint:    "have it write a line when it has begun or, if it is a server, give it more time with --start-timeout",
	}
	return p.report.Failure
}

// compareRuns holds what after wrote, and how it ended, against two runs of before.
func (p *proof) compareRuns(out *observe.Outcome) *fault {
	first, second := p.before.trials[0], p.before.trials[1]
	result := &report.Output{Kind: p.kind, BeforeExit: exitOf(first), AfterExit: exitOf(out)}
	p.report.Output = result
	switch {
	case out.Up:
		result.Difference = fmt.Sprintf("it listens on port %d, and before on none", out.Port)
	case exitOf(first) != exitOf(out):
		result.Difference = fmt.Sprintf("before %s, after %s", ending(first), ending(out))
	case p.kind == worker:
		result.Lines, result.Noise, result.Difference = compareSets(first.Output, second.Output, out.Output)
	default:
		result.Lines, result.Noise, result.Difference = compareLines(first.Output, second.Output, out.Output)
	}
	if result.Same = result.Difference == ""; !result.Same {
		return &fault{reason: "it runs otherwise: " + result.Difference, detail: out.Output}
	}
	return missingLibrary(out)
}

// exitOf is the exit code of a program that ended by itself; -1 for one that went on.
func exitOf(out *observe.Outcome) int {
	if out.Ended == nil {
		return -1
	}
	return out.Ended.Code
}

func ending(out *observe.Outcome) string {
	if out.Ended == nil {
		return "it goes on"
	}
	text := fmt.Sprintf("it ends with code %d", out.Ended.Code)
	if limit := ranInto(out.Reached); limit != "" {
		text += ", having run into " + limit
	}
	return text
}

// compareLines compares outputs line by line. Lines that differ between the runs of before are noise; where
// even their number differs, the lines are compared as sets.
func compareLines(first, second, after string) (lines, noise int, difference string) {
	a, b, c := splitOutput(first), splitOutput(second), splitOutput(after)
	if len(a) != len(b) {
		return compareSets(first, second, after)
	}
	if len(a) != len(c) {
		return len(a), 0, fmt.Sprintf("%d lines before, %d after; the last is %q", len(a), len(c), last(c))
	}
	for i := range a {
		switch {
		case a[i] != b[i] && plain(a[i]) != plain(b[i]):
			noise++
		case a[i] == c[i], a[i] != b[i] && plain(a[i]) == plain(c[i]):
			lines++
		case difference == "":
			difference = fmt.Sprintf("line %d: %q → %q", i+1, redact(a[i]), redact(c[i]))
		}
	}
	return lines, noise, difference
}

// compareSets wants each line that both runs of before wrote, numbers aside, of after as well.
func compareSets(first, second, after string) (lines, noise int, difference string) {
	a, b, c := plainSet(first), plainSet(second), plainSet(after)
	for _, line := range a {
		switch {
		case !slices.Contains(b, line):
			noise++
		case slices.Contains(c, line):
			lines++
		case difference == "":
			difference = fmt.Sprintf("after never writes %q", redact(line))
		}
	}
	return lines, noise, difference
}

func plainSet(output string) (set []string) {
	for _, line := range splitOutput(output) {
		if line = plain(line); !slices.Contains(set, line) {
			set = append(set, line)
		}
	}
	return set
}

func splitOutput(output string) []string {
	if output = strings.TrimRight(output, "\n"); output == "" {
		return nil
	}
	return strings.Split(output, "\n")
}

// varies are the parts of a line that differ from run to run: times, numbers, addresses.
var varies = regexp.MustCompile(`0x[0-9a-fA-F]+|[0-9]+`)

func plain(line string) string { return varies.ReplaceAllString(line, "#") }

func last(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// userOf is the user that a side runs as: the one seen or, of a job that was over too soon, the image's own.
func (s *side) userOf(out *observe.Outcome) string { return cmp.Or(out.User, s.built.User()) }
