package cli

import (
	"cmp"
	"slices"
	"strings"
)

// nearest returns the names that a mistyped word probably means, the likeliest
// first, three at most.
func nearest(word string, names []string) []string {
	limit := 1 + len(word)/4
	type candidate struct {
		name  string
		edits int
	}
	var near []candidate
	for _, name := range names {
		edits := distance(strings.ToLower(word), strings.ToLower(name))
		// A part of the name counts as near: heavy for size/heavy-base.
		if edits > limit && len(word) > 2 && strings.Contains(name, word) {
			edits = limit
		}
		if edits <= limit {
			near = append(near, candidate{name, edits})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.edits, b.edits), strings.Compare(a.name, b.name))
	})
	var found []string
	for _, c := range near[:min(len(near), 3)] {
		found = append(found, c.name)
	}
	return found
}

// distance is how many insertions, deletions and replacements of a byte turn a
// into b (Levenshtein's distance), by one row of the table at a time.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
