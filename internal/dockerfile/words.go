package dockerfile

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// blanks separate words where the builder splits by a pattern; elsewhere it
// takes all that Unicode calls a space.
const blanks = "\t\v\f\r "

func (u Unfolded) trim() Unfolded {
	end := len(strings.TrimRightFunc(u.Text, unicode.IsSpace))
	start := end - len(strings.TrimLeftFunc(u.Text[:end], unicode.IsSpace))
	return u.Slice(start, end)
}

func (u Unfolded) word() Word {
	return Word{Text: u.Text, Span: u.Span(0, len(u.Text))}
}

// cutBlanks splits at the first run of blanks.
func (u Unfolded) cutBlanks() (head, tail Unfolded, found bool) {
	n := strings.IndexAny(u.Text, blanks)
	if n < 0 {
		return u, u.Slice(len(u.Text), len(u.Text)), false
	}
	rest := strings.TrimLeft(u.Text[n:], blanks)
	return u.Slice(0, n), u.Slice(len(u.Text)-len(rest), len(u.Text)), true
}

// fields splits at runs of blanks.
func (u Unfolded) fields() []Word {
	var words []Word
	for len(u.Text) > 0 {
		head, tail, _ := u.cutBlanks()
		words = append(words, head.word())
		u = tail
	}
	return words
}

// splitInstruction fills in keyword, flags and arguments.
func (p *parser) splitInstruction(inst *Instruction, logical Unfolded) {
	keyword, tail, _ := logical.trim().cutBlanks()
	inst.Keyword = strings.ToUpper(keyword.Text)
	inst.KeywordSpan = keyword.Span(0, len(keyword.Text))
	flags, rest := splitFlags(tail, inst.escape)
	inst.Flags = flags
	inst.rest = rest.trim()
	inst.Rest = inst.rest.Span(0, len(inst.rest.Text))
	p.arguments(inst)
}

// splitFlags takes the leading --words off.
func splitFlags(u Unfolded, escape byte) ([]Flag, Unfolded) {
	var flags []Flag
	at := 0
	for {
		for at < len(u.Text) && unicode.IsSpace(rune(u.Text[at])) {
			at++
		}
		if !strings.HasPrefix(u.Text[at:], "--") {
			return flags, u.Slice(at, len(u.Text))
		}
		text, end := flagWord(u.Text[at:], escape)
		if text == "--" {
			return flags, u.Slice(at+end, len(u.Text))
		}
		flags = append(flags, newFlag(u.Slice(at, at+end), text))
		at += end
	}
}

func newFlag(u Unfolded, text string) Flag {
	name, value, hasValue := strings.Cut(strings.TrimPrefix(text, "--"), "=")
	f := Flag{Name: name, Value: value, HasValue: hasValue, Span: u.Span(0, len(u.Text))}
	f.ValueSpan = Span{f.Span.End, f.Span.End}
	if n := strings.IndexByte(u.Text, '='); n >= 0 {
		f.ValueSpan = u.Span(n+1, len(u.Text))
	}
	return f
}

// flagWord reads one word, its quotes and escapes removed, and where it ends.
func flagWord(s string, escape byte) (string, int) {
	var text strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == 0 && unicode.IsSpace(rune(c)):
			return text.String(), i
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == escape:
			if i++; i < len(s) {
				text.WriteByte(s[i])
			}
		default:
			text.WriteByte(c)
		}
	}
	return text.String(), len(s)
}

// quotedWords splits as the builder does for ENV, ARG and LABEL: quoted blanks
// do not separate, quotes and escapes stay in the words.
func (u Unfolded) quotedWords(escape byte) []Word {
	var words []Word
	start := -1 // of the word under way
	var quote rune
	flush := func(end int) {
		if start >= 0 {
			words = append(words, u.Slice(start, end).word())
		}
		start = -1
	}
	for i := 0; i < len(u.Text); {
		c, width := utf8.DecodeRuneInString(u.Text[i:])
		switch {
		case quote == 0 && unicode.IsSpace(c):
			flush(i)
			i += width
			continue
		case c == rune(escape) && quote != '\'':
			_, next := utf8.DecodeRuneInString(u.Text[i+width:])
			width += next
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		}
		if start < 0 {
			start = i
		}
		i += width
	}
	flush(len(u.Text))
	return words
}

// jsonWords decodes an array of strings. ok is false for what is no JSON
// array at all; mixed, for one that holds something else than strings.
func (u Unfolded) jsonWords() (words []Word, ok, mixed bool) {
	trimmed := strings.TrimLeftFunc(u.Text, unicode.IsSpace)
	if !strings.HasPrefix(trimmed, "[") {
		return nil, false, false
	}
	var elements []any
	if json.Unmarshal([]byte(trimmed), &elements) != nil {
		return nil, false, false
	}
	for _, e := range elements {
		if _, isString := e.(string); !isString {
			return nil, false, true
		}
	}
	return u.stringLiterals(elements), true, false
}

// stringLiterals finds the literals of an array known to be well-formed.
func (u Unfolded) stringLiterals(elements []any) []Word {
	var words []Word
	at := 0
	for _, e := range elements {
		start := at + strings.IndexByte(u.Text[at:], '"')
		end := start + 1
		for u.Text[end] != '"' {
			if u.Text[end] == '\\' {
				end++
			}
			end++
		}
		at = end + 1
		words = append(words, Word{Text: e.(string), Span: u.Span(start, at)})
	}
	return words
}
