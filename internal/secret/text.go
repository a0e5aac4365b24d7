package secret

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// genericRule is gitleaks' catch-all: any other rule tells more.
const genericRule = "generic-api-key"

// Text finds credentials in a text of unknown origin by their shape, in the order of offsets.
func Text(text []byte) []Match { return In("", text) }

// In finds credentials in the text of a file by their shape: gitleaks' rules,
// and passwords in addresses. Where matches overlap the most telling one stays.
func In(path string, text []byte) []Match {
	found := urlPasswords(text)
	found = append(found, byRules(path, text)...)
	slices.SortStableFunc(found, func(a, b Match) int { return cmp.Compare(b.Certainty, a.Certainty) })
	var out []Match
	for _, m := range found {
		if !slices.ContainsFunc(out, m.overlaps) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b Match) int { return cmp.Compare(a.Offset, b.Offset) })
	return out
}

// byRules runs the rules of which a keyword occurs, around where it does. The
// rule set is a constant that a test compiles whole, so that its errors can't occur here.
func byRules(path string, text []byte) []Match {
	set, err := rules()
	if err != nil {
		return nil
	}
	var out []Match
	p := placing{set: set, path: path, text: text, rules: make([]rulePlaces, len(set.rules)), work: stepsPerByte * len(text)}
	for i, places := range p.find() {
		if len(places.spans) == 0 {
			continue // nor compiled: that takes longer than all else
		}
		r := set.rules[i]
		compiled, err := r.compiled()
		if err != nil {
			continue
		}
		for _, s := range places.spans {
			out = append(out, r.find(compiled, set, path, text, s)...)
		}
	}
	return out
}

func (r *rule) find(compiled *compiledRule, set *ruleSet, path string, text []byte, in span) []Match {
	var out []Match
	for _, groups := range compiled.matchesIn(text, in) {
		start, end := r.secretRange(groups)
		secret := string(text[start:end])
		if r.Entropy > 0 && entropy(secret) <= r.Entropy {
			continue
		}
		c := candidate{
			path: path, secret: secret,
			match: strings.Trim(string(text[groups[0]:groups[1]]), "\n"),
			line:  string(lineAround(text, groups[0], groups[1])),
		}
		global, err := set.allowed()
		if err != nil || isAllowedLine(c.line) || allowed(global, c) || allowed(compiled.allowed, c) {
			continue
		}
		m := newMatch(r.ID, secret)
		m.Why = describe(r)
		m.Offset, m.Line = start, lineOf(text, start)
		m.Certainty = Certain
		if r.ID == genericRule {
			m.Certainty = Likely
		}
		out = append(out, m)
	}
	return out
}

// secretRange is the rule's group, or the first group that took part, or the whole match.
func (r *rule) secretRange(groups []int) (start, end int) {
	if g := 2 * r.SecretGroup; g > 0 && g+1 < len(groups) && groups[g] >= 0 {
		return groups[g], groups[g+1]
	}
	for g := 2; g+1 < len(groups); g += 2 {
		if groups[g] >= 0 && groups[g] < groups[g+1] {
			return groups[g], groups[g+1]
		}
	}
	return groups[0], groups[1]
}

func allowed(lists []compiledAllowlist, c candidate) bool {
	return slices.ContainsFunc(lists, func(l compiledAllowlist) bool { return l.allows(c) })
}

// describe says what was found in a few words; the rule set's descriptions go on about the risks.
func describe(r *rule) string {
	if r.ID == genericRule {
		return "a random value beside a word such as key or token"
	}
	return fmt.Sprintf("it has the form of %s (gitleaks)", strings.ReplaceAll(r.ID, "-", " "))
}

func lineAround(text []byte, start, end int) []byte {
	from := bytes.LastIndexByte(text[:start], '\n') + 1
	to := bytes.IndexByte(text[end:], '\n')
	if to < 0 {
		return text[from:]
	}
	return text[from : end+to]
}

func lineOf(text []byte, offset int) int { return 1 + bytes.Count(text[:offset], []byte("\n")) }
