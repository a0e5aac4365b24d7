package report

import (
	"time"

	"github.com/plimsoll/plimsoll/internal/finding"
)

// Replay is what the build cache would have done at each commit of the project's
// history: with the Dockerfile as it is, and as it would be rewritten.
type Replay struct {
	Commits []ReplayCommit // the oldest first
	Before  ReplayVersion
	After   *ReplayVersion // nil when there is nothing to rewrite
}

// ReplayCommit is one commit.
type ReplayCommit struct {
	ID      string
	Time    time.Time
	Subject string
}

// ReplayVersion is one version of the Dockerfile.
type ReplayVersion struct {
	Steps []ReplayStep
	// Seconds are what building at each commit would have cost: the times of the steps that were
	// not in the cache, one after the other. The first has no cache if its history begins there.
	Seconds []float64
	// Expected is the mean of Seconds over the builds that had a cache to use.
	Expected float64
	// Basis is estimated when the time of any step is.
	Basis finding.Basis
}

// ReplayStep is one instruction that makes a step of the build.
type ReplayStep struct {
	Line  int // in the Dockerfile
	Stage string
	Text  string // the instruction on one line
	// Outcomes has one entry a commit: "hit", "miss", "below" (a step that it builds on missed) or "unclear".
	Outcomes     []string
	Hits, Misses int // of the builds that had a cache to use
	Above        int // misses that came from a step that it builds on
	Causes       []ReplayCause
	Doubt        string // why a miss may be a hit really
	// Seconds is how long the step takes; Share its part of the expected time, from 0 to 1.
	Seconds float64
	Basis   finding.Basis
	Share   float64
}

// ReplayCause is a path or variable that made a step miss, and in how many builds.
type ReplayCause struct {
	Path   string
	Builds int
}

// HitRate is the share of builds that had the step in the cache.
func (s ReplayStep) HitRate() float64 {
	if n := s.Hits + s.Misses; n > 0 {
		return float64(s.Hits) / float64(n)
	}
	return 0
}
