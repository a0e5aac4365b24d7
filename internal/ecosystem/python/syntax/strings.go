package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxNesting bounds f-strings within f-strings and expressions within
// expressions; real programs stay far below.
const maxNesting = 100

// quoteAt returns the quote that opens at i: one or three characters.
func quoteAt(src string, i int) string {
	q := src[i : i+1]
	if strings.HasPrefix(src[i:], q+q+q) {
		return q + q + q
	}
	return q
}

// scanString returns the offset after the string literal whose quote is at i.
// A literal that is not closed ends with its line, or with the source when it
// has three quotes.
func scanString(src string, i int, prefix string, depth int) int {
	quote := quoteAt(src, i)
	formatted := strings.ContainsAny(prefix, "ft") && depth < maxNesting
	for i += len(quote); i < len(src); {
		switch {
		case strings.HasPrefix(src[i:], quote):
			return i + len(quote)
		case src[i] == '\\' && i+1 < len(src):
			i += 1 + max(1, lineEnds(src, i+1))
		case len(quote) == 1 && lineEnds(src, i) > 0:
			return i
		case formatted && strings.HasPrefix(src[i:], "{{"):
			i += 2
		case formatted && src[i] == '{':
			i = scanField(src, i, quote, depth+1)
		default:
			i++
		}
	}
	return len(src)
}

// scanField returns the offset after the replacement field whose { is at i.
// A field that is not closed ends before the quote of its string.
func scanField(src string, i int, quote string, depth int) int {
	brackets, format := 0, false
	for i++; i < len(src); {
		c := src[i]
		switch {
		case c == '}' && brackets == 0:
			return i + 1
		case len(quote) == 1 && lineEnds(src, i) > 0:
			return i
		case format && strings.HasPrefix(src[i:], quote):
			return i
		case format && c == '{' && depth < maxNesting:
			i = scanField(src, i, quote, depth+1)
			continue
		case format:
		case c == '"' || c == '\'':
			i = scanInner(src, i, depth)
			continue
		case c == '(' || c == '[' || c == '{':
			brackets++
		case c == ')' || c == ']' || c == '}':
			brackets = max(0, brackets-1)
		case c == ':' && brackets == 0:
			format = true
		}
		i++
	}
	return len(src)
}

// scanInner returns the offset after a string inside a replacement field,
// which may have the same quotes as the string around it (Python 3.12).
func scanInner(src string, i, depth int) int {
	if depth >= maxNesting {
		return i + 1
	}
	return scanString(src, i, prefixBefore(src, i), depth+1)
}

func prefixBefore(src string, i int) string {
	start := i
	for start > 0 && i-start < 2 && isLetter(src[start-1]) {
		start--
	}
	if p := src[start:i]; isStringPrefix(p) {
		return strings.ToLower(p)
	}
	return ""
}

// unescape decodes the escapes of a string body.
func unescape(body, prefix string) string {
	if strings.Contains(prefix, "r") || !strings.Contains(body, `\`) {
		return body
	}
	var b strings.Builder
	for i := 0; i < len(body); {
		if body[i] != '\\' || i+1 == len(body) {
			b.WriteByte(body[i])
			i++
			continue
		}
		i += 1 + writeEscape(&b, body[i+1:])
	}
	return b.String()
}

var simpleEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', 'a': 7, 'b': 8, 'f': 12, 'v': 11, '\\': '\\', '\'': '\'', '"': '"'}

// writeEscape decodes the escape whose part after the backslash starts s, and
// returns the length of that part.
func writeEscape(b *strings.Builder, s string) int {
	if n := lineEnds(s, 0); n > 0 {
		return n
	}
	if c, ok := simpleEscapes[s[0]]; ok {
		b.WriteByte(c)
		return 1
	}
	if n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]; n > 0 && len(s) > n {
		if v, err := strconv.ParseUint(s[1:1+n], 16, 32); err == nil && v <= utf8.MaxRune {
			b.WriteRune(rune(v))
			return 1 + n
		}
	}
	b.WriteByte('\\')
	b.WriteByte(s[0])
	return 1
}
