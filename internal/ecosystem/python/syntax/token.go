// Package syntax reads Python source far enough to find out what a program
// declares: assignments, imports, functions, classes, decorators and calls.
//
// It is tolerant: whatever it does not understand becomes an Opaque expression
// with the parts that it did understand, and no input makes it fail. Comments and
// strings are tokenised as Python does it, so that code in a docstring is
// never taken for code.
package syntax

import "strings"

type kind int

const (
	kindName kind = iota
	kindNumber
	kindString
	kindOp
	kindNewline // the end of a logical line
	kindEOF
)

// token is one token; for strings, text is the body between the quotes as
// written and prefix holds the lower-case prefix letters.
type token struct {
	kind   kind
	text   string
	prefix string
	line   int
	indent int // of the logical line that starts with this token, else -1
}

func (t token) is(op string) bool  { return t.kind == kindOp && t.text == op }
func (t token) word(w string) bool { return t.kind == kindName && t.text == w }
func (t token) has(b byte) bool    { return strings.IndexByte(t.prefix, b) >= 0 }
func (t token) ends() bool         { return t.kind == kindNewline || t.kind == kindEOF }
func (t token) opens() bool        { return t.is("(") || t.is("[") || t.is("{") }
func (t token) closes() bool       { return t.is(")") || t.is("]") || t.is("}") }
func isNameStart(c byte) bool      { return c == '_' || c >= 0x80 || isLetter(c) }
func isNamePart(c byte) bool       { return isNameStart(c) || isDigit(c) }
func isDigit(c byte) bool          { return c >= '0' && c <= '9' }
func isLetter(c byte) bool         { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isBlank(c byte) bool          { return c == ' ' || c == '\t' || c == '\f' }
func isStringPrefix(s string) bool {
	return len(s) <= 2 && strings.Trim(strings.ToLower(s), "rbuft") == ""
}
func lineEnds(src string, i int) int { // length of the line end at i, or 0
	switch {
	case i >= len(src):
		return 0
	case src[i] == '\n':
		return 1
	case src[i] == '\r' && i+1 < len(src) && src[i+1] == '\n':
		return 2
	case src[i] == '\r':
		return 1
	}
	return 0
}

// lexer turns source into tokens.
type lexer struct {
	src    string
	pos    int
	line   int
	depth  int // of open brackets, in which line ends mean nothing
	indent int // of the logical line about to start, or -1 within a line
	tokens []token
}

// tokenize returns the tokens of src; the last one is kindEOF.
func tokenize(src string, line int) []token {
	lx := &lexer{src: strings.TrimPrefix(src, "\ufeff"), line: line}
	for lx.pos < len(lx.src) {
		lx.next()
	}
	lx.endLine()
	lx.tokens = append(lx.tokens, token{kind: kindEOF, line: lx.line, indent: -1})
	return lx.tokens
}

func (lx *lexer) next() {
	c := lx.src[lx.pos]
	switch {
	case lineEnds(lx.src, lx.pos) > 0:
		lx.newline()
	case isBlank(c):
		lx.blank(c)
	case c == '#':
		lx.skipComment()
	case c == '\\' && lineEnds(lx.src, lx.pos+1) > 0:
		lx.pos += 1 + lineEnds(lx.src, lx.pos+1)
		lx.line++
	case c == '"' || c == '\'':
		lx.string("")
	case isNameStart(c):
		lx.name()
	case isDigit(c) || c == '.' && lx.pos+1 < len(lx.src) && isDigit(lx.src[lx.pos+1]):
		lx.number()
	default:
		lx.operator()
	}
}

func (lx *lexer) newline() {
	lx.pos += lineEnds(lx.src, lx.pos)
	if lx.depth == 0 {
		lx.endLine()
	}
	lx.line++
}

// endLine closes the logical line, unless it is empty.
func (lx *lexer) endLine() {
	if n := len(lx.tokens); n > 0 && lx.tokens[n-1].kind != kindNewline {
		lx.tokens = append(lx.tokens, token{kind: kindNewline, line: lx.line, indent: -1})
	}
	lx.indent = 0
}

func (lx *lexer) blank(c byte) {
	if lx.indent >= 0 {
		if c == '\t' {
			lx.indent += 8 - lx.indent%8
		} else {
			lx.indent++
		}
	}
	lx.pos++
}

func (lx *lexer) skipComment() {
	for lx.pos < len(lx.src) && lineEnds(lx.src, lx.pos) == 0 {
		lx.pos++
	}
}

func (lx *lexer) add(t token) {
	t.indent = lx.indent
	lx.indent = -1
	lx.tokens = append(lx.tokens, t)
}

func (lx *lexer) name() {
	start := lx.pos
	for lx.pos < len(lx.src) && isNamePart(lx.src[lx.pos]) {
		lx.pos++
	}
	text := lx.src[start:lx.pos]
	if lx.pos < len(lx.src) && (lx.src[lx.pos] == '"' || lx.src[lx.pos] == '\'') && isStringPrefix(text) {
		lx.string(strings.ToLower(text))
		return
	}
	lx.add(token{kind: kindName, text: text, line: lx.line})
}

func (lx *lexer) number() {
	start := lx.pos
	for lx.pos < len(lx.src) {
		c := lx.src[lx.pos]
		sign := (c == '+' || c == '-') && lx.src[lx.pos-1]|0x20 == 'e' && !strings.HasPrefix(lx.src[start:], "0x")
		if !isNamePart(c) && c != '.' && !sign {
			break
		}
		lx.pos++
	}
	lx.add(token{kind: kindNumber, text: lx.src[start:lx.pos], line: lx.line})
}

// string reads a string literal whose quote is at pos.
func (lx *lexer) string(prefix string) {
	line := lx.line
	end := scanString(lx.src, lx.pos, prefix, 0)
	body := end
	quote := quoteAt(lx.src, lx.pos)
	if strings.HasSuffix(lx.src[lx.pos+len(quote):end], quote) {
		body -= len(quote)
	}
	text := lx.src[lx.pos+len(quote) : body]
	lx.line += countLines(lx.src[lx.pos:end])
	lx.pos = end
	lx.add(token{kind: kindString, text: text, prefix: prefix, line: line})
}

var operators3 = []string{"**=", "//=", ">>=", "<<=", "..."}
var operators2 = []string{"**", "//", ">>", "<<", "<=", ">=", "==", "!=", "->", ":=", "+=", "-=", "*=", "/=", "%=", "@=", "&=", "|=", "^="}

func (lx *lexer) operator() {
	rest := lx.src[lx.pos:]
	text := rest[:1]
	for _, list := range [][]string{operators2, operators3} {
		for _, op := range list {
			if strings.HasPrefix(rest, op) {
				text = op
			}
		}
	}
	switch text {
	case "(", "[", "{":
		lx.depth++
	case ")", "]", "}":
		lx.depth = max(0, lx.depth-1)
	}
	lx.pos += len(text)
	lx.add(token{kind: kindOp, text: text, line: lx.line})
}

func countLines(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '\n' || s[i] == '\r' && lineEnds(s, i) == 1 {
			n++
		}
	}
	return n
}
