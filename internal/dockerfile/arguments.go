package dockerfile

import (
	"strings"
	"unicode"
)

const notStrings = "a JSON array may only hold strings here"

// arguments splits Rest the way that the keyword asks for.
func (p *parser) arguments(i *Instruction) {
	switch i.Keyword {
	case "ADD", "COPY", "VOLUME":
		if !p.jsonForm(i, i.rest) {
			i.Args = i.rest.fields()
		}
	case "CMD", "ENTRYPOINT", "RUN", "SHELL":
		p.commandForm(i, i.rest)
	case "FROM", "EXPOSE":
		i.Args = i.rest.fields()
	case "ARG":
		i.Args = i.rest.quotedWords(i.escape)
	case "ENV", "LABEL":
		p.nameValues(i)
	case "HEALTHCHECK":
		p.healthcheck(i)
	case "ONBUILD":
		p.onbuild(i)
	default:
		i.Args = i.wholeRest(i.rest)
	}
}

func (i *Instruction) wholeRest(u Unfolded) []Word {
	if u.Text == "" {
		return nil
	}
	return []Word{u.word()}
}

// commandForm is a JSON array, or else one word of shell text.
func (p *parser) commandForm(i *Instruction, u Unfolded) {
	if !p.jsonForm(i, u) {
		i.Args = i.wholeRest(u)
	}
}

func (p *parser) jsonForm(i *Instruction, u Unfolded) bool {
	words, ok, mixed := u.jsonWords()
	if mixed {
		p.fail(u.Offset(0), notStrings, `write every element in double quotes`)
	}
	i.JSON = ok
	if ok {
		i.Args = words
	}
	return ok
}

// nameValues splits NAME=value words, or the old form NAME value.
func (p *parser) nameValues(i *Instruction) {
	words := i.rest.quotedWords(i.escape)
	if len(words) == 0 {
		return
	}
	if !strings.Contains(words[0].Text, "=") {
		name, value, found := i.rest.cutBlanks()
		i.Args = []Word{name.word()}
		if !found {
			p.fail(name.Offset(0), i.Keyword+" "+name.Text+" has no value", "write "+i.Keyword+" "+name.Text+"=value")
			return
		}
		i.Args = append(i.Args, value.word())
		return
	}
	i.Args = words
	for _, w := range words {
		if !strings.Contains(w.Text, "=") {
			p.fail(w.Span.Start, i.Keyword+" has "+quote(w.Text)+" where NAME=value is wanted", "quote a value that has blanks in it")
		}
	}
}

func (p *parser) healthcheck(i *Instruction) {
	n := strings.IndexFunc(i.rest.Text, unicode.IsSpace)
	if n < 0 {
		n = len(i.rest.Text)
	}
	kind, tail := i.rest.Slice(0, n), i.rest.Slice(n, len(i.rest.Text)).trim()
	inner := p.inner(i, kind.Text, kind)
	inner.rest, inner.Rest = tail, tail.Span(0, len(tail.Text))
	p.commandForm(inner, tail)
	if inner.Keyword == "CMD" {
		i.Inner = inner
	}
	i.JSON = inner.JSON
	i.Args = append(i.wholeRest(kind), inner.Args...)
}

func (p *parser) inner(i *Instruction, keyword string, at Unfolded) *Instruction {
	s := at.Span(0, len(at.Text))
	return &Instruction{
		Index: i.Index, Keyword: strings.ToUpper(keyword), Lead: i.Lead, escape: i.escape,
		Span: Span{s.Start, i.Span.End}, KeywordSpan: s, Comments: i.Comments,
	}
}

// onbuild parses what an ONBUILD wraps. ONBUILD in ONBUILD is an error, and is
// followed no deeper.
func (p *parser) onbuild(i *Instruction) {
	i.Args = i.wholeRest(i.rest)
	if i.rest.Text == "" || i.onward {
		return
	}
	i.Inner = p.inner(i, "", i.rest)
	i.Inner.onward = true
	p.splitInstruction(i.Inner, i.rest)
}
