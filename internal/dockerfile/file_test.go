package dockerfile

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func must(t *testing.T, src string) *File {
	t.Helper()
	f, err := Parse("Dockerfile", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func placedTexts(f *File, words []Word) string {
	var list []string
	for _, w := range words {
		list = append(list, w.Text+"="+f.Text(w.Span))
	}
	return strings.Join(list, " ")
}

func TestWordsHaveTheirPlace(t *testing.T) {
	f := must(t, "FROM a\nCOPY --from=b \\\n  # from b\n  --chown=\"1:1\" x\\\ny \\\n\n  /z/\nCMD [\"p\", \\\n \"q\\\"\"]\n")
	i := f.Instructions[1]
	if got, want := placedTexts(f, i.Args), "xy=x\\\ny /z/=/z/"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	chown, _ := i.Flag("chown")
	if chown.Value != "1:1" || f.Text(chown.Span) != `--chown="1:1"` || f.Text(chown.ValueSpan) != `"1:1"` {
		t.Errorf("flag reads %+v", chown)
	}
	if len(i.Comments) != 1 || i.Comments[0].Text != "# from b" || len(f.Comments) != 1 {
		t.Errorf("comments are %v", i.Comments)
	}
	if i.Dest().Text != "/z/" || len(i.Sources()) != 1 {
		t.Errorf("copies %v to %v", i.Sources(), i.Dest())
	}
	cmd := f.Instructions[2]
	if got, want := placedTexts(f, cmd.Args), `p="p" q"="q\""`; !cmd.JSON || got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPairs(t *testing.T) {
	tests := []struct{ src, want string }{
		{`ENV A=1 B="2 3" C=4\ 5 D='$x' E=`, `A[A]:1[1] B[B]:2 3["2 3"] C[C]:4 5[4\ 5] D[D]:$x['$x'] E[E]:[]`},
		{`ENV A b "c d"`, `A[A]:b c d[b "c d"]`},
		{"ENV A=1 \\\n  # why\n  B=2\\\n3", "A[A]:1[1] B[B]:23[2\\\n3]"},
		{`LABEL "a.b"=c d=e`, `a.b["a.b"]:c[c] d[d]:e[e]`},
		{`ARG A`, `A[A]`},
		{`ARG A B=1`, `A[A] B[B]:1[1]`},
		{`RUN A=1`, ``},
	}
	for _, tt := range tests {
		f := must(t, "FROM x\n"+tt.src)
		var got []string
		for _, p := range f.Instructions[1].Pairs() {
			s := p.Name + "[" + f.Text(p.NameSpan) + "]"
			if p.HasValue {
				s += ":" + p.Value + "[" + f.Text(p.ValueSpan) + "]"
			}
			got = append(got, s)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.src, strings.Join(got, " "), tt.want)
		}
	}
}

func TestHeredocParts(t *testing.T) {
	f := must(t, "FROM a\nCOPY <<A <<-\"B\" c /d/\n1\nA\n\t\t2\n\tB\n")
	h := f.Instructions[1].Heredocs
	if len(h) != 2 || h[0].Name != "A" || !h[0].Expand || h[1].Expand || !h[1].Chomp {
		t.Fatalf("got %+v", h)
	}
	if f.Text(h[1].Intro) != `<<-"B"` || f.Text(h[1].Body) != "\t\t2\n" || f.Content(h[1]) != "2\n" || f.Text(h[1].End) != "\tB" {
		t.Errorf("second reads %q %q %q", f.Text(h[1].Intro), f.Text(h[1].Body), f.Text(h[1].End))
	}
	if s := f.Instructions[1].Sources(); len(s) != 1 || s[0].Text != "c" {
		t.Errorf("sources are %v", s)
	}
}

func TestLinesAndBlocks(t *testing.T) {
	f := must(t, "# syntax=x\n# far\n\n# near\n#\n# nearest\nFROM a\r\nRUN b \\\r\n  c\n# next\nCMD d")
	from, run, cmd := f.Instructions[0], f.Instructions[1], f.Instructions[2]
	tests := []struct {
		name string
		span Span
		want string
	}{
		{"block with comments", f.Block(from), "# near\n#\n# nearest\nFROM a\r\n"},
		{"block of several lines", f.Block(run), "RUN b \\\r\n  c\n"},
		{"block without a last line end", f.Block(cmd), "# next\nCMD d"},
		{"lines", f.Lines(run.Span), "RUN b \\\r\n  c\n"},
		{"lines of lines", f.Lines(f.Lines(run.Span)), "RUN b \\\r\n  c\n"},
		{"lines of a place", f.Lines(Span{cmd.Span.Start, cmd.Span.Start}), "CMD d"},
		{"line", f.Line(7), "FROM a"},
		{"no line", f.Line(99), ""},
		{"out of bounds", Span{-5, 3}, "# s"},
		{"turned round", Span{5, 3}, ""},
	}
	for _, tt := range tests {
		if got := f.Text(tt.span); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	if p := f.Position(run.Args[0].Span.Start); p != (Position{8, 5}) {
		t.Errorf("got %v", p)
	}
	if f.LineCount() != 11 || f.Newline() != "\n" || must(t, "FROM a\r\n").Newline() != "\r\n" {
		t.Error("lines or their ends are miscounted")
	}
}

func TestStages(t *testing.T) {
	f := must(t, `ARG V=3.11
ARG OS
FROM --platform=linux/amd64 python:${V}-slim$OS AS Build
FROM scratch AS tools
FROM build
COPY --from=tools /a /b
COPY --from=0 /a /b
COPY --from=nginx /a /b
RUN --mount=type=bind,from=tools,target=/t --mount=type=cache,target=/c x
FROM build AS build
`)
	if len(f.Stages) != 4 || len(f.GlobalArgs) != 2 || f.Final() != f.Stages[3] || f.StageNamed("BUILD") != f.Stages[3] {
		t.Fatalf("got %d stages", len(f.Stages))
	}
	if got := f.BaseOf(f.Stages[0]); got != "python:3.11-slim$OS" {
		t.Errorf("base is %q", got)
	}
	third := f.Stages[2]
	if third.Parent != f.Stages[0] || len(third.Uses) != 2 || third.Uses[1] != f.Stages[1] {
		t.Errorf("third builds on %v and uses %v", third.Parent, third.Uses)
	}
	if f.Stages[3].Parent != f.Stages[0] {
		t.Error("a stage builds on itself")
	}
	if f.Stages[0].Name != "build" || f.Stages[0].Platform != "linux/amd64" || f.Text(f.Stages[0].BaseSpan) != "python:${V}-slim$OS" {
		t.Errorf("first is %+v", f.Stages[0])
	}
	if m := third.Instructions[3].Mounts(); len(m) != 2 || m[0].From != "tools" || m[1].Type != "cache" || m[1].Target != "/c" {
		t.Errorf("mounts are %+v", m)
	}
}

func TestState(t *testing.T) {
	f := must(t, `ARG G=global
FROM x AS one
ARG G
ARG L=$G-local
ARG UNSET
ENV A=1 B=$A
ENV B=$A:$B:$PATH:$UNSET A=2
WORKDIR app
WORKDIR $L
USER app
SHELL ["/bin/bash", "-c"]
ENTRYPOINT ["e"]
CMD ["c"]
LABEL l=$A
EXPOSE 80 $A
EXPOSE 80
VOLUME /v
FROM one
ENV G=$G L=$L
USER 1000:1000
ENTRYPOINT ["f"]
HEALTHCHECK CMD x
STOPSIGNAL SIGINT
WORKDIR ../y
`)
	one := f.EndState(f.Stages[0])
	b, _ := one.EnvVar("B")
	if b.Value != "1:$A:$PATH:$UNSET" || b.By.Index != 6 {
		t.Errorf("B is %q by %d", b.Value, b.By.Index)
	}
	if l, _ := one.Arg("L"); l.Value != "global-local" {
		t.Errorf("L is %q", l.Value)
	}
	if one.Workdir != "/app/global-local" || one.User != "app" || one.Shell[0] != "/bin/bash" || one.Cmd == nil {
		t.Errorf("first stage ends with %+v", one)
	}
	if len(one.Expose) != 2 || one.Expose[1].Text != "2" || one.Expose[0].By.Index != 15 || len(one.Volumes) != 1 {
		t.Errorf("exposes %+v", one.Expose)
	}
	two := f.EndState(f.Final())
	g, _ := two.EnvVar("G")
	if g.Value != "$G" || len(two.Args) != 0 {
		t.Errorf("an argument of another stage is seen: G is %q", g.Value)
	}
	if two.Cmd != nil || two.Entrypoint.Index != 20 || two.User != "1000:1000" || two.Workdir != "/app/y" || two.Healthcheck == nil || two.StopSignal != "SIGINT" {
		t.Errorf("second stage ends with %+v", two)
	}
	if label, ok := two.Label("l"); !ok || label.Value != "2" {
		t.Errorf("label is %+v", label)
	}
	if before := f.StateBefore(f.Final().Instructions[1]); before.User != "app" || before.Cmd == nil {
		t.Errorf("USER is seen before it is set: %+v", before)
	}
	if global := f.StateBefore(f.Stages[0].From); len(global.Args) != 1 {
		t.Errorf("global arguments are %v", global.Args)
	}
}

// A variable may hold another several times over, line after line.
func TestStateIsBounded(t *testing.T) {
	src := "FROM x\nENV A=" + strings.Repeat("x", 1000) + "\n" + strings.Repeat("ENV A=$A$A$A$A\n", 100)
	state := must(t, src).EndState(must(t, src).Final())
	if a, _ := state.EnvVar("A"); len(a.Value) > 2*maxExpanded {
		t.Errorf("A has %d bytes", len(a.Value))
	}
}

func TestIgnored(t *testing.T) {
	f := must(t, `# check=skip=JSONArgsRecommended,StageNameCasing;error=true
# plimsoll global ignore=size/heavy-base, no-healthcheck
FROM a
# plimsoll ignore=root-user,cache/update-apart because it is a test
# check=skip=DuplicateStageName
RUN b
# plimsoll global ignore=shell-form

RUN c
`)
	run, other := f.Instructions[1], f.Instructions[2]
	tests := []struct {
		rule string
		inst *Instruction
		want bool
	}{
		{"size/heavy-base", nil, true},
		{"size/heavy-base", run, true},
		{"runtime/no-healthcheck", other, true},
		{"security/root-user", run, true},
		{"security/root-user", other, false},
		{"security/root-user", nil, false},
		{"cache/update-apart", run, true},
		{"size/update-apart", run, false},
		{"runtime/because", run, false},
		{"runtime/shell-form", other, false},
		{"build/StageNameCasing", nil, true},
		{"build/DuplicateStageName", run, true},
		{"build/DuplicateStageName", other, false},
		{"size/StageNameCasing", nil, false},
	}
	for _, tt := range tests {
		if got := f.Ignored(tt.rule, tt.inst); got != tt.want {
			t.Errorf("%s at %v: got %v", tt.rule, tt.inst, got)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	tests := []struct{ src, want string }{
		{"", "Dockerfile:1:1: the file has no instructions: start it with FROM and a base image"},
		{"FROM a\n  RUNN b\n", `Dockerfile:2:3: unknown instruction "RUNN": did you mean RUN?`},
		{"FROM a\nRUN b\n && c\n", `Dockerfile:3:2: unknown instruction "&&": if it belongs to the instruction above, that line must end with \`},
		{"FROM a\nCOPY --form=b c d\n", "Dockerfile:2:6: COPY has no flag --form: did you mean from?"},
		{"FROM a\nRUN <<EOF\nb\n", `Dockerfile:2:5: heredoc "EOF" is not terminated: end it with a line that holds EOF alone`},
		{"FROM a\nENV A=1 \\\n B\n", `Dockerfile:3:2: ENV has "B" where NAME=value is wanted: quote a value that has blanks in it`},
		{"RUN a\n", "Dockerfile:1:1: RUN before the first FROM: only ARG may stand there; start the stage with FROM and a base image"},
		{"ARG A\n", "Dockerfile:1:1: the file has no FROM: add FROM and a base image"},
		{"FROM\n", "Dockerfile:1:1: FROM takes a base image, or a base image, AS and a name: write FROM image AS name"},
	}
	for _, tt := range tests {
		f, err := Parse("Dockerfile", []byte(tt.src))
		var syntax *SyntaxError
		if f == nil || !errors.As(err, &syntax) || err.Error() != tt.want {
			t.Errorf("%q:\n got %v\nwant %s", tt.src, err, tt.want)
		}
	}
}

func TestScript(t *testing.T) {
	tests := []struct{ src, want string }{
		{"RUN a \\\n # b\n  c", "a   c"},
		{"RUN <<-EOF\n\ta\n\tEOF", "a\n"},
		{"RUN cat <<A <<-B | x\n1\nA\n\t2\n\tB", "cat <<A <<-B | x\n1\nA\n\t2\nB"},
		{"RUN [\"a\"]", ""},
		{"HEALTHCHECK CMD a  b", "a  b"},
	}
	for _, tt := range tests {
		f := must(t, "FROM x\n"+tt.src)
		i := f.Instructions[1]
		if i.Inner != nil {
			i = i.Inner
		}
		got := f.Script(i)
		if got.Text != tt.want {
			t.Errorf("%q: got %q, want %q", tt.src, got.Text, tt.want)
		}
		for n := range got.Text {
			if at := got.Offset(n); f.Source[at] != got.Text[n] {
				t.Errorf("%q: byte %d is %q, and %q in the source at %d", tt.src, n, got.Text[n], f.Source[at], at)
			}
		}
	}
}

func TestDidYouMean(t *testing.T) {
	for word, want := range map[string]string{"FORM": "FROM", "ENTRYPONT": "ENTRYPOINT", "XYZZY": "", "COPYY": "COPY"} {
		hint := didYouMean(word, Keywords())
		if want != "" {
			want = fmt.Sprintf("did you mean %s?", want)
		}
		if hint != want {
			t.Errorf("%s: got %q, want %q", word, hint, want)
		}
	}
}

// Time and memory stay in proportion to the source.
func TestLargeSources(t *testing.T) {
	const n = 100_000
	for name, src := range map[string]string{
		"pairs":        "FROM x\nENV" + strings.Repeat(" \\\nA=b", n),
		"names":        "FROM x\nENV" + strings.Repeat(" \\\n"+strings.Repeat("AB=b ", 100), n/100),
		"instructions": "FROM x\n" + strings.Repeat("ENV A=b\n", n/10),
		"heredocs":     "FROM x\nRUN" + strings.Repeat(" \\\n<<A", n) + "\n" + strings.Repeat("A\n", n),
		"json":         "FROM x\nCMD [\"a\"" + strings.Repeat(",\\\n\"a\"", n) + "]",
		"comments":     "FROM x\nRUN a \\\n" + strings.Repeat("# b\n", n) + "c",
		"stages":       strings.Repeat("FROM x AS y\n", n/100),
	} {
		f, err := Parse("Dockerfile", []byte(src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		f.EndState(f.Final())
		for _, i := range f.Instructions[len(f.Instructions)-1:] {
			i.Pairs()
			f.Script(i)
		}
	}
}
