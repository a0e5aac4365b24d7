package node

import (
	"strings"
	"unicode/utf8"
)

// kind is what a token is.
type kind uint8

const (
	punct kind = iota
	name       // identifiers and keywords
	number
	text     // a string, or a template without expressions: its value
	template // a template with expressions: its raw inside
	regex
)

// token is one word of JavaScript or TypeScript.
type token struct {
	kind kind
	text string
	line int
}

// is reports whether it is a given operator, bracket or name.
func (t token) is(s string) bool { return (t.kind == punct || t.kind == name) && t.text == s }

// maxTokens bounds what is read of one file.
const maxTokens = 300_000

// lexer splits a source into tokens. It does not check the syntax: what it can't read it skips.
type lexer struct {
	src  string
	at   int
	line int
	list []token
}

// tokens are the words of a source, without comments; the first maxTokens of them.
func tokens(src string) []token {
	l := &lexer{src: src, line: 1}
	if strings.HasPrefix(src, "#!") {
		l.lineComment()
	}
	for l.at < len(src) && len(l.list) < maxTokens {
		l.next()
	}
	return l.list
}

func (l *lexer) add(k kind, s string, line int) { l.list = append(l.list, token{k, s, line}) }

func (l *lexer) next() {
	c := l.src[l.at]
	rest := l.src[l.at:]
	switch {
	case c == '\n':
		l.line++
		l.at++
	case c == ' ' || c == '\t' || c == '\r':
		l.at++
	case strings.HasPrefix(rest, "//"):
		l.lineComment()
	case strings.HasPrefix(rest, "/*"):
		end := strings.Index(rest[2:], "*/")
		if end < 0 {
			end = len(rest) - 4
		}
		l.line += strings.Count(rest[:max(end, 0)+2], "\n")
		l.at += max(end, 0) + 4
	case c == '"' || c == '\'':
		l.quoted(c)
	case c == '`':
		l.template()
	case c >= '0' && c <= '9':
		l.word(number)
	case wordByte(c):
		l.word(name)
	case c == '/' && l.regexHere():
		l.regex()
	default:
		l.operator()
	}
}

func (l *lexer) lineComment() {
	end := strings.IndexByte(l.src[l.at:], '\n')
	if end < 0 {
		end = len(l.src) - l.at
	}
	l.at += end
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c == '#' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}

func (l *lexer) word(k kind) {
	from := l.at
	for l.at < len(l.src) && (wordByte(l.src[l.at]) || k == number && l.src[l.at] == '.') {
		l.at++
	}
	l.add(k, l.src[from:l.at], l.line)
}

// operators of more than one character that matter; all others are single characters.
var operators = []string{"===", "!==", "...", "=>", "==", "!=", "||", "&&", "??", "?.", "+=", "-=", "++", "--", "<=", ">="}

func (l *lexer) operator() {
	for _, o := range operators {
		if strings.HasPrefix(l.src[l.at:], o) {
			l.add(punct, o, l.line)
			l.at += len(o)
			return
		}
	}
	l.add(punct, l.src[l.at:l.at+1], l.line)
	l.at++
}

// quoted reads a string, up to its quote or the end of the line.
func (l *lexer) quoted(quote byte) {
	var b strings.Builder
	line := l.line
	for l.at++; l.at < len(l.src); l.at++ {
		switch c := l.src[l.at]; c {
		case quote:
			l.at++
			l.add(text, b.String(), line)
			return
		case '\n':
			return // no string after all
		case '\\':
			l.escape(&b)
		default:
			b.WriteByte(c)
		}
	}
}

// escape reads the character behind a backslash. Codes (\x41) stay as they are written.
func (l *lexer) escape(b *strings.Builder) {
	l.at++
	if l.at >= len(l.src) {
		return
	}
	switch c := l.src[l.at]; c {
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case '\n':
		l.line++
	case 'x', 'u':
		b.WriteString(`\` + string(c))
	default:
		b.WriteByte(c)
	}
}

// template reads a template; what its expressions hold is not looked into.
func (l *lexer) template() {
	line, from := l.line, l.at+1
	var b strings.Builder
	holes := false
	for l.at++; l.at < len(l.src) && l.src[l.at] != '`'; l.at++ {
		switch {
		case l.src[l.at] == '\\':
			l.escape(&b)
		case strings.HasPrefix(l.src[l.at:], "${"):
			holes = true
			l.hole()
		default:
			if l.src[l.at] == '\n' {
				l.line++
			}
			b.WriteByte(l.src[l.at])
		}
	}
	end := min(l.at, len(l.src))
	l.at = min(l.at+1, len(l.src))
	if holes {
		l.add(template, l.src[min(from, end):end], line)
		return
	}
	l.add(text, b.String(), line)
}

// hole goes to the brace that ends an expression of a template. Strings and templates inside
// are passed over by counting their quotes alike.
func (l *lexer) hole() {
	depth := 0
	var quotes []byte // that are open; a hole in an inner template is '{'
	for ; l.at < len(l.src); l.at++ {
		c := l.src[l.at]
		if c == '\n' {
			l.line++
		}
		if n := len(quotes); n > 0 && quotes[n-1] != '{' {
			switch {
			case c == '\\':
				l.at++
			case c == quotes[n-1]:
				quotes = quotes[:n-1]
			case c == '$' && quotes[n-1] == '`' && strings.HasPrefix(l.src[l.at:], "${"):
				quotes = append(quotes, '{')
				l.at++
			}
			continue
		}
		switch c {
		case '"', '\'', '`':
			quotes = append(quotes, c)
		case '{':
			if len(quotes) > 0 {
				quotes = append(quotes, '{')
			} else {
				depth++
			}
		case '}':
			if len(quotes) > 0 {
				quotes = quotes[:len(quotes)-1]
			} else if depth--; depth == 0 {
				return
			}
		}
	}
}

// regexHere reports whether a slash begins a regular expression: it does where a value may begin.
func (l *lexer) regexHere() bool {
	if len(l.list) == 0 {
		return true
	}
	switch t := l.list[len(l.list)-1]; t.kind {
	case name:
		switch t.text {
		case "return", "typeof", "case", "in", "of", "delete", "void", "throw", "new", "do", "else", "await", "yield":
			return true
		}
		return false
	case punct:
		return t.text != ")" && t.text != "]" && t.text != "}" && t.text != "++" && t.text != "--"
	}
	return false
}

func (l *lexer) regex() {
	line, from, class := l.line, l.at, false
	for l.at++; l.at < len(l.src) && l.src[l.at] != '\n'; l.at++ {
		switch c := l.src[l.at]; {
		case c == '\\':
			l.at++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			l.at++
			for l.at < len(l.src) && wordByte(l.src[l.at]) {
				l.at++
			}
			l.add(regex, l.src[from:l.at], line)
			return
		}
	}
	l.at = min(l.at, len(l.src))
}
