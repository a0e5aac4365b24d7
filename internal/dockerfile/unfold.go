package dockerfile

import "sort"

// Unfolded is a piece of source as the builder reads it: continuations, and
// comments and blank lines inside them, are gone. Every byte of Text knows
// where it stands in the source.
type Unfolded struct {
	Text string

	base int // offset of Text in the text that pieces count from
	// pieces are the runs that are contiguous in the source, by offset.
	pieces []piece
}

type piece struct{ text, source int }

// Offset is the place in the source of Text[i]. For i == len(Text) it is the
// place just after the last byte.
func (u Unfolded) Offset(i int) int {
	if i > 0 && i >= len(u.Text) {
		return u.offset(len(u.Text)-1) + 1
	}
	return u.offset(max(i, 0))
}

func (u Unfolded) offset(i int) int {
	if len(u.pieces) == 0 {
		return 0
	}
	i += u.base
	n := sort.Search(len(u.pieces), func(n int) bool { return u.pieces[n].text > i })
	p := u.pieces[max(n-1, 0)]
	return p.source + i - p.text
}

// run is the end of the contiguous run that holds Text[i].
func (u Unfolded) run(i int) int {
	n := sort.Search(len(u.pieces), func(n int) bool { return u.pieces[n].text > i+u.base })
	if n == len(u.pieces) {
		return len(u.Text)
	}
	return min(u.pieces[n].text-u.base, len(u.Text))
}

// Span is the place in the source of Text[start:end].
func (u Unfolded) Span(start, end int) Span {
	if start >= end {
		at := u.Offset(start)
		return Span{at, at}
	}
	return Span{u.Offset(start), u.Offset(end-1) + 1}
}

// Slice is Text[start:end], still knowing its place.
func (u Unfolded) Slice(start, end int) Unfolded {
	return Unfolded{Text: u.Text[start:end], base: u.base + start, pieces: u.pieces}
}

// at is the part of u that stands at a span of the source.
func (u Unfolded) at(s Span) Unfolded {
	start := u.index(s.Start)
	if s.End <= s.Start {
		return u.Slice(start, start)
	}
	return u.Slice(start, max(start, u.index(s.End-1)+1))
}

// index is the inverse of offset, cut to the text.
func (u Unfolded) index(source int) int {
	n := sort.Search(len(u.pieces), func(n int) bool { return u.pieces[n].source > source })
	if n == 0 {
		return 0
	}
	p := u.pieces[n-1]
	return min(max(p.text+source-p.source-u.base, 0), len(u.Text))
}

// Unfolded is the instruction's arguments (Rest) as the builder reads them.
func (i *Instruction) Unfolded() Unfolded { return i.rest }
