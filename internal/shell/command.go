package shell

import (
	"slices"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"mvdan.cc/sh/v3/syntax"
)

// Command is one simple command.
type Command struct {
	Words []Word // empty for assignments alone
	// Span reaches from the first word or assignment to the end of the last
	// word or redirection.
	Span        dockerfile.Span
	Assignments []Assignment // in front of the words
	// Redirects says that its input or output is redirected, or that of a
	// compound command around it. Pipes do not count.
	Redirects bool
	// Writes are the files that redirections name for its output, or for that of a compound command around it.
	Writes []Word
	// Op joins it to the command before: "&&", "||", ";" (a line end too),
	// "|", "&", and "" for the first of a script or substitution.
	Op string
	// Depth counts the subshells, blocks, conditions, loops, functions and
	// substitutions around it.
	Depth int
	// Substituted says that it stands in $(…), `…` or <(…).
	Substituted bool
	Negated     bool // ! in front of it
	Background  bool // & behind it
	Piped       bool // its output goes into a pipe
}

// Assignment is NAME=value in front of a command, or on its own.
type Assignment struct {
	Name  string
	Value Word
	Span  dockerfile.Span
}

// context is what surrounds a statement.
type context struct {
	op          string
	depth       int
	redirects   bool
	writes      []Word
	substituted bool
	piped       bool
}

func (c context) deeper() context {
	c.depth++
	return c
}

type walker struct {
	source   dockerfile.Unfolded
	commands []Command
}

func (w *walker) span(start, end syntax.Pos) dockerfile.Span {
	size := len(w.source.Text)
	return w.source.Span(min(int(start.Offset()), size), min(int(end.Offset()), size))
}

// list walks statements that follow one another; the first takes the
// context's operator.
func (w *walker) list(stmts []*syntax.Stmt, c context) {
	for _, stmt := range stmts {
		w.stmt(stmt, c)
		c.op = ";"
		if stmt.Background {
			c.op = "&"
		}
	}
}

// lists walks the parts of a compound command.
func (w *walker) lists(c context, parts ...[]*syntax.Stmt) {
	c = c.deeper()
	for _, stmts := range parts {
		w.list(stmts, c)
		c.op = ";"
	}
}

func (w *walker) stmt(stmt *syntax.Stmt, c context) {
	for _, r := range stmt.Redirs {
		w.substitutions(r, c)
	}
	for _, r := range stmt.Redirs {
		switch r.Op {
		case syntax.RdrOut, syntax.AppOut, syntax.RdrInOut, syntax.RdrClob, syntax.RdrAll, syntax.AppAll:
			c.writes = append(slices.Clip(c.writes), w.word(r.Word))
		}
	}
	c.redirects = c.redirects || len(stmt.Redirs) > 0
	switch cmd := stmt.Cmd.(type) {
	case *syntax.BinaryCmd:
		w.binary(cmd, c)
	case *syntax.Subshell:
		w.lists(c, cmd.Stmts)
	case *syntax.Block:
		w.lists(c, cmd.Stmts)
	case *syntax.IfClause:
		w.ifClause(cmd, c)
	case *syntax.WhileClause:
		w.lists(c, cmd.Cond, cmd.Do)
	case *syntax.ForClause:
		w.substitutions(cmd.Loop, c)
		w.lists(c, cmd.Do)
	case *syntax.CaseClause:
		w.substitutions(cmd.Word, c)
		for _, item := range cmd.Items {
			w.lists(c, item.Stmts)
			c.op = ";"
		}
	case *syntax.FuncDecl:
		w.stmt(cmd.Body, c.deeper())
	case *syntax.TimeClause:
		w.optional(cmd.Stmt, c)
	case *syntax.CoprocClause:
		w.optional(cmd.Stmt, c)
	default:
		w.simple(stmt, c)
	}
}

func (w *walker) optional(stmt *syntax.Stmt, c context) {
	if stmt != nil {
		w.stmt(stmt, c)
	}
}

func (w *walker) binary(cmd *syntax.BinaryCmd, c context) {
	left, right := c, c
	right.op = cmd.Op.String()
	if cmd.Op == syntax.Pipe || cmd.Op == syntax.PipeAll {
		left.piped, right.op = true, "|"
	}
	w.stmt(cmd.X, left)
	w.stmt(cmd.Y, right)
}

func (w *walker) ifClause(cmd *syntax.IfClause, c context) {
	for ; cmd != nil; cmd = cmd.Else {
		w.lists(c, cmd.Cond, cmd.Then)
		c.op = ";"
	}
}

// simple records a command that holds no other but by substitution.
func (w *walker) simple(stmt *syntax.Stmt, c context) {
	if stmt.Cmd != nil {
		w.substitutions(stmt.Cmd, c)
	}
	cmd := Command{
		Redirects: c.redirects, Writes: c.writes, Op: c.op, Depth: c.depth, Substituted: c.substituted, Piped: c.piped,
		Negated: stmt.Negated, Background: stmt.Background, Span: w.stmtSpan(stmt),
	}
	switch x := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		for _, a := range x.Assigns {
			cmd.Assignments = append(cmd.Assignments, w.assignment(a))
		}
		for _, word := range x.Args {
			cmd.Words = append(cmd.Words, w.word(word))
		}
	case *syntax.DeclClause:
		cmd.Words = w.declaration(x)
	case nil: // a redirection alone
	default: // [[ … ]], (( … )) and let: the text as it is
		span := w.span(x.Pos(), x.End())
		cmd.Words = []Word{{Text: w.text(x), Span: span}}
	}
	w.commands = append(w.commands, cmd)
}

// stmtSpan leaves the ; or & of a statement out, and the bodies of heredocs.
func (w *walker) stmtSpan(stmt *syntax.Stmt) dockerfile.Span {
	var start, end syntax.Pos
	widen := func(from, to syntax.Pos) {
		if !start.IsValid() || start.After(from) {
			start = from
		}
		if !end.IsValid() || to.After(end) {
			end = to
		}
	}
	if stmt.Cmd != nil {
		widen(stmt.Cmd.Pos(), stmt.Cmd.End())
	}
	for _, r := range stmt.Redirs {
		widen(r.Pos(), r.Word.End())
	}
	return w.span(start, end)
}

func (w *walker) text(n syntax.Node) string {
	size := len(w.source.Text)
	start, end := min(int(n.Pos().Offset()), size), min(int(n.End().Offset()), size)
	return w.source.Text[start:max(start, end)]
}

// substitutions walks the commands in $(…), `…` and <(…) below a node.
func (w *walker) substitutions(n syntax.Node, c context) {
	c.op, c.substituted, c.piped = "", true, false
	syntax.Walk(n, func(n syntax.Node) bool {
		switch x := n.(type) {
		case *syntax.CmdSubst:
			w.list(x.Stmts, c.deeper())
			return false
		case *syntax.ProcSubst:
			w.list(x.Stmts, c.deeper())
			return false
		}
		return true
	})
}

func (w *walker) assignment(a *syntax.Assign) Assignment {
	out := Assignment{Span: w.span(a.Pos(), a.End())}
	if a.Name != nil {
		out.Name = a.Name.Value
	}
	if a.Value != nil {
		out.Value = w.word(a.Value)
	} else {
		out.Value = Word{Literal: a.Array == nil, Span: dockerfile.Span{Start: out.Span.End, End: out.Span.End}}
	}
	return out
}

// declaration is export, local, readonly and the like as words.
func (w *walker) declaration(d *syntax.DeclClause) []Word {
	words := []Word{{Text: d.Variant.Value, Literal: true, Span: w.span(d.Variant.Pos(), d.Variant.End())}}
	for _, a := range d.Args {
		arg := w.assignment(a)
		word := arg.Value
		word.Span = arg.Span
		switch {
		case arg.Name != "" && a.Naked:
			word.Text, word.Literal = arg.Name, true
		case arg.Name != "":
			word.Text = arg.Name + "=" + word.Text
		}
		words = append(words, word)
	}
	return words
}
