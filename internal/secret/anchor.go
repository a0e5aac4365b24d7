package secret

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// anchor is a part of an expression that every match has, and that holds one of
// the rule's keywords: where the keyword stands in a text, and nowhere else, a match can be.
type anchor struct {
	// offsets are, by keyword, how many bytes before the keyword the part may begin.
	offsets map[string][]int
	// whole tells that a word begins with the part, so that no letter may stand in front of it.
	whole bool
	// before is how many bytes a match may have in front of the part, after from
	// its beginning on; -1 is without a bound.
	before, after int
	follow        *follow
}

// maxStrings bounds the texts that the part of an expression may stand for.
const maxStrings = 512

// anchorsOf takes an expression apart. It has no result where there are matches
// without a keyword, or where this can't be shown.
func anchorsOf(expression string, keywords []string) []anchor {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	a := anchoring{keywords: keywords}
	found, _ := a.within(sequence(re), context{})
	return found
}

type anchoring struct{ keywords []string }

// context is what stands around a sequence.
type context struct {
	before int  // bytes that a match may have in front, -1 without a bound
	edge   bool // a word begins or ends where the sequence begins
	rest   []*syntax.Regexp
}

// within finds the anchors of a sequence.
func (a anchoring) within(parts []*syntax.Regexp, in context) ([]anchor, bool) {
	for length := 1; length <= len(parts); length++ {
		for i := 0; i+length <= len(parts); i++ {
			if offsets, ok := a.offsets(parts[i : i+length]); ok {
				around := in.at(parts, i)
				tail := slices.Concat(parts[i:], in.rest)
				return []anchor{{
					offsets: offsets, whole: around.edge && beginsWithLetter(parts[i]),
					before: around.before, after: longestOf(tail), follow: newFollow(tail),
				}}, true
			}
		}
	}
	// No part has a keyword in all of its forms: each form of an alternative may have one of its own.
	for i, part := range parts {
		if part.Op != syntax.OpAlternate {
			continue
		}
		if found, ok := a.each(part.Sub, nil, in.at(parts, i)); ok {
			return found, true
		}
		lead := i // the forms' common beginning
		for lead > 0 && parts[lead-1].Op == syntax.OpLiteral {
			lead--
		}
		if lead < i {
			around := in.at(parts, lead)
			around.rest = slices.Concat(parts[i+1:], in.rest)
			if found, ok := a.each(part.Sub, parts[lead:i], around); ok {
				return found, true
			}
		}
	}
	return nil, false
}

// at is what stands around a part of a sequence.
func (c context) at(parts []*syntax.Regexp, i int) context {
	around := context{before: plus(c.before, longestOf(parts[:i])), edge: c.edge, rest: slices.Concat(parts[i+1:], c.rest)}
	if i > 0 {
		around.edge = parts[i-1].Op == syntax.OpWordBoundary
	}
	return around
}

func (a anchoring) each(branches, lead []*syntax.Regexp, in context) (all []anchor, ok bool) {
	for _, branch := range branches {
		found, ok := a.within(slices.Concat(lead, sequence(branch)), in)
		if !ok {
			return nil, false
		}
		all = append(all, found...)
	}
	return all, true
}

// offsets tells for a part whose texts are few where in them the keywords stand, when each has one.
func (a anchoring) offsets(parts []*syntax.Regexp) (map[string][]int, bool) {
	texts, ok := textsOf(parts)
	if !ok {
		return nil, false
	}
	offsets := map[string][]int{}
	for _, text := range texts {
		has := false
		for _, word := range a.keywords {
			at := strings.Index(text, word)
			if at < 0 || len(word) < 2 {
				continue
			}
			has = true
			if !slices.Contains(offsets[word], at) {
				offsets[word] = append(offsets[word], at)
			}
			break // one of them is enough to find the text
		}
		if !has {
			return nil, false
		}
	}
	return offsets, true
}

// sequence takes apart what stands in a row. Groups make no difference here.
func sequence(re *syntax.Regexp) (parts []*syntax.Regexp) {
	switch re.Op {
	case syntax.OpCapture:
		return sequence(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			parts = append(parts, sequence(sub)...)
		}
		return parts
	}
	return []*syntax.Regexp{re}
}

// textsOf are the texts in lower case that a sequence stands for, where they are few.
func textsOf(parts []*syntax.Regexp) (texts []string, ok bool) {
	texts = []string{""}
	for _, part := range parts {
		ends, ok := endings(part)
		if !ok || len(texts)*len(ends) > maxStrings {
			return nil, false
		}
		var longer []string
		for _, text := range texts {
			for _, end := range ends {
				longer = append(longer, text+end)
			}
		}
		slices.Sort(longer)
		texts = slices.Compact(longer)
	}
	return texts, true
}

func endings(re *syntax.Regexp) (texts []string, ok bool) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}, true
	case syntax.OpLiteral:
		return []string{strings.ToLower(string(re.Rune))}, true
	case syntax.OpCharClass:
		return lettersOf(re)
	case syntax.OpCapture:
		return endings(re.Sub[0])
	case syntax.OpConcat:
		return textsOf(re.Sub)
	case syntax.OpQuest:
		texts, ok = endings(re.Sub[0])
		return append(texts, ""), ok
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			more, ok := endings(sub)
			if !ok {
				return nil, false
			}
			texts = append(texts, more...)
		}
		return texts, len(texts) <= maxStrings
	}
	return nil, false
}

// Letters that are not ASCII and fold to one that is: keywords are ASCII, as gitleaks' are.
const longS, kelvin = 'ſ', 'K'

func lettersOf(class *syntax.Regexp) (texts []string, ok bool) {
	for i := 0; i < len(class.Rune); i += 2 {
		from, to := class.Rune[i], class.Rune[i+1]
		if from == to && (from == longS || from == kelvin) {
			continue
		}
		if to >= 0x80 || to-from > 64 {
			return nil, false
		}
		for r := from; r <= to; r++ {
			texts = append(texts, strings.ToLower(string(r)))
		}
	}
	slices.Sort(texts)
	return slices.Compact(texts), true
}

func beginsWithLetter(re *syntax.Regexp) bool {
	texts, ok := endings(re)
	return ok && !slices.ContainsFunc(texts, func(t string) bool { return t == "" || !isWordByte(t[0]) })
}

// isWordByte is what \b takes for a part of a word.
func isWordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '_'
}

// unanchored finds the parts of a text in which an expression may match, wherever they are.
type unanchored struct {
	longest int
	follow  *follow
}

func newUnanchored(expression string) *unanchored {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		re = &syntax.Regexp{Op: syntax.OpEmptyMatch} // no rule is: a test compiles them all
	}
	parts := sequence(re)
	return &unanchored{longestOf(parts), &follow{parts: parts, anywhere: true}}
}

func (u *unanchored) mayMatch(text []byte) (may bool) {
	u.follow.ends(text, func(int) { may = true })
	return may
}

func (u *unanchored) in(text []byte) (places spans) {
	reach := within(u.longest)
	u.follow.ends(text, func(end int) {
		places = places.add(span{max(0, end-reach), min(len(text), end+reach)})
	})
	return places
}

// longestOf is the most bytes that a sequence matches, -1 where there is no bound.
func longestOf(parts []*syntax.Regexp) (n int) {
	for _, part := range parts {
		one, bounded := longest(part)
		if !bounded {
			return -1
		}
		n += one
	}
	return n
}

func plus(a, b int) int {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}
