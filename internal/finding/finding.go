// Package finding holds what a rule reports: where, what it costs, the evidence
// for it, and how it can be mended.
package finding

import (
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
)

// Severity orders findings by how much they matter in production.
type Severity int

const (
	Info Severity = iota
	Warning
	Error
)

func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	}
	return "info"
}

// Basis says where a figure comes from.
type Basis string

const (
	Observed  Basis = "observed"  // measured on the thing itself
	Derived   Basis = "derived"   // computed from observed figures
	Estimated Basis = "estimated" // from a table or a model
)

// Cost is one figure of what a finding costs. Costs of different findings
// overlap and are never added up.
type Cost struct {
	Metric string  `json:"metric"` // "image_bytes", "transfer_bytes", "context_bytes", "seconds", "exposure"
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"` // "bytes", "seconds", "files", "values"
	Basis  Basis   `json:"basis"`
	Note   string  `json:"note,omitempty"` // how it was measured, in a few words
}

// Evidence points at what proves a finding: a place in a file, a path in the
// context, or a path in a layer.
type Evidence struct {
	File string `json:"file,omitempty"` // relative to the project's root; empty when the evidence is elsewhere, as in a registry
	Line int    `json:"line,omitempty"`
	Note string `json:"note,omitempty"`
}

// Safety tells how much a fix may change.
type Safety int

const (
	// Display fixes are shown and never applied.
	Display Safety = iota
	// Unsafe fixes may change what the application sees: they are kept only
	// when a proof has passed, or when the user asks for unproven edits.
	Unsafe
	// Safe fixes leave the application the same files, user, environment and entrypoint.
	Safe
)

func (s Safety) String() string {
	switch s {
	case Safe:
		return "safe"
	case Unsafe:
		return "unsafe"
	}
	return "display"
}

// Fix is one way to mend a finding. Its edits are applied together or not at all.
type Fix struct {
	Title  string
	Safety Safety
	Why    string // required unless Safe: what could go wrong, and how the proof shows that it did not
	Edits  []edit.Edit
	// Group names fixes that stand or fall together across rounds of
	// rewriting; empty means the rule's own ID.
	Group string
	// RunEnv are variables that the fix took out of the image and that
	// must be given to the container at run time for the application to work.
	RunEnv []EnvVar
}

// EnvVar is a name and its value.
type EnvVar struct{ Name, Value string }

// Finding is one thing that is wrong.
type Finding struct {
	Rule     string
	Severity Severity
	// File is the path that Span refers to, relative to the project's root.
	File     string
	Span     dockerfile.Span
	Position dockerfile.Position // of Span.Start; filled in by the runner
	Message  string              // what is wrong, what it costs, what to do
	Evidence []Evidence
	Costs    []Cost
	Fix      *Fix
	// Refused says why no fix is offered although the rule has one.
	Refused string
	// Secrets are credentials that stand in the file where the finding is: no renderer may print them.
	Secrets []string
}
