package syntax

import "strings"

// maxFields bounds f-strings within f-strings; what is deeper is left out.
const maxFields = 4

// formatted splits an f-string's body into literal text and expressions. The
// format and conversion of a field are left out.
func (p *parser) formatted(t token) []Expr {
	var parts []Expr
	literal := func(s string) {
		if s != "" {
			s = strings.NewReplacer("{{", "{", "}}", "}").Replace(unescape(s, t.prefix))
			parts = append(parts, &Str{at: at{t.line}, Value: s})
		}
	}
	body, start, line := t.text, 0, t.line
	for i := 0; i < len(body); {
		switch {
		case strings.HasPrefix(body[i:], "{{"):
			i += 2
		case body[i] == '{':
			end := scanField(body, i, `"""`, 0)
			literal(body[start:i])
			line += countLines(body[start:i])
			parts = append(parts, p.field(body[i+1:end], line))
			line += countLines(body[i:end])
			i, start = end, end
		default:
			i++
		}
	}
	literal(body[start:])
	return parts
}

func (p *parser) field(src string, line int) Expr {
	if p.fields >= maxFields {
		return &Opaque{at: at{line}, What: "deep"}
	}
	// Brackets make line ends inside the field mean nothing.
	inner := &parser{tokens: tokenize("("+src, line), pos: 1, fields: p.fields + 1}
	return inner.expr(1)
}
