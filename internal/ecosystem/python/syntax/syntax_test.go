package syntax

import (
	"strings"
	"testing"
)

var parseCases = []struct{ name, src, want string }{
	{"assignment", "a = b = 'x'\n", `1 assign a b = "x"`},
	{"annotated", "port: int = 8000\nname: str\n", "1 assign port : int = 8000\n2 assign name : str = -"},
	{"augmented", "a += 'x'", `1 assign a += "x"`},
	{"tuple target", "a, b = 1, 2", "1 assign [a b] = [1 2]"},
	{"comment is not code", "# a = 1\nb = 2 # c = 3\n", "2 assign b = 2"},
	{"docstring is not code", "'''\n@app.get('/x')\ndef f(): pass\n'''\nx = 1\n", "1 do \"\\n@app.get('/x')\\ndef f(): pass\\n\"\n5 assign x = 1"},
	{"hash in string", "a = 'x # y'", `1 assign a = "x # y"`},
	{"adjacent strings", "a = ('x'\n  \"y\")\n", `1 assign a = "xy"`},
	{"escapes", `a = 'x\ty\'\x41' r'\n'`, `1 assign a = "x\ty'A\\n"`},
	{"escaped line end", "a = 'x\\\ny'\nb = 1", "1 assign a = \"xy\"\n3 assign b = 1"},
	{"bytes", "a = b'x'", `1 assign a = "x"`},
	{"f-string", `a = f"{BASE}/x{{{n:>10}}}"`, `1 assign a = (f BASE "/x{" n "}")`},
	{"f-string with the same quotes", `a = f"{d["k"]}/x"; b = 1`, "1 assign a = (f (index d \"k\") \"/x\")\n1 assign b = 1"},
	{"quote as fill", `a = f"{x:'>10}" + 'y'`, `1 assign a = (+ (f x) "y")`},
	{"unclosed string ends with its line", "a = 'x\nb = 1", "1 assign a = \"x\"\n2 assign b = 1"},
	{"continuation", "a = 1 + \\\n  2\nb = 3", "1 assign a = (+ 1 2)\n3 assign b = 3"},
	{"brackets join lines", "a = f(\n  1, # one\n  k=2,\n)\nb = 3", "1 assign a = (call f 1 k=2)\n5 assign b = 3"},
	{"carriage returns", "a = 1\r\nb = 2\r\n", "1 assign a = 1\n2 assign b = 2"},
	{"byte order mark", "\ufeffa = 1", "1 assign a = 1"},
	{"precedence", "a = b / 'c' + d or e", `1 assign a = (or (+ (/ b "c") d) e)`},
	{"right binding", "a = 2 ** 3 ** 4", "1 assign a = (** 2 (** 3 4))"},
	{"conditional", "a = b if c else d", "1 assign a = <if b c d>"},
	{"comprehension", "a = [f(x) for x in y if x]", "1 assign a = [<for (call f x) (in x y) x>]"},
	{"dict", "a = {'k': 1, **b}", `1 assign a = {"k":1 -:b }`},
	{"set", "a = {1, 2}", "1 assign a = [1 2]"},
	{"lambda", "a = lambda x, y=1: f(x)", "1 assign a = <lambda x y 1 (call f x)>"},
	{"walrus", "if (a := f()): pass", "1 block (:= a (call f))\n  1 do pass"},
	{"slices", "a[1:2] = b[c]", "1 assign (index a <[ 1 2>) = (index b c)"},
	{"await", "async def f():\n  return await g(1)", "1 def f\n  2 do (call g 1)"},
	{"decorators", "@app.get('/x', name='n')\n@other\nasync def f(a: int, b=1, *, c: str = 'd', **kw): ...\n",
		"3 @(call app.get \"/x\" name=\"n\") @other def f a=- b=1 c=\"d\" kw=-\n  3 do <... >",
	},
	{"class", "class S(Base, metaclass=M):\n  a: int = 1\n  def f(self): pass\nb = 1", "1 class S Base\n  2 assign a : int = 1\n  3 def f self=-\n    3 do pass\n4 assign b = 1"},
	{"imports", "import os, a.b as c\nimport x.y\nfrom . import d\nfrom ..e.f import (g as h,\n  i)\nfrom j import *",
		"1 import os[] as os;import a.b[] as c;\n2 import x.y[] as x;\n3 import .[d] as d;\n4 import ..e.f[g] as h;import ..e.f[i] as i;\n6 import j[*] as *;"},
	{"with", "with open('x', 'w') as f, g() as h:\n  f.write('y')", "1 block (call open \"x\" \"w\") (call g)\n  2 do (call f.write \"y\")"},
	{"nested blocks", "if a:\n  if b:\n    c = 1\n  else:\n    d = 2\ne = 3",
		"1 block a\n  2 block b\n    3 assign c = 1\n  4 block \n    5 assign d = 2\n6 assign e = 3"},
	{"tabs", "if a:\n\tb = 1\nc = 2", "1 block a\n  2 assign b = 1\n3 assign c = 2"},
	{"match is a name too", "match = 1\nmatch x:\n  case 1: y = 2", "1 assign match = 1\n2 block x\n  3 block \n    3 assign y = 2"},
	{"nonsense goes on", ") = ] :\na = 1", "1 do < > < > <= > < > <: >\n2 assign a = 1"},
	{"python 2 print", "print 'x'\na = 1", "1 do print \"x\"\n2 assign a = 1"},
}

func TestParse(t *testing.T) {
	for _, c := range parseCases {
		t.Run(c.name, func(t *testing.T) {
			got := strings.TrimSpace(dump(Parse([]byte(c.src))))
			if got != c.want {
				t.Errorf("parsing %q:\ngot:\n%s\nwant:\n%s", c.src, got, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range parseCases {
		f.Add(c.src)
	}
	f.Add(strings.Repeat("(", 500) + strings.Repeat("f'{", 50))
	f.Add(strings.Repeat("if a: ", 300))
	f.Add(strings.Repeat("not ", 300) + strings.Repeat("[", 300) + ",,")
	f.Fuzz(func(t *testing.T, src string) {
		m := Parse([]byte(src))
		lines := countLines(src) + 1
		check(t, m.Body, lines)
	})
}

// check walks everything: lines lie in the source, in the order of the statements.
func check(t *testing.T, body []*Stmt, lines int) {
	last := 0
	for _, s := range body {
		if s.Line < last || s.Line > lines {
			t.Fatalf("statement on line %d after %d, of %d", s.Line, last, lines)
		}
		last = s.Line
		for _, x := range s.All() {
			Walk(x, func(x Expr) bool {
				if x.Line() > lines {
					t.Fatalf("expression on line %d of %d", x.Line(), lines)
				}
				return true
			})
		}
		check(t, s.Body, lines)
	}
}
