// Package edit describes changes to a project's text files as splices of byte
// ranges, and applies them. What no edit covers stays byte-identical.
package edit

// Edit replaces the bytes [Start, End) of one file by New.
// Start == End inserts. Offsets refer to the unedited file.
type Edit struct {
	// File is the path relative to the project's root, slash-separated.
	// A file that does not exist reads as empty, so that an edit of [0, 0) creates it.
	File  string
	Start int
	End   int
	New   string
}

// Overlaps reports whether the two edits can't both be applied: they touch a
// common byte of the same file, or one inserts strictly inside the other's range.
// Two insertions at the same offset do not overlap; they are applied in the order given.
func (e Edit) Overlaps(o Edit) bool {
	if e.File != o.File {
		return false
	}
	if e.Start == e.End || o.Start == o.End {
		return e.Start < o.End && o.Start < e.End && !(e.Start == e.End && o.Start == o.End)
	}
	return e.Start < o.End && o.Start < e.End
}
