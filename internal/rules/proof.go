package rules

import (
	"fmt"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/finding"
)

// proofOf is what shows a fact: what was observed and the line that says so, where there are both.
func proofOf[T any](f ecosystem.Fact[T]) (evidence []finding.Evidence) {
	for _, s := range f.Proof() {
		evidence = append(evidence, finding.Evidence{File: s.File, Line: s.Line, Note: s.Note})
	}
	return evidence
}

// whereShown names the place of a fact in a message.
func whereShown(s ecosystem.Source) string {
	if s.Observed() {
		return s.Note
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}
