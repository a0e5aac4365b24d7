package report

import (
	"cmp"
	"slices"

	"github.com/plimsoll/plimsoll/internal/finding"
)

// Ordered returns the findings with the gravest first: by severity, then by
// their largest cost in bytes, then in seconds, then by place.
func (r *Report) Ordered() []finding.Finding {
	ordered := slices.Clone(r.Findings)
	slices.SortStableFunc(ordered, compareFindings)
	return ordered
}

func compareFindings(a, b finding.Finding) int {
	return cmp.Or(
		cmp.Compare(b.Severity, a.Severity),
		cmp.Compare(largest(b.Costs, "bytes"), largest(a.Costs, "bytes")),
		cmp.Compare(largest(b.Costs, "seconds"), largest(a.Costs, "seconds")),
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Position.Line, b.Position.Line),
		cmp.Compare(a.Position.Column, b.Position.Column),
		cmp.Compare(a.Rule, b.Rule),
	)
}

func largest(costs []finding.Cost, unit string) float64 {
	var most float64
	for _, c := range costs {
		if c.Unit == unit {
			most = max(most, c.Value)
		}
	}
	return most
}

// Worst returns the highest severity among the findings; ok is false when there are none.
func (r *Report) Worst() (worst finding.Severity, ok bool) {
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	return worst, len(r.Findings) > 0
}
