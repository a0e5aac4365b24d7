// Package report holds the outcome of one run as plain data. Pipelines fill a
// Report in; the renderers in the packages below this one print it and decide
// nothing.
package report

import (
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/plan"
)

// Schema names the version of the JSON document.
const Schema = "plimsoll.report/1"

// Report is what one run over one Dockerfile found, changed and measured.
// Fields that a command does not produce stay empty: check has neither Plan
// nor measurements, fix has a Plan, prove has everything.
type Report struct {
	Schema  string // Schema
	Version string // of plimsoll
	// Path is the Dockerfile as the user would name it, relative to the
	// working directory where possible.
	Path string
	// Root is the context's directory as the user would name it ("." for the
	// working directory); paths in findings and plan are relative to it.
	Root string
	// Compose is the docker compose service that the Dockerfile was taken from; nil when none was.
	Compose *Compose
	// Engine is the zero Info when nothing was built.
	Engine engine.Info

	// Sources maps the paths that findings refer to, relative to the
	// project's root, to the texts they were found in. Excerpts are cut from it.
	Sources  map[string]string
	Findings []finding.Finding
	// Suppressed are findings that a comment in the Dockerfile silenced.
	Suppressed   []Suppressed
	NotEvaluated []NotEvaluated

	Plan *plan.Plan // nil when nothing was rewritten
	// Written are the files that --write changed on disk.
	Written []string

	// Observed is what the first run of the original showed; nil when nothing was run.
	Observed *Observed

	Before, After measure.Set
	Requests      []Request
	// Output compares what a program without a port wrote; nil for servers.
	Output  *Output
	Verdict Verdict
	// Failure says why the verdict is Failed.
	Failure *Failure

	// Replay is what the build cache would have done over the project's history; nil when not asked.
	Replay *Replay

	// Delivered are the places where the image was put after the proof.
	Delivered []Delivery

	Bases   []Base
	Timings []Timing
	// Notes are further remarks on the run, one sentence each.
	Notes []string

	// Secrets are values that no renderer may print; see Mask.
	Secrets []string
}

// New returns an empty report on the Dockerfile at path.
func New(version, path string) *Report {
	return &Report{Schema: Schema, Version: version, Path: path}
}

// Request is one HTTP request that was sent to both containers.
type Request struct {
	Method, Path  string
	Before, After int  // status codes; 0 means that no answer came
	Same          bool // status and body agree, noise aside
	// Noise names what differs between two runs of before already, and was
	// therefore not compared ("header Date", "$.uptime").
	Noise []string
	// Difference says what differs; empty when Same.
	Difference string
}

// Output is how a program that serves no port ran before and after.
type Output struct {
	Kind                  string // "job", which ends, or "worker", which goes on
	BeforeExit, AfterExit int    // exit codes; -1 for a program that went on
	Lines                 int    // that are the same
	Noise                 int    // that differ between two runs of before already, and were not compared
	Same                  bool
	Difference            string // empty when Same
}

// NotEvaluated is a rule that could not run, or a step of a proof that could
// not be taken.
type NotEvaluated struct{ Rule, Reason string }

// Suppressed is a finding that a comment silenced.
type Suppressed struct {
	Rule string
	File string
	Line int // of the finding
	// By is the line of the comment that silenced it.
	By int
}

// Compose names a service of docker compose files.
type Compose struct {
	Files   []string // as the user would name them, the main one first
	Service string
}

// Base is a base image that a build used.
type Base struct {
	Reference string // as written in FROM
	Used      string // what answered for it, with its digest
	Note      string // "stand-in built from Debian packages"; empty for the real one
}

// Delivery is a place where the image was put.
type Delivery struct {
	Kind   string // "layout", "archive", "push" or "load"
	Place  string // a path, or a name in a registry or an engine
	Digest string // of what is there; empty where an engine gives the image another one
	// Attestations are the kinds of what is attested there: "provenance", "sbom".
	Attestations []string
}

// Timing is how long one phase of the run took.
type Timing struct {
	Phase   string
	Seconds float64
}
