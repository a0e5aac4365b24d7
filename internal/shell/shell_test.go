package shell

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
)

// last parses a Dockerfile and the command of its last instruction.
func last(t *testing.T, src string) (*dockerfile.File, *Script, error) {
	t.Helper()
	f, err := dockerfile.Parse("Dockerfile", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(f, f.Instructions[len(f.Instructions)-1])
	return f, s, err
}

// show writes a command as its operator, its words and what is special about it.
func show(c Command) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(">", c.Depth))
	if c.Op != "" {
		b.WriteString(c.Op + " ")
	}
	for _, a := range c.Assignments {
		fmt.Fprintf(&b, "%s:=%s ", a.Name, a.Value.Text)
	}
	for i, w := range c.Words {
		if i > 0 {
			b.WriteByte(' ')
		}
		mark := ""
		switch {
		case w.Glob:
			mark = "*"
		case !w.Literal:
			mark = "$"
		}
		b.WriteString(mark + "(" + w.Text + ")")
	}
	if c.Redirects {
		b.WriteString(" redirected")
	}
	return b.String()
}

func TestCommands(t *testing.T) {
	tests := []struct {
		name, src string
		want      []string
	}{
		{"words", `RUN apt-get install -y curl`, []string{"(apt-get) (install) (-y) (curl)"}},
		{"quotes", `RUN echo 'a b' "c d" e\ f "g\"h"`, []string{`(echo) (a b) (c d) (e f) (g"h)`}},
		{"expansions", `RUN echo $HOME "${A:-b}/x" '$C' ~/d`, []string{`(echo) $($HOME) $(${A:-b}/x) ($C) $(~/d)`}},
		{"patterns", `RUN rm *.txt uvicorn[standard] '*' \*`, []string{`(rm) *(*.txt) *(uvicorn[standard]) (*) (*)`}},
		{"braces", `RUN mkdir -p /a/{b,c} {}`, []string{`(mkdir) (-p) $(/a/{b,c}) ({})`}},
		{"lists", `RUN a && b || c; d | e & f`, []string{"(a)", "&& (b)", "|| (c)", "; (d)", "| (e)", "& (f)"}},
		{"continued", "RUN a \\\n  # why\n\n  && b", []string{"(a)", "&& (b)"}},
		{"subshell", `RUN a && (b; c) && d`, []string{"(a)", ">&& (b)", ">; (c)", "&& (d)"}},
		{"if", `RUN if a; then b; else c; fi`, []string{">(a)", ">; (b)", ">; (c)"}},
		{"loop", `RUN for x in $(ls); do echo $x; done`, []string{">(ls)", ">(echo) $($x)"}},
		{"case", `RUN case "$(arch)" in x) a;; y) b;; esac`, []string{">(arch)", ">(a)", ">; (b)"}},
		{"function", `RUN f() { a; }; f`, []string{">>(a)", "; (f)"}},
		{"substitution comes first", `RUN echo "$(a | b)"`, []string{">(a)", ">| (b)", `(echo) $($(a | b))`}},
		{"assignments", `RUN A=1 B="2 3" make all`, []string{"A:=1 B:=2 3 (make) (all)"}},
		{"assignment alone", `RUN A=1`, []string{"A:=1 "}},
		{"declaration", `RUN export A=1 B`, []string{"(export) (A=1) (B)"}},
		{"redirections", `RUN a > /x && (b) 2>&1 && c`, []string{"(a) redirected", ">&& (b) redirected", "&& (c)"}},
		{"heredoc as the script", "RUN <<EOF\na\nb c\nEOF", []string{"(a)", "; (b) (c)"}},
		{"heredoc, tabs removed", "RUN <<-EOF\n\ta\n\t\tb\n\tEOF", []string{"(a)", "; (b)"}},
		{"heredoc as input", "RUN cat <<EOF > /x && y\na\nEOF", []string{"(cat) redirected", "&& (y)"}},
		{"heredoc with its own shell", "RUN <<EOF\n#!/usr/bin/env bash\n[[ -f x ]]\nEOF", []string{"$([[ -f x ]])"}},
		{"bash where sh is named", `RUN a <(b) && c &> /x`, []string{">(b)", "(a) $(<(b))", "&& (c) redirected"}},
		{"bash", "SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN [[ a == b ]] && c", []string{"$([[ a == b ]])", "&& (c)"}},
		{"a shell behind a program", "SHELL [\"conda\", \"run\", \"/bin/bash\", \"-c\"]\nRUN a", []string{"(a)"}},
		{"cmd", `CMD python app.py`, []string{"(python) (app.py)"}},
		{"healthcheck", `HEALTHCHECK --interval=5s CMD curl -f localhost || exit 1`, []string{"(curl) (-f) (localhost)", "|| (exit) (1)"}},
		{"onbuild", `ONBUILD RUN a && b`, []string{"(a)", "&& (b)"}},
		{"json", `CMD ["a", "b c", "$d"]`, []string{"(a) (b c) ($d)"}},
		{"comment", `RUN a # b && c`, []string{"(a)"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, s, err := last(t, "FROM x\n"+tt.src)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range s.Commands() {
				got = append(got, show(c))
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tt.want) {
				t.Errorf("\n got %q\nwant %q", got, tt.want)
			}
			if err := placed(f, s); err != nil {
				t.Error(err)
			}
		})
	}
}

// placed checks that spans are in order and in bounds, and that a word
// without quotes reads the same in the source. Shells drop NUL bytes.
func placed(f *dockerfile.File, s *Script) error {
	for _, c := range s.Commands() {
		if c.Span.Start < 0 || c.Span.End > len(f.Source) || c.Span.Start > c.Span.End {
			return fmt.Errorf("command at %v", c.Span)
		}
		at := c.Span.Start
		for _, w := range c.Words {
			if w.Span.Start < at || w.Span.End > c.Span.End || w.Span.Start > w.Span.End {
				return fmt.Errorf("word %q at %v in a command at %v", w.Text, w.Span, c.Span)
			}
			at = w.Span.End
			source := f.Text(w.Span)
			if w.Literal && !strings.ContainsAny(source, "'\"\\\n`\x00\r") && source != w.Text {
				return fmt.Errorf("word %q reads %q in the source", w.Text, source)
			}
		}
	}
	return nil
}

func TestSpansInTheSource(t *testing.T) {
	const src = "FROM x\r\nRUN apt-get update && \\\r\n    # the compiler\r\n    apt-get install -y \\\r\n      'gcc' \\\r\n\r\n      make > /dev/null # end\r\n"
	f, s, err := last(t, src)
	if err != nil {
		t.Fatal(err)
	}
	install := s.Commands()[1]
	if got := f.Text(install.Words[3].Span); got != "'gcc'" {
		t.Errorf("quoted word reads %q", got)
	}
	if got, want := f.Position(install.Words[4].Span.Start), (dockerfile.Position{Line: 7, Column: 7}); got != want {
		t.Errorf("make stands at %v, not %v", got, want)
	}
	if got := f.Text(install.Span); !strings.HasPrefix(got, "apt-get install") || !strings.HasSuffix(got, "> /dev/null") {
		t.Errorf("command reads %q", got)
	}
}

func TestHeredocSpans(t *testing.T) {
	f, s, err := last(t, "FROM x\nRUN <<-EOF\n\tone\n\t\ttwo 'three'\n\tEOF\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Text(s.Commands()[1].Span); got != "two 'three'" {
		t.Errorf("command reads %q", got)
	}
}

func TestArgv(t *testing.T) {
	tests := []struct {
		cmd  string
		want string // Quote of the argv; "" for not simple
	}{
		{`python app.py`, "python app.py"},
		{`exec gunicorn -b '0.0.0.0:80' "a b"`, "gunicorn -b 0.0.0.0:80 'a b'"},
		{`exec -a x y`, ""},
		{`exec`, ""},
		{`python app.py # start`, "python app.py"},
		{`python app.py;`, "python app.py"},
		{`python app.py &`, ""},
		{`! python app.py`, ""},
		{`a && b`, ""},
		{`a | b`, ""},
		{`(a)`, ""},
		{`A=1 b`, ""},
		{`a $B`, ""},
		{`a *.py`, ""},
		{`a x[y]`, ""},
		{`a ~/b`, ""},
		{`a > b`, ""},
		{`a $(b)`, ""},
		{`cd /app`, ""},
		{`. ./env`, ""},
		{`["a", "$b"]`, "a '$b'"},
		{`["exec", "b"]`, "exec b"},
	}
	for _, tt := range tests {
		_, s, err := last(t, "FROM x\nCMD "+tt.cmd)
		if err != nil {
			t.Fatal(err)
		}
		if got := Quote(s.Argv()); got != tt.want {
			t.Errorf("CMD %s: got %q, want %q", tt.cmd, got, tt.want)
		}
		if s.Simple() != (tt.want != "") {
			t.Errorf("CMD %s: Simple is %v", tt.cmd, s.Simple())
		}
	}
}

func TestErrors(t *testing.T) {
	tests := []struct {
		name, src string
		is        error
		says      string
	}{
		{"powershell", "SHELL [\"powershell\", \"-Command\"]\nRUN Get-Item", ErrNotPOSIX, "powershell -Command"},
		{"cmd.exe", "SHELL [\"cmd\", \"/S\", \"/C\"]\nRUN dir", ErrNotPOSIX, "line 3"},
		{"python heredoc", "RUN <<EOF\n#!/usr/bin/python3\nprint()\nEOF", ErrNotPOSIX, "python3"},
		{"no healthcheck", "HEALTHCHECK NONE", ErrNoCommand, "HEALTHCHECK"},
		{"nothing to run", "CMD []", ErrNoCommand, "CMD"},
		{"another instruction", "USER x", ErrNoCommand, "USER"},
		{"syntax", "RUN a && \\\n  if x", nil, "3:3: "},
		{"too long", "RUN true" + strings.Repeat(" \\\n"+strings.Repeat("x", 1000), 70), nil, "not read"},
	}
	for _, tt := range tests {
		_, _, err := last(t, "FROM x\n"+tt.src)
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

// The parser descends for every one of these; the bound on the text keeps
// the stack in bounds.
func TestDeepNesting(t *testing.T) {
	for _, unit := range []string{"(", "{ ", "if ", "while ", "! ", "$(", "\"$(", "`", "a | ", "a && ", "[[ ! ", "$((-", "${a:-", "f() ", "case x in a) ", "time "} {
		text := strings.Repeat(unit, maxScript/len(unit))
		for _, shell := range []string{"/bin/sh", "/bin/bash"} {
			var src strings.Builder
			src.WriteString("FROM x\nSHELL [\"" + shell + "\", \"-c\"]\nRUN ")
			for len(text) > 60000 {
				src.WriteString(text[:60000] + "\\\n")
				text = text[60000:]
			}
			src.WriteString(text + "x\n")
			f, _ := dockerfile.Parse("Dockerfile", []byte(src.String()))
			_, _ = Parse(f, f.Instructions[len(f.Instructions)-1])
		}
	}
}

func TestCalls(t *testing.T) {
	tests := []struct {
		run, name, flags, operands string
		sudo                       bool
	}{
		{"apt-get install -y --no-install-recommends curl git=1", "apt-get", "-y --no-install-recommends", "install curl git=1", false},
		{"sudo -E DEBIAN_FRONTEND=noninteractive /usr/bin/apt-get -o A=b install x", "apt-get", "-o", "install x", true},
		{"env -i A=1 B=2 nice -n 5 make -j4 all", "make", "-j4", "all", false},
		{"timeout -s KILL 30 pip install -r requirements.txt .", "pip", "-r", "install .", false},
		{"exec gosu app python -m http.server", "python", "-m", "http.server", false},
		{"A=1 npm ci -- --x", "npm", "", "ci --x", false},
		{"sudo", "sudo", "", "", false},
	}
	text := func(words []Word) string {
		var list []string
		for _, w := range words {
			list = append(list, w.Text)
		}
		return strings.Join(list, " ")
	}
	for _, tt := range tests {
		_, s, err := last(t, "FROM x\nRUN "+tt.run)
		if err != nil {
			t.Fatal(err)
		}
		call, ok := s.Commands()[0].Call()
		if !ok || call.Name != tt.name || text(call.Flags()) != tt.flags || text(call.Operands()) != tt.operands || call.Sudo != tt.sudo {
			t.Errorf("%s: got %q, flags %q, operands %q, sudo %v", tt.run, call.Name, text(call.Flags()), text(call.Operands()), call.Sudo)
		}
	}
}

func TestFind(t *testing.T) {
	_, s, err := last(t, "FROM x\nRUN apt-get update && sudo apt-get -qy install a b && $APT install c && echo apt-get install d")
	if err != nil {
		t.Fatal(err)
	}
	found := s.Find("apt-get", "install")
	if len(found) != 1 || len(found[0].Packages()) != 2 || found[0].Packages()[1].Text != "b" {
		t.Fatalf("got %+v", found)
	}
	if !found[0].HasFlag("-y", "--yes") || found[0].HasFlag("-x") || found[0].HasFlag("--yes") {
		t.Error("flags are misread")
	}
}

func TestExecForm(t *testing.T) {
	argv := []string{"sh", "-c", `echo "<a>" \ && b`, "é\n"}
	const want = `["sh", "-c", "echo \"<a>\" \\ && b", "é\n"]`
	if got := ExecForm(argv); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, s, err := last(t, "FROM x\nCMD "+ExecForm(argv))
	if err != nil || Quote(s.Argv()) != Quote(argv) {
		t.Errorf("read back as %q, %v", s.Argv(), err)
	}
}

// What Quote writes reads back as the same argv.
func TestQuoteReadsBack(t *testing.T) {
	for _, argv := range [][]string{{"a"}, {"a", ""}, {"it's", "a b", "$x", "`y`", "*", "~", "#", "a=b", "{a,b}", `\`, "\"", "!", "&"}} {
		_, s, err := last(t, "FROM x\nRUN "+Quote(argv))
		if err != nil || fmt.Sprintf("%q", s.Argv()) != fmt.Sprintf("%q", argv) {
			t.Errorf("%q reads back as %q, %v", argv, s.Argv(), err)
		}
	}
}

func TestCorpus(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_CORPUS")
	if dir == "" {
		t.Skip("PLIMSOLL_CORPUS does not name a folder of Dockerfiles")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.Dockerfile"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	scripts, commands, foreign := 0, 0, 0
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := dockerfile.Parse(filepath.Base(path), src)
		for _, inst := range f.Instructions {
			s, err := Parse(f, inst)
			switch {
			case errors.Is(err, ErrNoCommand):
			case errors.Is(err, ErrNotPOSIX):
				foreign++
			case err != nil:
				t.Logf("%s: %v", filepath.Base(path), err)
			default:
				scripts++
				commands += len(s.Commands())
				if err := placed(f, s); err != nil {
					t.Errorf("%s:%d: %v", filepath.Base(path), f.Position(inst.Span.Start).Line, err)
				}
			}
		}
	}
	t.Logf("%d files, %d scripts with %d commands, %d of other shells", len(paths), scripts, commands, foreign)
}
