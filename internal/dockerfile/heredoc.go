package dockerfile

import (
	"bytes"
	"regexp"
	"strings"
)

var heredocPattern = regexp.MustCompile(`^(\d*)<<(-?)\s*([^<]*)$`)

// takesHeredocs reports whether the builder looks for heredocs.
func (i *Instruction) takesHeredocs() bool {
	if i.Keyword == "ONBUILD" && i.Inner != nil {
		i = i.Inner
	}
	switch i.Keyword {
	case "ADD", "COPY", "RUN":
		return !i.JSON
	}
	return false
}

// heredocs reads the bodies that the logical line announces.
func (p *parser) heredocs(inst *Instruction, logical Unfolded) {
	if !inst.takesHeredocs() || !strings.Contains(logical.Text, "<<") {
		return
	}
	for _, h := range p.heredocIntros(logical) {
		p.heredocBody(inst, &h)
		inst.Heredocs = append(inst.Heredocs, h)
	}
	if inst.Keyword == "ONBUILD" && inst.Inner != nil {
		inst.Inner.Heredocs = inst.Heredocs
		inst.Inner.Span.End = inst.Span.End
	}
}

// heredocIntros finds the <<NAME words. A line that the builder's word
// splitting rejects has none.
func (p *parser) heredocIntros(logical Unfolded) []Heredoc {
	words, err := splitWords(logical.Text)
	if err != nil {
		return nil
	}
	var found []Heredoc
	for _, w := range words {
		h, ok, err := parseHeredoc(w.text)
		if err != nil {
			p.fail(logical.Offset(w.start), "heredoc: "+err.Error(), "")
		}
		if ok {
			h.Intro = logical.Span(w.start, w.end)
			found = append(found, h)
		}
	}
	return found
}

func parseHeredoc(word string) (Heredoc, bool, error) {
	match := heredocPattern.FindStringSubmatch(word)
	if match == nil || match[3] == "" {
		return Heredoc{}, false, nil
	}
	plain := lexer{src: match[3], escape: '\\', keepUnset: true}
	words, err := plain.words()
	if err != nil || len(words) != 1 {
		return Heredoc{}, false, err
	}
	raw := lexer{src: match[3], escape: '\\', keepUnset: true, rawQuotes: true}
	rawWords, err := raw.words()
	if err != nil || len(rawWords) != 1 {
		return Heredoc{}, false, err
	}
	name := words[0].text
	return Heredoc{Name: name, Expand: countQuotes(name) == countQuotes(rawWords[0].text), Chomp: match[2] == "-"}, true, nil
}

func countQuotes(s string) int { return strings.Count(s, `'`) + strings.Count(s, `"`) }

func (p *parser) heredocBody(inst *Instruction, h *Heredoc) {
	h.Body = Span{p.next, p.next}
	for p.more() {
		l := p.read()
		text := p.text(l)
		if h.Chomp {
			text = bytes.TrimLeft(text, "\t")
		}
		inst.Span.End = l.text
		if string(text) == h.Name {
			h.End = Span{l.start, l.text}
			return
		}
		h.Body.End = l.end
	}
	inst.Span.End = max(inst.Span.End, h.Body.End)
	h.End = Span{h.Body.End, h.Body.End}
	p.fail(h.Intro.Start, "heredoc "+quote(h.Name)+" is not terminated", "end it with a line that holds "+h.Name+" alone")
}

// Content is a heredoc's text as the builder passes it on: with leading tabs
// removed for <<-.
func (f *File) Content(h Heredoc) string {
	text := f.Text(h.Body)
	if !h.Chomp {
		return text
	}
	lines := strings.SplitAfter(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimLeft(l, "\t")
	}
	return strings.Join(lines, "")
}
