package dockerfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds on what expansion may grow to. The source is not trusted, and one
// variable may hold another ten times over. A text may always grow by
// maxExpanded: Linux takes no environment variable that is longer.
const (
	maxExpanded = 128 << 10
	maxNesting  = 200
)

var (
	errTooLong = errors.New("the expanded text is too long")
	errTooDeep = errors.New("substitutions are nested too deeply")
)

// end is read where the source has no more runes.
const end rune = -1

// lexer expands variables and removes quotes by the builder's rules, which
// resemble a shell's but are their own.
type lexer struct {
	src    string
	pos    int
	escape rune
	lookup func(string) (string, bool)

	rawQuotes  bool // keep quotes
	rawEscapes bool // keep escapes
	keepUnset  bool // leave variables that are not set as they are written

	depth  int
	nested bool // a substitution with a word was read since the flag was cleared
}

// lexWord is a word and the range of the source that it came from.
type lexWord struct {
	text       string
	start, end int
}

// splitWords splits a logical line as the builder does to find heredocs.
func splitWords(s string) ([]lexWord, error) {
	l := lexer{src: s, escape: '\\', rawQuotes: true, rawEscapes: true, keepUnset: true}
	return l.words()
}

func (l *lexer) peek() rune {
	if l.pos >= len(l.src) {
		return end
	}
	r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
	return r
}

func (l *lexer) next() rune {
	if l.pos >= len(l.src) {
		return end
	}
	r, width := utf8.DecodeRuneInString(l.src[l.pos:])
	l.pos += width
	return r
}

// take is next, keeping the bytes as they are where they are not UTF-8.
func (l *lexer) take() string {
	start := l.pos
	l.next()
	return l.src[start:l.pos]
}

func (l *lexer) words() ([]lexWord, error) {
	c := &collector{}
	if _, err := l.until(end, l.rawEscapes, false, c); err != nil {
		return nil, err
	}
	return c.finish(), nil
}

func (l *lexer) expand() (string, error) {
	return l.until(end, l.rawEscapes, false, nil)
}

// collector cuts the processed text into words. A nil collector does nothing.
type collector struct {
	words []lexWord
	buf   strings.Builder
	word  lexWord
}

func (c *collector) raw(s string, start, end int) {
	if c == nil || s == "" {
		return
	}
	if c.buf.Len() == 0 {
		c.word.start = start
	}
	c.buf.WriteString(s)
	c.word.end = end
}

func (c *collector) split(s string, start, end int) {
	if c == nil {
		return
	}
	for _, r := range s {
		if !unicode.IsSpace(r) {
			c.raw(string(r), start, end)
		} else {
			c.flush()
		}
	}
}

func (c *collector) flush() {
	if c.buf.Len() > 0 {
		c.word.text = c.buf.String()
		c.words = append(c.words, c.word)
		c.buf.Reset()
	}
}

func (c *collector) drop() {
	if c != nil {
		c.buf.Reset()
	}
}

func (c *collector) finish() []lexWord {
	c.flush()
	return c.words
}

// until reads to the stop rune, which it consumes, or to the end.
func (l *lexer) until(stop rune, rawEscapes, pattern bool, words *collector) (string, error) {
	if l.depth++; l.depth > maxNesting {
		return "", errTooDeep
	}
	defer func(raw bool) { l.rawEscapes = raw; l.depth-- }(l.rawEscapes)
	l.rawEscapes = rawEscapes
	var out strings.Builder
	for l.pos < len(l.src) {
		if stop != end && l.peek() == stop {
			l.next()
			return out.String(), nil
		}
		text, err := l.step(pattern, words)
		if err != nil {
			return "", err
		}
		if out.WriteString(text); out.Len() > l.limit() {
			return "", errTooLong
		}
	}
	if stop != end {
		return "", fmt.Errorf("%q is missing", string(stop))
	}
	return out.String(), nil
}

func (l *lexer) limit() int { return len(l.src) + maxExpanded }

// step reads one quoted piece, substitution, escape or plain rune.
func (l *lexer) step(pattern bool, words *collector) (string, error) {
	start := l.pos
	var text string
	var err error
	switch l.peek() {
	case '\'':
		text, err = l.singleQuoted(pattern)
	case '"':
		text, err = l.doubleQuoted(pattern)
	case '<':
		text = l.angles()
	case '$':
		l.nested = false
		text, err = l.dollar()
		if l.nested {
			words.drop() // the builder loses what stood before it in the word
		}
		words.split(text, start, l.pos)
		return text, err
	case l.escape:
		text = l.escaped(words)
		return text, nil
	default:
		text = l.take()
		words.split(text, start, l.pos)
		return text, nil
	}
	words.raw(text, start, l.pos)
	return text, err
}

func (l *lexer) escaped(words *collector) string {
	start := l.pos
	escape := l.take()
	if !l.rawEscapes {
		escape = ""
	}
	text := escape + l.take()
	words.raw(text, start, l.pos)
	return text
}

func (l *lexer) angles() string {
	start := l.pos
	l.next()
	if l.peek() != '<' {
		return "<"
	}
	l.next()
	for r := l.peek(); r == ' ' || r == '\t' || r == '\r'; r = l.peek() {
		l.next()
	}
	return l.src[start:l.pos]
}

func (l *lexer) singleQuoted(pattern bool) (string, error) {
	var out strings.Builder
	open := l.take()
	if l.rawQuotes {
		out.WriteString(open)
	}
	for {
		switch r := l.peek(); r {
		case end:
			return "", errors.New("a single quote is not closed")
		case '\'':
			l.next()
			if l.rawQuotes {
				out.WriteString(open)
			}
			return out.String(), nil
		default:
			if pattern && r == l.escape {
				out.WriteRune(r)
			}
			out.WriteString(l.take())
		}
	}
}

func (l *lexer) doubleQuoted(pattern bool) (string, error) {
	var out strings.Builder
	open := l.take()
	if l.rawQuotes {
		out.WriteString(open)
	}
	for out.Len() <= l.limit() {
		switch l.peek() {
		case end:
			return "", errors.New("a double quote is not closed")
		case '"':
			l.next()
			if l.rawQuotes {
				out.WriteString(open)
			}
			return out.String(), nil
		case '$':
			text, err := l.dollar()
			if err != nil {
				return "", err
			}
			out.WriteString(text)
		case l.escape:
			out.WriteString(l.escapedInQuotes(pattern))
		default:
			out.WriteString(l.take())
		}
	}
	return "", errTooLong
}

// escapedInQuotes drops the escape before a quote, a dollar and itself alone.
func (l *lexer) escapedInQuotes(pattern bool) string {
	escape := l.take()
	switch l.peek() {
	case end:
		return ""
	case '"', '$', l.escape:
		if l.rawEscapes {
			return escape + l.take()
		}
		return l.take()
	}
	if l.rawEscapes && (!l.rawQuotes || pattern) {
		escape += escape
	}
	return escape
}
