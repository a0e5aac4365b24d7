package secret

import "bytes"

// searcher finds all occurrences of all needles in a text.
type searcher interface {
	find(text []byte, found func(needle, start int))
}

// fewNeedles is up to how many needles one pass for each is faster than one
// for all: see BenchmarkScan.
const fewNeedles = 5

func newSearcher(needles []needle) searcher {
	if len(needles) <= fewNeedles {
		return onePassEach(needles)
	}
	return newSkipSearch(needles)
}

// onePassEach relies on the vector instructions behind bytes.Index.
type onePassEach []needle

func (s onePassEach) find(text []byte, found func(needle, start int)) {
	for i, n := range s {
		for at := 0; ; at++ {
			next := bytes.Index(text[at:], n.text)
			if next < 0 {
				break
			}
			at += next
			found(i, at)
		}
	}
}

const (
	blockBytes = 3
	tableBits  = 14
)

// skipSearch is the algorithm of Wu and Manber ("A fast algorithm for
// multi-pattern searching", 1994): a window of the shortest needle's length moves over
// the text; the window's last bytes tell how far it can move without missing a
// needle, or which needles may start where it starts.
type skipSearch struct {
	needles []needle
	window  int
	shift   *[1 << tableBits]uint8
	start   map[uint32][]int // block at the window's end → needles
}

func newSkipSearch(needles []needle) *skipSearch {
	s := &skipSearch{needles: needles, window: 255, shift: new([1 << tableBits]uint8), start: map[uint32][]int{}}
	for _, n := range needles {
		s.window = min(s.window, len(n.text))
	}
	for i := range s.shift {
		s.shift[i] = uint8(s.window - blockBytes + 1)
	}
	for i, n := range needles {
		for end := blockBytes; end <= s.window; end++ {
			h := block(n.text[end-blockBytes : end])
			s.shift[h] = min(s.shift[h], uint8(s.window-end))
		}
		last := block(n.text[s.window-blockBytes : s.window])
		s.start[last] = append(s.start[last], i)
	}
	return s
}

// block hashes the first three bytes.
func block(b []byte) uint32 {
	_ = b[2]
	return (uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16) * 0x9E3779B1 >> (32 - tableBits)
}

func (s *skipSearch) find(text []byte, found func(needle, start int)) {
	for end := s.window; end <= len(text); {
		h := block(text[end-blockBytes : end])
		if skip := s.shift[h]; skip > 0 {
			end += int(skip)
			continue
		}
		start := end - s.window
		for _, i := range s.start[h] {
			if bytes.HasPrefix(text[start:], s.needles[i].text) {
				found(i, start)
			}
		}
		end++
	}
}
