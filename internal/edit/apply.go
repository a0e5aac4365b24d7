package edit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Apply returns src with the edits applied. They must be edits of one file
// that do not overlap; insertions at one offset keep their order, but for those that go on with a line: they come before those
// that begin a new one behind it. An insertion at the start of a replaced range comes before the replacement.
func Apply(src []byte, edits []Edit) ([]byte, error) {
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int {
		return cmp.Or(byPlace(a, b), goesOn(src, a)-goesOn(src, b))
	})
	out := make([]byte, 0, len(src))
	at := 0
	for n, e := range sorted {
		if err := e.check(len(src), at); err != nil {
			return nil, err
		}
		if e.File != sorted[0].File {
			return nil, fmt.Errorf("applying edits: %s and %s in one call", sorted[0].File, sorted[n].File)
		}
		out = append(out, src[at:e.Start]...)
		out = append(out, e.New...)
		at = e.End
	}
	return append(out, src[at:]...), nil
}

// byPlace sorts insertions before a replacement that starts where they stand.
func byPlace(a, b Edit) int {
	if a.Start != b.Start {
		return a.Start - b.Start
	}
	switch insertA, insertB := a.Start == a.End, b.Start == b.End; {
	case insertA && !insertB:
		return -1
	case insertB && !insertA:
		return 1
	}
	return 0
}

// goesOn tells what belongs to the line that stands before an insertion, 0, from what begins another behind it, 1.
func goesOn(src []byte, e Edit) int {
	within := e.Start == e.End && e.Start > 0 && e.Start <= len(src) && src[e.Start-1] != '\n'
	if within && (strings.HasPrefix(e.New, "\n") || strings.HasPrefix(e.New, "\r\n")) {
		return 1
	}
	return 0
}

func (e Edit) check(size, at int) error {
	switch {
	case e.Start < 0 || e.End < e.Start || e.End > size:
		return fmt.Errorf("applying edits: [%d, %d) is outside of %s, which has %d bytes", e.Start, e.End, e.File, size)
	case e.Start < at:
		return fmt.Errorf("applying edits: [%d, %d) of %s overlaps an edit that ends at %d", e.Start, e.End, e.File, at)
	}
	return nil
}

// ByFile groups edits by the file that they change, each group in the given order.
func ByFile(edits []Edit) map[string][]Edit {
	groups := map[string][]Edit{}
	for _, e := range edits {
		groups[e.File] = append(groups[e.File], e)
	}
	return groups
}
