// Package plan holds what a rewrite decided: which fixes were applied, which
// were refused and why, and the files before and after.
package plan

import "github.com/plimsoll/plimsoll/internal/finding"

// Applied is one fix that is part of the rewritten files.
type Applied struct {
	Rule   string
	Group  string
	Title  string
	Safety finding.Safety
	Why    string
	Proven bool
}

// Skipped is one finding whose fix is not part of the rewritten files.
type Skipped struct {
	Rule   string
	Group  string
	Reason string
}

// Plan is the result of rewriting a project.
type Plan struct {
	Applied []Applied
	Skipped []Skipped
	// Before and After map paths relative to the project's root to file
	// texts. Before lacks the files that the plan creates.
	Before, After map[string]string
	// RunEnv is what the fixes took out of the image and the container needs at run time.
	RunEnv []finding.EnvVar
	// Rounds is how many rounds of findings and edits it took to settle.
	Rounds int
}

// Changed reports whether any file differs.
func (p *Plan) Changed() bool {
	for name, text := range p.After {
		if before, ok := p.Before[name]; !ok || before != text {
			return true
		}
	}
	return false
}
