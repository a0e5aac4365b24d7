package secret

import (
	"bytes"
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

// local tells that the rule's matches contain one of its keywords, so that they
// can be looked for around those. Where this can't be read from the expression, the
// whole text is searched.
func (r *rule) local() bool { return r.isLocal }

func (r *rule) containsKeyword() bool {
	if len(r.Keywords) == 0 {
		return false
	}
	expression := strings.ToLower(strings.ReplaceAll(r.Regex, `\`, ""))
	for _, word := range r.Keywords {
		if len(word) < 2 || !strings.Contains(expression, word) {
			return false
		}
	}
	return true
}

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

// reach is how many bytes around a keyword a match may take.
func reach(expression string) int {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return widestMatch
	}
	n, bounded := longest(re)
	if !bounded || n > wideMatch {
		return wideMatch
	}
	return n + cutSlack
}

// mayMatchAt tells for a rule whose keyword stands everywhere whether a match
// is possible at all: what holds for every match of the expression, and can be seen at a glance.
func mayMatchAt(id string, text []byte, at, length int) bool {
	switch id {
	case genericRule:
		return mayBeAssignment(text, at+length)
	case "jwt": // ey[a-zA-Z0-9]{17,}\.
		return run(text[at:], isAlnum, 20) >= 19
	case "vault-service-token": // s.[a-z0-9]{24}, or hvs. and more
		if text[at] != 's' || at+1 >= len(text) || text[at+1] != '.' {
			return true
		}
		return run(text[min(at+2, len(text)):], isAlnum, 24) >= 24
	}
	return true
}

// mayBeAssignment follows gitleaks' generic-api-key after its keyword: up to 20
// letters, digits, blanks, dots and dashes, up to 3 blanks and quotes, an
// assignment, up to 5 blanks, quotes and =, and a value of at least 10.
func mayBeAssignment(text []byte, at int) bool {
	end := min(at+24, len(text))
	for at < end && (isWord(text[at]) || isSeparator(text[at])) && text[at] != '=' && text[at] != '`' {
		at++
	}
	if at >= end || strings.IndexByte("=>:|?,", text[at]) < 0 {
		return false
	}
	equals := 0
	for end = min(at+9, len(text)); at < end && (strings.IndexByte("=>:|?,", text[at]) >= 0 || isSeparator(text[at])); at++ {
		if text[at] == '=' {
			equals++
		}
	}
	return equals+run(text[at:], isValue, 10) >= 10
}

func run(text []byte, is func(byte) bool, enough int) (n int) {
	for n < len(text) && n < enough && is(text[n]) {
		n++
	}
	return n
}

func isAlnum(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}

// isWord is [\w.-].
func isWord(b byte) bool { return isAlnum(b) || b == '_' || b == '.' || b == '-' }

func isValue(b byte) bool { return isWord(b) || b == '=' || b == '+' || b == '/' }

func isSeparator(b byte) bool { return strings.IndexByte(" \t\n\f\r'\"=`", b) >= 0 }

// span is a part of a text.
type span struct{ from, to int }

// spansAround are the parts of a text around hits, which ascend, joined where they overlap.
func spansAround(hits []int32, reach, length int) (spans []span) {
	for _, at := range hits {
		s := span{max(0, int(at)-reach), min(length, int(at)+reach)}
		if last := len(spans) - 1; last >= 0 && s.from <= spans[last].to {
			spans[last].to = max(spans[last].to, s.to)
			continue
		}
		spans = append(spans, s)
	}
	return spans
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

// urlSpans are the parts of a text in which addresses with a user may stand.
func urlSpans(text []byte) (spans []span) {
	const left, right = 32, 320 // as long as urlUser's parts can be
	for at := 0; ; {
		next := bytes.Index(text[at:], []byte("://"))
		if next < 0 {
			return spans
		}
		at += next
		from, to := max(0, at-left), min(len(text), at+right)
		if bytes.IndexByte(text[at:to], '@') >= 0 {
			if last := len(spans) - 1; last >= 0 && from <= spans[last].to {
				spans[last].to = to
			} else {
				spans = append(spans, span{from, to})
			}
		}
		at += 3
	}
}
