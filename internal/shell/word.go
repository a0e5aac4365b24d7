package shell

import (
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"mvdan.cc/sh/v3/syntax"
)

// Word is one word of a command.
type Word struct {
	// Text is the word without its quotes and escapes; expansions stand in it
	// as they are written.
	Text string
	// Literal says that Text is what the command gets: nothing in the word is
	// expanded.
	Literal bool
	// Glob says that the word is not literal only because it is a pattern, as
	// in uvicorn[standard]: where no file matches, the command gets Text.
	Glob bool
	Span dockerfile.Span // quotes included
}

func (w *walker) word(x *syntax.Word) Word {
	r := wordReader{walker: w}
	for n, part := range x.Parts {
		r.part(part, n == 0)
	}
	return Word{
		Text:    r.text.String(),
		Literal: !r.expands && !r.glob,
		Glob:    r.glob && !r.expands,
		Span:    w.span(x.Pos(), x.End()),
	}
}

type wordReader struct {
	*walker
	text          strings.Builder
	expands, glob bool
}

func (r *wordReader) part(p syntax.WordPart, first bool) {
	switch x := p.(type) {
	case *syntax.Lit:
		r.unquoted(x.Value, first)
	case *syntax.SglQuoted:
		r.expands = r.expands || x.Dollar && strings.Contains(x.Value, `\`)
		r.text.WriteString(x.Value)
	case *syntax.DblQuoted:
		for _, inner := range x.Parts {
			if lit, ok := inner.(*syntax.Lit); ok {
				r.quoted(lit.Value)
			} else {
				r.part(inner, false)
			}
		}
	case *syntax.ExtGlob:
		r.glob = true
		r.text.WriteString(r.walker.text(x))
	default:
		r.expands = true
		r.text.WriteString(r.walker.text(x))
	}
}

// unquoted reads text outside of quotes, where patterns, braces and a leading
// tilde mean something.
func (r *wordReader) unquoted(s string, first bool) {
	if first && strings.HasPrefix(s, "~") {
		r.expands = true
	}
	brace := strings.IndexByte(s, '{')
	if brace >= 0 && (strings.Contains(s[brace:], ",") || strings.Contains(s[brace:], "..")) {
		r.expands = true
	}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) && s[i] != '\n' {
				r.text.WriteByte(s[i])
			}
			continue
		case '*', '?', '[':
			r.glob = true
		}
		r.text.WriteByte(s[i])
	}
}

// quoted reads text in double quotes, where a backslash escapes few bytes.
func (r *wordReader) quoted(s string) {
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			switch s[i+1] {
			case '\n':
				i++
				continue
			case '$', '`', '"', '\\':
				i++
			}
		}
		r.text.WriteByte(s[i])
	}
}
