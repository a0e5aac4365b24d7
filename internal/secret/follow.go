package secret

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// follow tells where in a text an expression can match. It may tell of more
// places than there are: it counts no further than followRepeats, looks at no word's borders, and
// takes letters that are not ASCII for each other. It never tells of fewer. It is a
// deterministic automaton whose states are made when they are first met, and
// which goroutines share.
type follow struct {
	parts    []*syntax.Regexp
	anywhere bool // a match may begin at any place, and not only at the first
	once     sync.Once

	prog  *syntax.Prog
	class [256]uint8 // bytes that no instruction tells apart
	heads []byte     // one of each class
	start *followState

	mu     sync.Mutex
	states map[string]*followState
}

type followState struct {
	pcs    []uint32
	next   []atomic.Pointer[followState] // by class
	dead   bool                          // no byte can lead to a match
	accept bool                          // something has matched
	atEnd  bool                          // something has matched if the text ends here
}

const (
	// followSteps is how far an answer is looked for.
	followSteps = 4 << 10
	// followRepeats is how many repetitions are counted.
	followRepeats = 20
	// maxFollowStates bounds the automaton.
	maxFollowStates = 1024
)

func newFollow(parts []*syntax.Regexp) *follow { return &follow{parts: parts} }

// at tells whether a match can begin at the place, and the end of what it can take. It
// looks at limit bytes at most; what lies behind them is taken to match.
func (f *follow) at(text []byte, at, limit int) (end int, possible bool) {
	f.once.Do(f.prepare)
	s, to := f.start, min(len(text), at+limit)
	for ; at < to && !s.dead; at++ {
		possible = possible || s.accept
		s = f.after(s, text[at])
	}
	return at, possible || !s.dead || s.atEnd && at == len(text)
}

// ends calls found with the places where a match may end.
func (f *follow) ends(text []byte, found func(end int)) {
	f.once.Do(f.prepare)
	s := f.start
	for at, b := range text {
		if s = f.after(s, b); s.accept {
			found(at + 1)
			s = f.start
		}
	}
	if s.atEnd {
		found(len(text))
	}
}

func (f *follow) after(s *followState, b byte) *followState {
	class := f.class[b]
	if next := s.next[class].Load(); next != nil {
		return next
	}
	return f.step(s, class)
}

func (f *follow) prepare() {
	whole := &syntax.Regexp{Op: syntax.OpConcat, Sub: relaxedAll(f.parts), Flags: syntax.Perl}
	prog, err := syntax.Compile(whole.Simplify())
	if err != nil { // too large, even so: anything may match
		prog = &syntax.Prog{Inst: []syntax.Inst{{Op: syntax.InstMatch}}}
	}
	f.prog = prog
	f.states = map[string]*followState{}
	f.classify()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.start = f.state(f.closure(nil, uint32(prog.Start)))
}

// relaxed is an expression that matches at least as much, and counts less.
func relaxed(re *syntax.Regexp) *syntax.Regexp {
	if re.Op == syntax.OpCapture {
		return relaxed(re.Sub[0])
	}
	out := *re
	out.Sub = relaxedAll(re.Sub)
	if re.Op == syntax.OpRepeat && max(re.Min, re.Max) > followRepeats {
		out.Min = min(re.Min, followRepeats)
		out.Max = -1
	}
	return &out
}

func relaxedAll(parts []*syntax.Regexp) (out []*syntax.Regexp) {
	for _, part := range parts {
		out = append(out, relaxed(part))
	}
	return out
}

// Bytes of characters that are not ASCII stand for their kind: the first byte of one, or a further one.
const firstByte, furtherByte = 0xc0, 0x80

func kindOfByte(b byte) byte {
	switch {
	case b < utf8.RuneSelf:
		return b
	case b < 0xc0:
		return furtherByte
	}
	return firstByte
}

// classify finds the bytes that all instructions treat alike.
func (f *follow) classify() {
	index := map[string]uint8{}
	signature := make([]byte, len(f.prog.Inst)+1)
	for b := range 256 {
		kind := kindOfByte(byte(b))
		for i := range f.prog.Inst {
			signature[i] = 0
			if matchesKind(&f.prog.Inst[i], kind) {
				signature[i] = 1
			}
		}
		signature[len(f.prog.Inst)] = max(kind, furtherByte-1)
		class, ok := index[string(signature)]
		if !ok {
			class = uint8(len(f.heads))
			index[string(signature)] = class
			f.heads = append(f.heads, kind)
		}
		f.class[b] = class
	}
}

func matchesKind(i *syntax.Inst, kind byte) bool {
	switch i.Op {
	case syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return kind != '\n' || i.Op == syntax.InstRuneAny
	case syntax.InstRune, syntax.InstRune1:
		if kind < utf8.RuneSelf {
			return i.MatchRune(rune(kind))
		}
		return i.Rune[len(i.Rune)-1] >= utf8.RuneSelf || foldsBeyondASCII(i)
	}
	return false
}

func foldsBeyondASCII(i *syntax.Inst) bool {
	if len(i.Rune) != 1 || syntax.Flags(i.Arg)&syntax.FoldCase == 0 {
		return false
	}
	for r := unicode.SimpleFold(i.Rune[0]); r != i.Rune[0]; r = unicode.SimpleFold(r) {
		if r >= utf8.RuneSelf {
			return true
		}
	}
	return false
}

// step makes the state after a byte of the class.
func (f *follow) step(s *followState, class uint8) *followState {
	f.mu.Lock()
	defer f.mu.Unlock()
	var pcs []uint32
	for _, pc := range s.pcs {
		inst := &f.prog.Inst[pc]
		if matchesKind(inst, f.heads[class]) {
			pcs = f.closure(pcs, inst.Out)
		}
		if f.heads[class] == furtherByte { // it may belong to the character before
			pcs = f.closure(pcs, pc)
		}
	}
	if f.anywhere {
		pcs = f.closure(pcs, uint32(f.prog.Start))
	}
	next := f.state(pcs)
	s.next[class].Store(next)
	return next
}

// closure adds the instructions reached without a byte. What is asked of the
// place is taken to hold, but for the end of the text: at and ends take care of that.
func (f *follow) closure(pcs []uint32, pc uint32) []uint32 {
	if slices.Contains(pcs, pc) {
		return pcs
	}
	switch inst := &f.prog.Inst[pc]; inst.Op {
	case syntax.InstFail:
		return pcs
	case syntax.InstAlt, syntax.InstAltMatch:
		pcs = append(pcs, pc)
		return f.closure(f.closure(pcs, inst.Out), inst.Arg)
	case syntax.InstEmptyWidth:
		pcs = append(pcs, pc)
		if asksForEnd(inst) {
			return pcs
		}
		return f.closure(pcs, inst.Out)
	case syntax.InstNop, syntax.InstCapture:
		return f.closure(append(pcs, pc), inst.Out)
	default:
		return append(pcs, pc)
	}
}

// state is the one with these instructions. When there are too many states, it
// is one in which anything may match.
func (f *follow) state(pcs []uint32) *followState {
	slices.Sort(pcs)
	key := make([]byte, 0, 4*len(pcs))
	for _, pc := range pcs {
		key = binary.LittleEndian.AppendUint32(key, pc)
	}
	if len(f.states) >= maxFollowStates {
		key = []byte("anything")
	}
	if s := f.states[string(key)]; s != nil {
		return s
	}
	s := &followState{pcs: pcs, next: make([]atomic.Pointer[followState], len(f.heads))}
	s.accept = slices.ContainsFunc(pcs, func(pc uint32) bool { return f.prog.Inst[pc].Op == syntax.InstMatch })
	if len(f.states) >= maxFollowStates {
		s.accept = true
		for class := range s.next {
			s.next[class].Store(s)
		}
	}
	s.atEnd = slices.ContainsFunc(pcs, func(pc uint32) bool { return asksForEnd(&f.prog.Inst[pc]) })
	s.dead = !slices.ContainsFunc(pcs, func(pc uint32) bool { return consumes(&f.prog.Inst[pc]) }) && !s.accept
	f.states[string(key)] = s
	return s
}

func asksForEnd(i *syntax.Inst) bool {
	return i.Op == syntax.InstEmptyWidth && syntax.EmptyOp(i.Arg)&syntax.EmptyEndText != 0
}

func consumes(i *syntax.Inst) bool {
	switch i.Op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return true
	}
	return false
}
