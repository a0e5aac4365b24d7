package syntax

import (
	"fmt"
	"strings"
)

// dump renders a module as s-expressions, for tests to read.
func dump(m *Module) string {
	var b strings.Builder
	dumpBody(&b, m.Body, "")
	return b.String()
}

func dumpBody(b *strings.Builder, body []*Stmt, indent string) {
	for _, s := range body {
		fmt.Fprintf(b, "%s%d %s\n", indent, s.Line, dumpStmt(s))
		dumpBody(b, s.Body, indent+"  ")
	}
}

func dumpStmt(s *Stmt) string {
	text := ""
	for _, d := range s.Decorators {
		text += "@" + dumpExpr(d) + " "
	}
	switch s.Kind {
	case Assign:
		text += "assign " + dumpList(s.Targets)
		if s.Annotation != nil {
			text += " : " + dumpExpr(s.Annotation)
		}
		return text + " " + s.Op + " " + dumpExpr(s.Value)
	case ImportStmt:
		for _, im := range s.Imports {
			text += fmt.Sprintf("import %s%s[%s] as %s;", strings.Repeat(".", im.Dots), im.Module, im.Name, im.As)
		}
		return text
	case Def:
		text += "def " + s.Name
		for _, p := range s.Params {
			text += " " + p.Name + "=" + dumpExpr(p.Default)
		}
		return text
	case Class:
		return text + "class " + s.Name + " " + dumpList(s.Exprs)
	case Block:
		return text + "block " + dumpList(s.Exprs)
	}
	return text + "do " + dumpList(s.Exprs)
}

func dumpList(list []Expr) string {
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = dumpExpr(x)
	}
	return strings.Join(parts, " ")
}

func dumpExpr(x Expr) string {
	switch x := x.(type) {
	case nil:
		return "-"
	case *Name:
		return x.ID
	case *Str:
		return fmt.Sprintf("%q", x.Value)
	case *Number:
		return x.Text
	case *FString:
		return "(f " + dumpList(x.Parts) + ")"
	case *Attr:
		return dumpExpr(x.X) + "." + x.Name
	case *Call:
		text := "(call " + dumpExpr(x.Fun)
		for _, a := range x.Args {
			text += " " + dumpExpr(a)
		}
		for _, k := range x.Keywords {
			text += " " + k.Name + "=" + dumpExpr(k.Value)
		}
		return text + ")"
	case *Index:
		return "(index " + dumpExpr(x.X) + " " + dumpExpr(x.I) + ")"
	case *Binary:
		return "(" + x.Op + " " + dumpExpr(x.L) + " " + dumpExpr(x.R) + ")"
	case *List:
		return "[" + dumpList(x.Elems) + "]"
	case *Dict:
		text := "{"
		for i, v := range x.Values {
			text += dumpExpr(x.Keys[i]) + ":" + dumpExpr(v) + " "
		}
		return text + "}"
	case *Opaque:
		return "<" + x.What + " " + dumpList(x.Parts) + ">"
	}
	return "?"
}
