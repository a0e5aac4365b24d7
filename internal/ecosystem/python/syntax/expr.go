package syntax

import "strings"

// parser reads expressions and statements from tokens.
type parser struct {
	tokens []token
	pos    int
	depth  int
	fields int // depth of f-strings around this source
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) take() token {
	t := p.tokens[p.pos]
	if t.kind != kindEOF {
		p.pos++
	}
	return t
}

func (p *parser) accept(op string) bool {
	if p.peek().is(op) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) acceptWord(w string) bool {
	if p.peek().word(w) {
		p.pos++
		return true
	}
	return false
}

// precedence of binary operators; a higher one binds tighter.
var precedence = map[string]int{
	":=": 1, "if": 2, "or": 3, "and": 4,
	"in": 5, "not": 5, "is": 5, "<": 5, ">": 5, "==": 5, ">=": 5, "<=": 5, "!=": 5,
	"|": 6, "^": 7, "&": 8, "<<": 9, ">>": 9, "+": 10, "-": 10,
	"*": 11, "/": 11, "//": 11, "%": 11, "@": 11, "**": 12,
}

func binaryOp(t token) int {
	if t.kind != kindName && t.kind != kindOp {
		return 0
	}
	return precedence[t.text]
}

// exprs reads a comma list as it stands on the right of = or after return: one
// expression, or a tuple.
func (p *parser) exprs() Expr {
	first := p.expr(1)
	if !p.peek().is(",") {
		return first
	}
	tuple := &List{at: at{first.Line()}, Elems: []Expr{first}}
	for p.accept(",") {
		if t := p.peek(); t.ends() || t.closes() || t.is("=") || t.is(":") {
			break
		}
		tuple.Elems = append(tuple.Elems, p.expr(1))
	}
	return tuple
}

// expr reads an expression of operators that bind at least as tight as low.
// It always takes at least one token, unless that token ends the line or
// closes a bracket.
func (p *parser) expr(low int) Expr {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		return p.skip()
	}
	left := p.unary()
	for {
		op := p.peek()
		level := binaryOp(op)
		if level < low || level == 0 {
			return left
		}
		p.pos++
		left = p.binary(left, op, level)
	}
}

func (p *parser) binary(left Expr, op token, level int) Expr {
	switch op.text {
	case "if":
		return p.conditional(left)
	case "is", "not":
		p.acceptWord("not")
		p.acceptWord("in")
	case "**":
		level-- // binds from the right
	}
	return &Binary{at: at{left.Line()}, Op: op.text, L: left, R: p.expr(level + 1)}
}

func (p *parser) conditional(left Expr) Expr {
	parts := []Expr{left, p.expr(3)}
	if p.acceptWord("else") {
		parts = append(parts, p.expr(2))
	}
	return &Opaque{at: at{left.Line()}, What: "if", Parts: parts}
}

func (p *parser) unary() Expr {
	t := p.peek()
	switch {
	case t.is("-") || t.is("+") || t.is("~") || t.is("*") || t.is("**"):
		p.pos++
		return &Opaque{at: at{t.line}, What: t.text, Parts: []Expr{p.expr(11)}}
	case t.word("not"):
		p.pos++
		return &Opaque{at: at{t.line}, What: t.text, Parts: []Expr{p.expr(5)}}
	case t.word("await") || t.word("yield"):
		p.pos++
		p.acceptWord("from")
		return p.expr(3)
	case t.word("lambda"):
		return p.lambda()
	}
	return p.postfix(p.atom())
}

// lambda keeps parameters and defaults among its parts, before the body.
func (p *parser) lambda() Expr {
	t := p.take()
	var parts []Expr
	for !p.peek().ends() && !p.peek().closes() && !p.peek().is(":") {
		parts = append(parts, p.expr(2))
		if !p.accept(",") && !p.accept("=") {
			break
		}
	}
	p.accept(":")
	return &Opaque{at: at{t.line}, What: "lambda", Parts: append(parts, p.expr(2))}
}

func (p *parser) atom() Expr {
	t := p.peek()
	switch {
	case t.ends() || t.closes():
		return &Opaque{at: at{t.line}}
	case t.kind == kindString:
		return p.strings()
	case t.kind == kindName:
		p.pos++
		return &Name{at: at{t.line}, ID: t.text}
	case t.kind == kindNumber:
		p.pos++
		return &Number{at: at{t.line}, Text: t.text}
	case t.is("{"):
		return p.braces()
	case t.opens():
		return p.brackets()
	}
	p.pos++
	return &Opaque{at: at{t.line}, What: t.text}
}

func (p *parser) postfix(x Expr) Expr {
	for {
		t := p.peek()
		switch {
		case t.is("."):
			p.pos++
			if p.peek().kind != kindName {
				return x
			}
			x = &Attr{at: at{x.Line()}, X: x, Name: p.take().text}
		case t.is("("):
			x = p.call(x)
		case t.is("["):
			p.pos++
			i := p.slice()
			p.close("]")
			x = &Index{at: at{x.Line()}, X: x, I: i}
		default:
			return x
		}
	}
}

func (p *parser) slice() Expr {
	var parts []Expr
	for !p.peek().ends() && !p.peek().closes() {
		if !p.accept(":") && !p.accept(",") {
			parts = append(parts, p.expr(1))
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &Opaque{at: at{p.peek().line}, What: "[", Parts: parts}
}

func (p *parser) call(fun Expr) Expr {
	c := &Call{at: at{fun.Line()}, Fun: fun}
	p.pos++
	for !p.peek().ends() && !p.peek().closes() {
		p.argument(c)
		if !p.accept(",") {
			break
		}
	}
	p.close(")")
	return c
}

func (p *parser) argument(c *Call) {
	t, next := p.peek(), p.tokens[min(p.pos+1, len(p.tokens)-1)]
	switch {
	case t.kind == kindName && next.is("="):
		p.pos += 2
		c.Keywords = append(c.Keywords, Keyword{Name: t.text, Value: p.expr(1)})
	case t.is("**"):
		p.pos++
		c.Keywords = append(c.Keywords, Keyword{Value: p.expr(1)})
	default:
		c.Args = append(c.Args, p.comprehension(p.expr(1)))
	}
}

// comprehension reads the for and if clauses after an element.
func (p *parser) comprehension(element Expr) Expr {
	if !p.peek().word("for") && !p.peek().word("async") {
		return element
	}
	parts := []Expr{element}
	for !p.peek().ends() && !p.peek().closes() && !p.peek().is(",") {
		if t := p.peek(); t.word("for") || t.word("async") || t.word("in") || t.word("if") {
			p.pos++
			continue
		}
		parts = append(parts, p.expr(3))
		for p.accept(",") && !p.peek().closes() {
			parts = append(parts, p.expr(5))
		}
	}
	return &Opaque{at: at{element.Line()}, What: "for", Parts: parts}
}

// brackets reads (…) or […]: a parenthesised expression, tuple, list or comprehension.
func (p *parser) brackets() Expr {
	open := p.take()
	list := &List{at: at{open.line}, Open: open.text}
	comma := false
	for !p.peek().ends() && !p.peek().closes() {
		list.Elems = append(list.Elems, p.comprehension(p.expr(1)))
		if p.acceptWord("as") { // with (a as b, c as d):
			p.expr(6)
		}
		if !p.accept(",") {
			break
		}
		comma = true
	}
	p.close(map[string]string{"(": ")", "[": "]"}[open.text])
	if open.text == "(" && len(list.Elems) == 1 && !comma {
		return list.Elems[0]
	}
	return list
}

// braces reads a dict or set display.
func (p *parser) braces() Expr {
	open := p.take()
	dict := &Dict{at: at{open.line}}
	set := &List{at: at{open.line}, Open: "{"}
	for !p.peek().ends() && !p.peek().closes() {
		if p.accept("**") {
			dict.Keys, dict.Values = append(dict.Keys, nil), append(dict.Values, p.expr(1))
		} else if key := p.expr(1); p.accept(":") {
			dict.Keys, dict.Values = append(dict.Keys, key), append(dict.Values, p.comprehension(p.expr(1)))
		} else {
			set.Elems = append(set.Elems, p.comprehension(key))
		}
		if !p.accept(",") {
			break
		}
	}
	p.close("}")
	if len(set.Elems) > 0 {
		return set
	}
	return dict
}

// close takes tokens up to and including the bracket that closes the current
// display, whatever stands before it.
func (p *parser) close(bracket string) {
	for depth := 0; !p.peek().ends(); {
		t := p.take()
		switch {
		case t.opens():
			depth++
		case t.closes() && depth > 0:
			depth--
		case t.closes():
			return
		}
	}
}

// skip takes an expression that is nested too deep, up to what could end it.
func (p *parser) skip() Expr {
	line, depth := p.peek().line, 0
	for ; !p.peek().ends(); p.pos++ {
		t := p.peek()
		if t.opens() {
			depth++
		} else if t.closes() {
			depth--
		}
		if depth < 0 || depth == 0 && t.is(",") {
			break
		}
	}
	return &Opaque{at: at{line}, What: "deep"}
}

// strings reads adjacent literals.
func (p *parser) strings() Expr {
	first := p.peek()
	var parts []Expr
	formatted := false
	for p.peek().kind == kindString {
		t := p.take()
		if t.has('f') || t.has('t') {
			formatted = true
			parts = append(parts, p.formatted(t)...)
			continue
		}
		parts = append(parts, &Str{at: at{t.line}, Value: unescape(t.text, t.prefix), Bytes: t.has('b')})
	}
	if formatted {
		return &FString{at: at{first.line}, Parts: parts}
	}
	return joinStrings(first, parts)
}

func joinStrings(first token, parts []Expr) Expr {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(part.(*Str).Value)
	}
	return &Str{at: at{first.line}, Value: b.String(), Bytes: first.has('b')}
}
