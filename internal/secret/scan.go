package secret

import (
	"io"
	"slices"
	"sync"
)

// MinNeedle is the fewest bytes a value must have to be searched for: shorter
// ones occur by chance in any image.
const MinNeedle = 6

// chunkBytes is what is searched at a time: it stays in the processor's second-level cache.
const chunkBytes = 128 << 10

// Scanner searches streams for known values. It may be used by several
// goroutines at once, and can serve as the image package's Finder.
type Scanner struct {
	needles []needle
	longest int
	search  searcher
	skipped []int
	buffers sync.Pool
}

// Hit is a value that was found.
type Hit struct {
	Value  int // index into the values given to NewScanner
	Form   Form
	Offset int64 // of the first byte in the stream
}

// ScanOptions say what is searched for besides the values as they are.
type ScanOptions struct {
	// Encoded adds their base64 and URL-encoded forms.
	Encoded bool
}

// NewScanner prepares a search for values. Those shorter than MinNeedle are left out: see Skipped.
func NewScanner(values [][]byte, opts ScanOptions) *Scanner {
	s := &Scanner{}
	for i, v := range values {
		if len(v) < MinNeedle {
			s.skipped = append(s.skipped, i)
			continue
		}
		s.needles = append(s.needles, formsOf(i, v, opts.Encoded)...)
	}
	for _, n := range s.needles {
		s.longest = max(s.longest, len(n.text))
	}
	s.search = newSearcher(s.needles)
	s.buffers.New = func() any { return new([chunkBytes]byte) }
	return s
}

// Skipped are the indexes of the values that are too short to be searched for.
func (s *Scanner) Skipped() []int { return s.skipped }

// Scan reads a stream to its end and returns what occurs in it. Each occurrence
// is there once; those of one chunk come needle by needle.
func (s *Scanner) Scan(r io.Reader) ([]Hit, error) {
	w := s.Writer()
	buffer := s.buffers.Get().(*[chunkBytes]byte)
	defer s.buffers.Put(buffer)
	// Only Read and Write are offered, so that the buffer is used.
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, buffer[:])
	return w.Hits(), err
}

// Find reads a stream to its end and returns which values occur in it, in any form, ascending.
func (s *Scanner) Find(r io.Reader) ([]int, error) {
	hits, err := s.Scan(r)
	var out []int
	for _, h := range hits {
		out = append(out, h.Value)
	}
	slices.Sort(out)
	return slices.Compact(out), err
}

// Writer searches what is written to it.
func (s *Scanner) Writer() *ScanWriter { return &ScanWriter{scanner: s} }

// ScanWriter is one search in progress. Writing never fails.
type ScanWriter struct {
	scanner *Scanner
	tail    []byte // the end of what was written, one byte short of the longest needle
	offset  int64  // in the stream, of tail's first byte
	hits    []Hit
}

// Hits are the values found so far.
func (w *ScanWriter) Hits() []Hit { return w.hits }

// Write searches the next bytes, and across the border to those before.
func (w *ScanWriter) Write(p []byte) (int, error) {
	if len(w.scanner.needles) == 0 {
		return len(p), nil
	}
	keep, seen := w.scanner.longest-1, len(w.tail)
	border := append(w.tail, p[:min(len(p), keep)]...)
	large := len(p) > keep
	w.search(border, w.offset, func(start, end int) bool {
		return end > seen && (!large || start < seen)
	})
	if large {
		w.search(p, w.offset+int64(seen), func(int, int) bool { return true })
	}
	end := w.offset + int64(seen+len(p))
	if large {
		border = p
	}
	w.tail = append(w.tail[:0], border[max(0, len(border)-keep):]...)
	w.offset = end - int64(len(w.tail))
	return len(p), nil
}

// search adds the hits in text, which starts at offset in the stream, that are wanted.
func (w *ScanWriter) search(text []byte, offset int64, wanted func(start, end int) bool) {
	w.scanner.search.find(text, func(i, start int) {
		n := w.scanner.needles[i]
		if wanted(start, start+len(n.text)) {
			w.hits = append(w.hits, Hit{Value: n.value, Form: n.form, Offset: offset + int64(start)})
		}
	})
}
