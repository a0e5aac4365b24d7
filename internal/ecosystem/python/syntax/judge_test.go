package syntax

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// judge lists what CPython's own parser finds in a file: calls of dotted names
// with their line, assigned string constants, imports, functions and classes.
const judge = `
import ast, sys
def dotted(x):
    parts = []
    while isinstance(x, ast.Attribute):
        parts.append(x.attr); x = x.value
    return ".".join(reversed(parts + [x.id])) if isinstance(x, ast.Name) and len(parts) < 16 else ""
for path in sys.argv[1:]:
    print(chr(0) + path)
    out = []
    for n in ast.walk(ast.parse(open(path, "rb").read())):
        if isinstance(n, ast.Call) and dotted(n.func):
            out.append("%d call %s args=%d keywords=%s" % (n.lineno, dotted(n.func), len(n.args), ",".join(k.arg or "" for k in n.keywords)))
        elif isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)):
            out.append("%d def %s decorators=%d" % (n.lineno, n.name, len(n.decorator_list)))
        elif isinstance(n, ast.ClassDef):
            out.append("%d class %s bases=%d" % (n.lineno, n.name, len(n.bases)))
        elif isinstance(n, ast.Constant) and isinstance(n.value, str) and n.value.isascii() and n.value.isprintable() and not hasattr(n, "inner"):
            out.append("0 str %s" % n.value)
        elif isinstance(n, ast.Import):
            out.extend("import %s as %s" % (a.name, a.asname or a.name.split(".")[0]) for a in n.names)
        elif isinstance(n, ast.ImportFrom):
            out.extend("import %s%s[%s] as %s" % ("." * n.level, n.module or "", a.name, a.asname or a.name) for a in n.names)
        if isinstance(n, ast.JoinedStr):
            for v in ast.walk(n):
                v.inner = True
    print("\n".join(sorted(set(out))))
`

// TestJudge compares with CPython on files of its standard library.
func TestJudge(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: nothing to compare with")
	}
	root, err := exec.Command(python, "-c", "import os; print(os.path.dirname(os.__file__))").Output()
	if err != nil {
		t.Skipf("python3 does not run: %v", err)
	}
	files := judgeFiles(strings.TrimSpace(string(root)))
	if len(files) == 0 {
		t.Skip("python3 has no source files of its library")
	}
	out, err := exec.Command(python, append([]string{"-c", judge}, files...)...).Output()
	if err != nil {
		t.Fatalf("running the judge: %v", err)
	}
	for _, section := range strings.Split(string(out), "\x00")[1:] {
		path, want, _ := strings.Cut(section, "\n")
		compareFile(t, path, strings.TrimSpace(want))
	}
}

// judgeFiles are modules with much syntax each; PLIMSOLL_JUDGE names others.
func judgeFiles(root string) []string {
	if pattern := os.Getenv("PLIMSOLL_JUDGE"); pattern != "" {
		files, _ := filepath.Glob(pattern)
		return files
	}
	var files []string
	for _, name := range []string{"argparse", "dataclasses", "enum", "logging/__init__", "pathlib", "typing", "asyncio/base_events", "test/test_fstring", "test/test_grammar"} {
		path := filepath.Join(root, name+".py")
		if _, err := os.Stat(path); err == nil {
			files = append(files, path)
		}
	}
	return files
}

func compareFile(t *testing.T, path, want string) {
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	outline(Parse(src).Body, have)
	var missing []string
	wanted := map[string]bool{}
	for _, line := range strings.Split(want, "\n") {
		wanted[line] = true
		if line != "" && !have[line] {
			missing = append(missing, "- "+line)
		}
	}
	for line := range have {
		if !wanted[line] && !strings.HasPrefix(line, "0 str") {
			missing = append(missing, "+ "+line)
		}
	}
	if len(missing) > 0 {
		sort.Strings(missing)
		t.Errorf("%s differs in %d of %d:\n%s", path, len(missing), len(wanted), strings.Join(missing[:min(15, len(missing))], "\n"))
	}
}

func outline(body []*Stmt, have map[string]bool) {
	for _, s := range body {
		switch s.Kind {
		case Def:
			have[fmt.Sprintf("%d def %s decorators=%d", s.Line, s.Name, len(s.Decorators))] = true
		case Class:
			have[fmt.Sprintf("%d class %s bases=%d", s.Line, s.Name, len(s.Exprs))] = true
		}
		for _, im := range s.Imports {
			if im.Name == "" {
				have[fmt.Sprintf("import %s as %s", im.Module, im.As)] = true
			} else {
				have[fmt.Sprintf("import %s%s[%s] as %s", strings.Repeat(".", im.Dots), im.Module, im.Name, im.As)] = true
			}
		}
		for _, x := range s.All() {
			Walk(x, func(x Expr) bool { outlineExpr(x, have); return true })
		}
		outline(s.Body, have)
	}
}

func outlineExpr(x Expr, have map[string]bool) {
	switch x := x.(type) {
	case *Str:
		if !x.Bytes && bytes.IndexFunc([]byte(x.Value), func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
			have["0 str "+x.Value] = true
		}
	case *Call:
		if name := Dotted(x.Fun); name != "" {
			keywords := make([]string, len(x.Keywords))
			for i, k := range x.Keywords {
				keywords[i] = k.Name
			}
			have[fmt.Sprintf("%d call %s args=%d keywords=%s", x.Line(), name, len(x.Args), strings.Join(keywords, ","))] = true
		}
	}
}
