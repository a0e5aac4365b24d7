package secret

import (
	"regexp/syntax"
	"strings"
)

// A rule's expression is run only on the text around its keywords: matched over
// whole files, the expressions of rules such as the catch-all take nearly all the time.

const (
	// wideMatch is how far a match without a bound is looked for at first, in bytes to the right.
	wideMatch = 4 << 10
	// widestMatch bounds it: no credential is longer.
	widestMatch = 64 << 10
	// cutSlack is room for what an expression looks at beside the match.
	cutSlack = 8
)

// longest is the most bytes that a match has; bounded is false where there is no limit.
func longest(re *syntax.Regexp) (n int, bounded bool) {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune) * 4, true
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 4, true
	case syntax.OpStar, syntax.OpPlus:
		return 0, false
	case syntax.OpRepeat:
		one, bounded := longest(re.Sub[0])
		return one * max(re.Max, 0), bounded && re.Max >= 0
	case syntax.OpAlternate:
		bounded = true
		for _, sub := range re.Sub {
			one, ok := longest(sub)
			n, bounded = max(n, one), bounded && ok
		}
		return n, bounded
	}
	bounded = true
	for _, sub := range re.Sub {
		one, ok := longest(sub)
		n, bounded = n+one, bounded && ok
	}
	return n, bounded
}

// span is a part of a text.
type span struct{ from, to int }

// spans are parts of a text, ascending, joined where they overlap.
type spans []span

func (all spans) add(s span) spans {
	for len(all) > 0 {
		last := &all[len(all)-1]
		if s.from > last.to {
			break
		}
		if s.from >= last.from {
			last.to = max(last.to, s.to)
			return all
		}
		s.to = max(s.to, last.to) // it reaches farther back
		all = all[:len(all)-1]
	}
	return append(all, s)
}

// around is the part of a text in which a match with the anchor at the place is,
// of which nothing lies beyond end.
func (a anchor) around(at, end, length int) span {
	return span{max(0, at-within(a.before)), min(length, end+cutSlack)}
}

func within(n int) int {
	if n < 0 || n > wideMatch {
		return wideMatch
	}
	return n + cutSlack
}

// matchesIn runs the expression on a part of the text. Where a match ends with
// the part it may be cut short, so a longer part is taken. Offsets count in the text.
func (c *compiledRule) matchesIn(text []byte, s span) [][]int {
	for more := wideMatch; ; more *= 2 {
		found := c.regex.FindAllSubmatchIndex(text[s.from:s.to], -1)
		cut := len(found) > 0 && s.from+found[len(found)-1][1] >= s.to
		if cut && s.to < len(text) && more <= widestMatch {
			s.to = min(len(text), s.to+more)
			continue
		}
		for _, groups := range found {
			for i := range groups {
				if groups[i] >= 0 {
					groups[i] += s.from
				}
			}
		}
		return found
	}
}

// allowComment makes gitleaks overlook what stands in its line.
const allowComment = "gitleaks:allow"

func isAllowedLine(line string) bool { return strings.Contains(line, allowComment) }
