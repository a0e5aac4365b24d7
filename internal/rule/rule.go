// Package rule defines what a rule is and what it sees, and runs rules.
package rule

import (
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/project"
)

// Phase says in which round of rewriting a rule's fixes come: edits of single
// lines first, then the shape of the file, then what is added to that shape.
type Phase int

const (
	Lines  Phase = iota // local edits and files beside the Dockerfile
	Shape               // stages and bases
	Finish              // what depends on the final shape: user, health check, labels
)

// Need is evidence that a rule can't do without.
type Need string

const (
	NeedContext  Need = "context"  // the build context's files
	NeedFacts    Need = "facts"    // an ecosystem recognised the application
	NeedRegistry Need = "registry" // the base image's variants and their sizes
)

// Doc is a rule's documentation. The examples are executed: Before must raise
// exactly this rule, After none, and fixing Before must give After.
type Doc struct {
	Summary string // one line
	What    string // when it is raised
	Why     string // what it costs
	Before  string // txtar: Dockerfile and context files
	After   string // txtar: the files that the fix changes or creates
	Fix     string // what the fix does
	Proof   string // how prove shows that the fix is sound
	Links   []string
}

// Rule is one check with its documentation.
type Rule struct {
	ID       string // "group/kebab-name"
	Severity finding.Severity
	Safety   finding.Safety // of its fix
	Phase    Phase
	Needs    []Need
	Doc      Doc
	// Check reports findings through the pass. An error means that the rule itself broke.
	Check func(*Pass) error
}

// Pass is all that a rule sees.
type Pass struct {
	*project.Project
	Rule   *Rule
	report func(finding.Finding)
}

// Report records a finding of this rule.
func (p *Pass) Report(f finding.Finding) { p.report(f) }

// Reportf records a finding without a fix on a span of the Dockerfile.
func (p *Pass) Text(s dockerfile.Span) string { return p.File.Text(s) }
