package dockerfile

import (
	"bytes"
	"sort"
	"strings"
)

// Text is the source of a span. A span out of bounds is cut to the file.
func (f *File) Text(s Span) string {
	start := min(max(s.Start, 0), len(f.Source))
	end := min(max(s.End, start), len(f.Source))
	return string(f.Source[start:end])
}

// Position is the line and column of an offset.
func (f *File) Position(offset int) Position {
	offset = min(max(offset, 0), len(f.Source))
	n := f.lineAt(offset)
	return Position{Line: n, Column: offset - f.lines[n-1] + 1}
}

// lineAt is the number, from 1, of the line that holds the offset.
func (f *File) lineAt(offset int) int {
	return max(1, sort.SearchInts(f.lines, offset+1))
}

// LineCount is the number of lines; a last line without an end counts, an
// empty piece after the last line end does not.
func (f *File) LineCount() int {
	n := len(f.lines)
	if n > 0 && f.lines[n-1] == len(f.Source) {
		n--
	}
	return n
}

// Line is the span of line n, counted from 1, without its end. It is empty
// for a line that does not exist.
func (f *File) Line(n int) Span {
	if n < 1 || n > len(f.lines) {
		return Span{len(f.Source), len(f.Source)}
	}
	s := f.wholeLine(n)
	text := bytes.TrimRight(f.Source[s.Start:s.End], "\r\n")
	return Span{s.Start, s.Start + len(text)}
}

func (f *File) wholeLine(n int) Span {
	end := len(f.Source)
	if n < len(f.lines) {
		end = f.lines[n]
	}
	return Span{f.lines[n-1], end}
}

// Lines widens a span to whole lines, the end of the last one included. An
// empty span widens to the line that it stands on.
func (f *File) Lines(s Span) Span {
	last := f.lineAt(min(max(s.End, 0), len(f.Source)))
	if s.End > s.Start && f.lines[last-1] == s.End {
		last-- // it ends with a line's end
	}
	first := f.lineAt(min(max(s.Start, 0), len(f.Source)))
	return Span{f.lines[first-1], f.wholeLine(max(last, first)).End}
}

// Block is what moves when an instruction moves: its lines, their ends
// included, with the comments directly above.
func (f *File) Block(i *Instruction) Span {
	s := f.Lines(i.Span)
	if i.Lead.Start < i.Lead.End {
		s.Start = i.Lead.Start
	}
	return s
}

// Newline is the file's line ending, "\n" or "\r\n": that of its first line.
func (f *File) Newline() string {
	first, _, found := strings.Cut(string(f.Source[:min(len(f.Source), maxLine+1)]), "\n")
	if found && strings.HasSuffix(first, "\r") {
		return "\r\n"
	}
	return "\n"
}

func lineStarts(src []byte) []int {
	starts := []int{0}
	for i, c := range src {
		if c == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}
