// Package replay tells which steps of a Dockerfile would have been answered from the
// build cache at each commit of a project's history, without building anything.
//
// It follows BuildKit's cache keys. The key of a step is made of what the step says,
// of the key of the step below it, and of its inputs: files of the context count by
// their content, so that an ignored or untouched file does not matter; files of another stage count by
// their content too, which is known here only where nothing in that stage ran again. The cache is taken to
// keep everything: a commit that goes back to an earlier state finds it.
package replay

import (
	"time"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/history"
)

// Version is a Dockerfile with its ignore file, to be replayed.
type Version struct {
	File *dockerfile.File // its Final stage is built
	// Ignore is the text of the ignore file in force.
	Ignore []byte
	// Same are paths whose content is taken to be what it is now at every commit: the
	// Dockerfile and the ignore file, of which the current text is replayed.
	Same []string
	// PerCommit are build arguments that have another value at every commit.
	PerCommit []string
}

// Result is a replay.
type Result struct {
	Steps   []Step
	Commits []Commit
	// Files is how many files the context had at the last commit, ignored ones included.
	Files int
}

// Step is one instruction that makes a step of the build.
type Step struct {
	Inst  *dockerfile.Instruction
	Stage string // as BuildKit calls it: its name, or "stage-N"
	// Hits and Misses count the builds but the first, in which nothing can be cached.
	Hits, Misses int
	// Above counts misses that a step below it in the stage, or a stage that it copies from, has caused.
	Above int
	// Changed says of each counted build whether the step's own inputs were new, whatever became of the
	// steps below it.
	Changed []bool
	// Causes are the paths of the context whose changes caused the other misses, most often first; of
	// what a build argument causes, the path is its name with a dollar sign.
	Causes []Cause
	// Doubt says why a miss may be a hit really; empty when there is no doubt.
	Doubt string
}

// Cause is what made a step miss, and in how many builds.
type Cause struct {
	Path   string
	Builds int
}

// Commit is the build at one commit.
type Commit struct {
	ID      string
	Time    time.Time
	Subject string
	// Missed has one entry a step.
	Missed []Outcome
}

// Outcome is what became of a step.
type Outcome uint8

const (
	Hit     Outcome = iota
	Miss            // its own inputs changed
	Below           // something that it builds on missed
	Unclear         // as Below, but what it copies may be the same as before: see Step.Doubt
)

// HitRate is the share of builds that had the step in the cache; 0 when there was only one build.
func (s *Step) HitRate() float64 {
	if n := s.Hits + s.Misses; n > 0 {
		return float64(s.Hits) / float64(n)
	}
	return 0
}

// maxCauses bounds the paths that are named for one step.
const maxCauses = 5

// Run replays a version over a history.
func Run(h *history.History, v Version) (*Result, error) {
	m, err := newModel(v)
	if err != nil {
		return nil, err
	}
	t := newTrees(m.selections, v.Same)
	s := newSimulation(m)
	if len(h.Start) > 0 { // the build before the first commit fills the cache
		for _, f := range h.Start {
			if err := t.put(f); err != nil {
				return nil, err
			}
		}
		s.build("")
	}
	res := &Result{}
	for i, c := range h.Commits {
		if err := t.apply(c.Changes); err != nil {
			return nil, err
		}
		missed := s.build(c.ID)
		if i > 0 || len(h.Start) > 0 {
			s.count(missed)
		}
		res.Commits = append(res.Commits, Commit{ID: c.ID, Time: c.Time, Subject: c.Subject, Missed: missed})
	}
	res.Steps, res.Files = s.result(), len(t.files)
	return res, nil
}
