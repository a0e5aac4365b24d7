package dockerfile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Expand replaces variables and removes quotes and escapes, by the builder's
// rules. A variable that lookup does not know is empty. It knows ${x:-y},
// ${x-y}, ${x:+y}, ${x+y}, ${x:?e}, ${x?e}, ${x#p}, ${x##p}, ${x%p}, ${x%%p},
// ${x/p/s} and ${x//p/s}; anything else is an error.
func Expand(text string, escape byte, lookup func(name string) (string, bool)) (string, error) {
	l := lexer{src: text, escape: rune(escape), lookup: lookup}
	return l.expand()
}

// ExpandKnown is Expand, but leaves variables that lookup does not know as
// they are written: what a base image or a build argument sets is not known.
func ExpandKnown(text string, escape byte, lookup func(name string) (string, bool)) (string, error) {
	l := lexer{src: text, escape: rune(escape), lookup: lookup, keepUnset: true}
	return l.expand()
}

func (l *lexer) get(name string) (string, bool) {
	if l.lookup == nil {
		return "", false
	}
	return l.lookup(name)
}

func (l *lexer) dollar() (string, error) {
	l.next()
	if l.peek() == '{' {
		l.next()
		return l.braces()
	}
	name := l.name()
	if name == "" {
		return "$", nil
	}
	value, set := l.get(name)
	if !set && l.keepUnset {
		return "$" + name, nil
	}
	return value, nil
}

// name reads a variable's name: digits, one special character, or a word.
func (l *lexer) name() string {
	start := l.pos
	first := l.peek()
	switch {
	case unicode.IsDigit(first):
		for unicode.IsDigit(l.peek()) {
			l.next()
		}
	case first != end && strings.ContainsRune("@*#?-$!", first):
		l.next()
	default:
		for r := l.peek(); unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_'; r = l.peek() {
			l.next()
		}
	}
	return l.src[start:l.pos]
}

var errMissingBrace = errors.New("'}' is missing")

// braces reads ${…} after the opening brace.
func (l *lexer) braces() (string, error) {
	switch l.peek() {
	case end:
		return "", errMissingBrace
	case '{', '}', ':':
		return "", errors.New("bad substitution")
	}
	name := l.name()
	s := substitution{name: name}
	s.op = l.next()
	if s.op == ':' {
		s.colon = true
		s.op = l.next()
	}
	switch {
	case s.op == '}' && !s.colon:
		value, set := l.get(name)
		if !set && l.keepUnset {
			return "${" + name + "}", nil
		}
		return value, nil
	case s.op == '/' && !s.colon:
		return l.replace(s)
	case s.op == end:
		return "", errMissingBrace
	case s.colon == (s.op != '#' && s.op != '%'), strings.ContainsRune("+-?", s.op):
		return l.modify(s)
	}
	return "", s.unknown()
}

// substitution is ${name, an optional colon and the modifier.
type substitution struct {
	name  string
	colon bool
	op    rune
}

func (s substitution) String() string {
	if s.colon {
		return s.name + ":" + string(s.op)
	}
	return s.name + string(s.op)
}

func (s substitution) unknown() error {
	return fmt.Errorf("${%s…} has a modifier that the builder does not know", s)
}

// operand reads the word of a substitution.
func (l *lexer) operand(stop rune, rawEscapes, pattern bool) (string, error) {
	l.nested = true
	word, err := l.until(stop, rawEscapes, pattern, nil)
	l.nested = true
	if err != nil && l.peek() == end && !errors.Is(err, errTooLong) && !errors.Is(err, errTooDeep) {
		return "", errMissingBrace
	}
	return word, err
}

// modify applies a modifier. One that is not known is an error only when the
// variable is set, or unset variables are not kept.
func (l *lexer) modify(s substitution) (string, error) {
	pattern := s.op == '#' || s.op == '%'
	word, err := l.operand('}', pattern, pattern)
	if err != nil {
		return "", err
	}
	value, set := l.get(s.name)
	if !set && l.keepUnset {
		return "${" + s.String() + word + "}", nil
	}
	present := set && !(s.colon && value == "")
	switch {
	case pattern:
		return trimPattern(value, word, s.op)
	case s.op == '-' && present, s.op == '?' && present:
		return value, nil
	case s.op == '-', s.op == '+' && present:
		return word, nil
	case s.op == '+':
		return "", nil
	case s.op == '?':
		return "", unsetError(s, word, set)
	}
	return "", s.unknown()
}

func unsetError(s substitution, message string, set bool) error {
	switch {
	case message != "":
		return fmt.Errorf("%s: %s", s.name, message)
	case set:
		return fmt.Errorf("%s must not be empty", s.name)
	}
	return fmt.Errorf("%s must be set", s.name)
}

func (l *lexer) replace(s substitution) (string, error) {
	all := l.peek() == '/'
	if all {
		l.next()
	}
	pattern, err := l.operand('/', true, true)
	if err != nil {
		return "", err
	}
	replacement, err := l.operand('}', true, false)
	if err != nil {
		return "", err
	}
	value, set := l.get(s.name)
	if !set && l.keepUnset {
		return "${" + s.name + "/" + pattern + "/" + replacement + "}", nil
	}
	re, err := patternRegexp(pattern, true, false)
	if err != nil {
		return "", err
	}
	if !all {
		if at := re.FindStringIndex(value); at != nil {
			value = value[:at[0]] + replacement + value[at[1]:]
		}
		return value, nil
	}
	// The replacement may refer to the match, as regexp's templates do: each
	// of its bytes may stand for all of the value.
	if (len(value)+1)*(len(replacement)+1) > maxExpanded {
		return "", errTooLong
	}
	return re.ReplaceAllString(value, replacement), nil
}

// trimPattern removes a prefix (#) or suffix (%) that matches a pattern; a
// doubled operator takes the longest match.
func trimPattern(value, pattern string, op rune) (string, error) {
	greedy := strings.HasPrefix(pattern, string(op))
	if greedy {
		pattern = pattern[1:]
	}
	if op == '%' { // a suffix is a prefix read backwards
		pattern, value = reversePattern(pattern), reverse(value)
	}
	re, err := patternRegexp(pattern, greedy, true)
	if err != nil {
		return "", err
	}
	if at := re.FindStringIndex(value); at != nil {
		value = value[at[1]:]
	}
	if op == '%' {
		value = reverse(value)
	}
	return value, nil
}

func reverse(s string) string {
	runes := []rune(s)
	slices.Reverse(runes)
	return string(runes)
}

// reversePattern keeps every escape before the rune that it escapes.
func reversePattern(pattern string) string {
	var units []string
	for runes := []rune(pattern); len(runes) > 0; {
		n := 1
		if runes[0] == '\\' && len(runes) > 1 {
			n = 2
		}
		units = append(units, string(runes[:n]))
		runes = runes[n:]
	}
	slices.Reverse(units)
	return strings.Join(units, "")
}

// patternRegexp translates * and ?; brackets are plain text for the builder.
func patternRegexp(pattern string, greedy, anchored bool) (*regexp.Regexp, error) {
	var out strings.Builder
	if anchored {
		out.WriteByte('^')
	}
	star := ".*?"
	if greedy {
		star = ".*"
	}
	runes := []rune(pattern)
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; r {
		case '*':
			out.WriteString(star)
		case '?':
			out.WriteByte('.')
		case '\\':
			i++
			if i == len(runes) || !strings.ContainsRune(`*?\}/`, runes[i]) {
				return nil, fmt.Errorf("pattern %q has an escape that means nothing", pattern)
			}
			out.WriteString(regexp.QuoteMeta(string(runes[i])))
		default:
			out.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return regexp.Compile(out.String())
}
