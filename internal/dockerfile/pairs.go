package dockerfile

import "strings"

// Flag is the first flag of that name.
func (i *Instruction) Flag(name string) (Flag, bool) {
	for _, f := range i.Flags {
		if f.Name == name {
			return f, true
		}
	}
	return Flag{}, false
}

// Pairs are the names and values of ENV, ARG and LABEL, the old form
// ENV NAME value included. Other instructions have none.
func (i *Instruction) Pairs() []Pair {
	switch i.Keyword {
	case "ENV", "LABEL":
		if len(i.Args) > 0 && !strings.Contains(i.Args[0].Text, "=") {
			return i.oldPair()
		}
	case "ARG":
	default:
		return nil
	}
	pairs := make([]Pair, 0, len(i.Args))
	for _, w := range i.Args {
		pairs = append(pairs, i.pair(w))
	}
	return pairs
}

func (i *Instruction) oldPair() []Pair {
	p := Pair{Name: i.Args[0].Text, NameSpan: i.Args[0].Span, Span: i.Rest}
	p.ValueSpan = Span{i.Rest.End, i.Rest.End}
	if len(i.Args) > 1 {
		p.HasValue = true
		p.Raw, p.ValueSpan = i.Args[1].Text, i.Args[1].Span
		p.Value = i.unquote(p.Raw)
	}
	return []Pair{p}
}

func (i *Instruction) pair(w Word) Pair {
	name, value, found := strings.Cut(w.Text, "=")
	p := Pair{Name: i.unquote(name), Raw: value, HasValue: found, Span: w.Span}
	p.NameSpan, p.ValueSpan = w.Span, Span{w.Span.End, w.Span.End}
	if found {
		p.Value = i.unquote(value)
		u := i.rest.at(w.Span)
		p.NameSpan = u.Span(0, len(name))
		p.ValueSpan = u.Span(len(name)+1, len(w.Text))
	}
	return p
}

// unquote removes quotes and escapes, and leaves what can't be read as it is.
func (i *Instruction) unquote(s string) string {
	text, err := ExpandKnown(s, i.escape, nil)
	if err != nil {
		return s
	}
	return text
}

// Sources are the paths and addresses that COPY and ADD read; heredocs are
// not among them.
func (i *Instruction) Sources() []Word {
	if i.Keyword != "COPY" && i.Keyword != "ADD" || len(i.Args) < 2 {
		return nil
	}
	var words []Word
	for _, w := range i.Args[:len(i.Args)-1] {
		if _, isHeredoc, _ := parseHeredoc(w.Text); !isHeredoc {
			words = append(words, w)
		}
	}
	return words
}

// Dest is what COPY and ADD write to; empty for other instructions.
func (i *Instruction) Dest() Word {
	if i.Keyword != "COPY" && i.Keyword != "ADD" || len(i.Args) < 2 {
		return Word{}
	}
	return i.Args[len(i.Args)-1]
}
