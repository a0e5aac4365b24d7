package syntax

import "strings"

// Parse reads a source file. It never fails: see the package comment.
func Parse(src []byte) *Module {
	p := &parser{tokens: tokenize(string(src), 1)}
	return &Module{Body: p.block(0)}
}

// block reads the statements that are indented by at least indent.
func (p *parser) block(indent int) []*Stmt {
	var body []*Stmt
	var decorators []Expr
	for p.peek().kind != kindEOF {
		t := p.peek()
		if t.indent >= 0 && t.indent < indent {
			break
		}
		if t.kind == kindNewline || t.is(";") {
			p.pos++
			continue
		}
		if t.is("@") {
			p.pos++
			decorators = append(decorators, p.expr(1))
			p.rest()
			continue
		}
		body = append(body, p.statement(decorators))
		decorators = nil
	}
	return body
}

// rest skips to the end of the logical line.
func (p *parser) rest() {
	for !p.peek().ends() {
		p.pos++
	}
}

func (p *parser) statement(decorators []Expr) *Stmt {
	t := p.peek()
	s := &Stmt{Line: t.line, Decorators: decorators}
	if t.word("async") {
		p.pos++
	}
	switch word := p.peek(); {
	case word.kind != kindName:
		p.simple(s)
	case word.text == "def" || word.text == "class":
		p.declaration(s, t.indent)
	case word.text == "import":
		p.pos++
		s.Kind, s.Imports = ImportStmt, p.importNames("", 0)
	case word.text == "from":
		s.Kind, s.Imports = ImportStmt, p.fromImport()
	case p.startsBlock():
		p.clause(s, t.indent)
	default:
		p.simple(s)
	}
	return s
}

// startsBlock tells whether the line is the head of a block; match and case are
// keywords only where a subject and a colon follow.
func (p *parser) startsBlock() bool {
	switch p.peek().text {
	case "if", "elif", "else", "for", "while", "with", "try", "except", "finally":
		return true
	case "match", "case":
		next := p.tokens[p.pos+1]
		return (next.kind != kindOp || next.opens()) && p.colonFollows()
	}
	return false
}

// colonFollows tells whether the logical line has a colon outside of brackets.
func (p *parser) colonFollows() bool {
	depth := 0
	for i := p.pos; !p.tokens[i].ends(); i++ {
		switch t := p.tokens[i]; {
		case t.opens():
			depth++
		case t.closes():
			depth--
		case t.is(":") && depth == 0:
			return true
		}
	}
	return false
}

// clause reads the head of a block, and the block.
func (p *parser) clause(s *Stmt, indent int) {
	s.Kind = Block
	if p.take().word("case") {
		p.pattern()
	}
	for !p.peek().ends() && !p.peek().is(":") {
		before := p.pos
		x := p.expr(1)
		s.Exprs = append(s.Exprs, x)
		if p.acceptWord("as") {
			s.Targets = append(s.Targets, p.expr(6))
			if s.Value == nil {
				s.Value = x
			}
		}
		if !p.accept(",") && p.pos == before {
			p.pos++
		}
	}
	p.body(s, indent)
}

// pattern skips the pattern of a case, which looks like calls and makes none,
// up to its guard.
func (p *parser) pattern() {
	depth := 0
	for ; !p.peek().ends(); p.pos++ {
		switch t := p.peek(); {
		case t.opens():
			depth++
		case t.closes():
			depth--
		case depth == 0 && t.is(":"):
			return
		case depth == 0 && t.word("if"):
			p.pos++
			return
		}
	}
}

// body reads what follows the colon: statements on the same line, or an indented block.
func (p *parser) body(s *Stmt, indent int) {
	if !p.accept(":") {
		p.rest()
		return
	}
	if p.peek().kind != kindNewline {
		s.Body = p.line()
		return
	}
	p.pos++
	inner := p.peek().indent
	if inner <= indent || p.depth >= maxNesting {
		return
	}
	p.depth++
	s.Body = p.block(inner)
	p.depth--
}

// line reads the statements up to the end of the logical line.
func (p *parser) line() []*Stmt {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxNesting {
		p.rest()
	}
	var body []*Stmt
	for !p.peek().ends() {
		if !p.accept(";") {
			body = append(body, p.statement(nil))
		}
	}
	return body
}

func (p *parser) declaration(s *Stmt, indent int) {
	s.Kind = Def
	if p.take().text == "class" {
		s.Kind = Class
	}
	if p.peek().kind == kindName {
		s.Name = p.take().text
	}
	if p.peek().is("[") {
		p.pos++
		p.close("]")
	}
	if p.peek().is("(") {
		if s.Kind == Def {
			s.Params = p.params()
		} else {
			s.Exprs = p.bases()
		}
	}
	if p.accept("->") {
		s.Exprs = append(s.Exprs, p.expr(1))
	}
	p.body(s, indent)
}

func (p *parser) bases() []Expr {
	c := p.call(&Opaque{}).(*Call)
	return c.Args
}

func (p *parser) params() []Param {
	var params []Param
	p.pos++
	for !p.peek().ends() && !p.peek().closes() {
		for p.accept("*") || p.accept("**") || p.accept("/") {
		}
		if p.accept(",") {
			continue
		}
		if p.peek().kind != kindName {
			break
		}
		param := Param{Name: p.take().text}
		if p.accept(":") {
			param.Annotation = p.expr(2)
		}
		if p.accept("=") {
			param.Default = p.expr(2)
		}
		params = append(params, param)
		if !p.accept(",") {
			break
		}
	}
	p.close(")")
	return params
}

func (p *parser) fromImport() []Import {
	p.pos++
	dots := 0
	for p.peek().is(".") || p.peek().is("...") {
		dots += len(p.take().text)
	}
	module := ""
	if !p.peek().word("import") {
		module = p.dotted()
	}
	if !p.acceptWord("import") {
		p.rest()
		return nil
	}
	p.accept("(")
	if p.peek().is("*") {
		line := p.take().line
		return []Import{{Line: line, Module: module, Dots: dots, Name: "*", As: "*"}}
	}
	return p.importNames(module, dots)
}

func (p *parser) dotted() string {
	var parts []string
	for p.peek().kind == kindName {
		parts = append(parts, p.take().text)
		if !p.accept(".") {
			break
		}
	}
	return strings.Join(parts, ".")
}

// importNames reads a, b.c as d; after from they are names of module.
func (p *parser) importNames(module string, dots int) []Import {
	from := module != "" || dots > 0
	var list []Import
	for p.peek().kind == kindName {
		im := Import{Line: p.peek().line, Module: module, Dots: dots}
		name := p.dotted()
		if from {
			im.Name, im.As = name, name
		} else {
			im.Module = name
			im.As, _, _ = strings.Cut(name, ".")
		}
		if p.acceptWord("as") && p.peek().kind == kindName {
			im.As = p.take().text
		}
		list = append(list, im)
		if !p.accept(",") {
			break
		}
	}
	p.rest()
	return list
}

// simple reads an assignment, or a statement of expressions.
func (p *parser) simple(s *Stmt) {
	for p.peek().word("return") || p.peek().word("raise") || p.peek().word("del") || p.peek().word("assert") || p.peek().word("global") {
		p.pos++
	}
	before := p.pos
	x := p.exprs()
	switch t := p.peek(); {
	case t.is(":"):
		p.pos++
		s.Kind, s.Op, s.Targets, s.Annotation = Assign, "=", []Expr{x}, p.expr(2)
		if p.accept("=") {
			s.Value = p.exprs()
		}
	case t.is("="):
		p.assign(s, x)
	case t.kind == kindOp && strings.HasSuffix(t.text, "=") && binaryOp(t) == 0:
		p.pos++
		s.Kind, s.Op, s.Targets, s.Value = Assign, t.text, []Expr{x}, p.exprs()
	default:
		s.Exprs = []Expr{x}
	}
	p.leftover(s, before)
}

func (p *parser) assign(s *Stmt, x Expr) {
	s.Kind, s.Op = Assign, "="
	for p.accept("=") {
		s.Targets = append(s.Targets, x)
		x = p.exprs()
	}
	s.Value = x
}

// leftover takes what a statement did not understand, so that the parser always moves on.
func (p *parser) leftover(s *Stmt, before int) {
	for !p.peek().ends() && !p.peek().is(";") {
		at := p.pos
		s.Exprs = append(s.Exprs, p.expr(1))
		if p.pos == at {
			p.pos++
		}
	}
	if p.pos == before && p.peek().kind != kindEOF {
		p.pos++
	}
}
