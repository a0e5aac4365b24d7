package dockerfile

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
)

// maxLine is the longest line, its end included, that the builder reads.
const maxLine = 64 << 10

// Parse reads a Dockerfile. The File is never nil, whatever the source holds:
// its instructions and the text between them concatenate to src. The error is
// a *SyntaxError where the builder would reject the file. src must not be
// changed afterwards.
func Parse(name string, src []byte) (*File, error) { return ParseFor(name, src, Build{}) }

// Build is what a build is told beside the file.
type Build struct {
	Target string            // name or number of the stage to build; empty means the last
	Args   map[string]string // values of build arguments, above the defaults in the file
	// Platform is what the image is for, "os/arch[/variant]"; empty means the builder's, which is not known here.
	Platform string
}

// ParseFor parses a file as Parse does, for a certain build of it: its final stage is the target, and its
// arguments have the values that are given.
func ParseFor(name string, src []byte, build Build) (*File, error) {
	p := &parser{file: &File{Name: name, Source: src, Escape: '\\', lines: lineStarts(src), build: build}}
	p.scan()
	p.file.link()
	if p.fault == nil {
		p.fault = p.file.check()
	}
	if p.fault != nil {
		return p.file, p.fault.in(p.file)
	}
	return p.file, nil
}

type parser struct {
	file  *File
	next  int    // offset of the line to read
	fault *fault // the first one

	directivesDone bool
	lead           Span // comment lines right above the next line
}

func (p *parser) fail(at int, message, hint string) {
	if p.fault == nil {
		p.fault = &fault{at: at, message: message, hint: hint}
	}
}

// line is a physical line.
type line struct {
	start, text, end int // first byte, end of the text, end with the line end
}

func (p *parser) more() bool { return p.next < len(p.file.Source) }

func (p *parser) read() line {
	src := p.file.Source[p.next:]
	n := bytes.IndexByte(src, '\n') + 1
	if n == 0 {
		n = len(src)
		if n >= maxLine {
			p.tooLong()
		}
	} else if n > maxLine {
		p.tooLong()
	}
	l := line{start: p.next, text: p.next + len(bytes.TrimRight(src[:n], "\r\n")), end: p.next + n}
	p.next = l.end
	return l
}

func (p *parser) tooLong() {
	p.fail(p.next, "line of more than 64 KiB", "the builder reads no longer lines; split it with a continuation")
}

func (p *parser) text(l line) []byte { return p.file.Source[l.start:l.text] }

func (p *parser) scan() {
	for p.more() {
		first := p.next == 0
		l := p.read()
		if first && bytes.HasPrefix(p.text(l), []byte("\xef\xbb\xbf")) {
			l.start += 3
		}
		p.topLine(l)
	}
}

// topLine handles a line that no earlier one continues into.
func (p *parser) topLine(l line) {
	trimmed := bytes.TrimLeftFunc(p.text(l), unicode.IsSpace)
	from := l.text - len(trimmed)
	switch {
	case p.directive(l, from, trimmed):
		p.lead = Span{}
	case len(trimmed) == 0:
		p.lead = Span{}
	case trimmed[0] == '#':
		p.comment(Span{from, l.text})
		if p.lead.End != l.start || p.lead.Start == p.lead.End {
			p.lead.Start = l.start
		}
		p.lead.End = l.end
	default:
		p.instruction(from, l)
		p.lead = Span{}
	}
}

func (p *parser) comment(s Span) Comment {
	c := Comment{Text: p.file.Text(s), Span: s}
	p.file.Comments = append(p.file.Comments, c)
	return c
}

var directivePattern = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$`)

// directive reports whether the line is a parser directive. The first line
// that is none ends them.
func (p *parser) directive(l line, from int, trimmed []byte) bool {
	if p.directivesDone {
		return false
	}
	body, isComment := bytes.CutPrefix(trimmed, []byte("#"))
	match := directivePattern.FindSubmatch(bytes.TrimLeftFunc(body, unicode.IsSpace))
	if !isComment || match == nil {
		p.directivesDone = true
		return false
	}
	d := Directive{Name: strings.ToLower(string(match[1])), Value: string(match[2]), Span: Span{from, l.text}}
	switch d.Name {
	case "syntax", "escape", "check":
	default:
		p.directivesDone = true
		return false
	}
	for _, o := range p.file.Directives {
		if o.Name == d.Name {
			p.fail(from, "second "+d.Name+" directive", "remove one of them")
		}
	}
	p.file.Directives = append(p.file.Directives, d)
	if d.Name == "escape" {
		p.setEscape(d)
	}
	return true
}

func (p *parser) setEscape(d Directive) {
	if d.Value != "`" && d.Value != `\` {
		p.fail(d.Span.Start, "escape character "+quote(d.Value)+" is not allowed", "use ` or \\")
		return
	}
	p.file.Escape = d.Value[0]
}

// instruction reads the logical line that starts at from, and its heredocs.
func (p *parser) instruction(from int, l line) {
	inst := &Instruction{Index: len(p.file.Instructions), Lead: p.lead, escape: p.file.Escape}
	p.file.Instructions = append(p.file.Instructions, inst)
	logical, end := p.logical(inst, from, l)
	inst.Span = Span{from, end}
	p.splitInstruction(inst, logical)
	p.heredocs(inst, logical)
}

// logical joins the continued lines. It returns the end of the last one's text.
func (p *parser) logical(inst *Instruction, from int, l line) (Unfolded, int) {
	var (
		text   strings.Builder
		pieces []piece
	)
	add := func(start, end int) bool {
		kept, continued := p.continuation(p.file.Source[start:end])
		pieces = append(pieces, piece{text.Len(), start})
		text.Write(kept)
		return continued
	}
	end := l.text
	continued := add(from, l.text)
	for continued && p.more() {
		l = p.read()
		end = l.text
		trimmed := bytes.TrimLeftFunc(p.text(l), unicode.IsSpace)
		switch {
		case len(trimmed) == 0: // a blank line does not end the continuation
		case trimmed[0] == '#':
			inst.Comments = append(inst.Comments, p.comment(Span{l.text - len(trimmed), l.text}))
		default:
			continued = add(l.start, l.text)
		}
	}
	return Unfolded{Text: text.String(), pieces: pieces}, end
}

// continuation cuts the escape character off a line that continues. One that
// is escaped itself does not continue.
func (p *parser) continuation(text []byte) ([]byte, bool) {
	cut := bytes.TrimRight(text, " \t")
	n := len(cut) - 1
	if n < 0 || cut[n] != p.file.Escape || n > 0 && cut[n-1] == p.file.Escape {
		return text, false
	}
	return cut[:n], true
}
