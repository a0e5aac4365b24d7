package dockerfile

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	bkparser "github.com/moby/buildkit/frontend/dockerfile/parser"
)

// place is an instruction as both parsers see it.
type place struct {
	keyword     string
	first, last int
	parts       string // flags, arguments and heredocs
}

// judge is what BuildKit makes of a source: the instructions, whatever its
// second stage thinks of them, and the error of either stage.
func judge(src []byte) (places []place, split, typed error) {
	result, err := bkparser.Parse(bytes.NewReader(src))
	if err != nil {
		return nil, err, nil
	}
	for _, n := range result.AST.Children {
		places = append(places, place{strings.ToUpper(n.Value), n.StartLine, n.EndLine, judgedParts(n)})
	}
	stages, _, err := instructions.Parse(result.AST, linter.New(&linter.Config{}))
	if err == nil && len(stages) == 0 {
		err = fmt.Errorf("no stages") // said by BuildKit's solver
	}
	return places, nil, err
}

// judgedParts are the flags, arguments and heredocs that BuildKit splits off.
func judgedParts(n *bkparser.Node) string {
	var args []string
	for a := n.Next; a != nil; a = a.Next {
		if len(a.Children) > 0 {
			return judgedParts(a.Children[0])
		}
		args = append(args, a.Value)
	}
	var heredocs []string
	for _, h := range n.Heredocs {
		heredocs = append(heredocs, fmt.Sprintf("%s %v %v %q", h.Name, h.Expand, h.Chomp, h.Content))
	}
	return fmt.Sprintf("%q %q %q %v", n.Flags, args, heredocs, n.Attributes["json"])
}

// ourParts puts ours the way that BuildKit has them.
func ourParts(f *File, i *Instruction) string {
	if i.Keyword == "ONBUILD" && i.Inner != nil {
		inner := *i.Inner
		inner.Heredocs = nil // BuildKit hangs them on ONBUILD
		if _, known := instructionSyntax[inner.Keyword]; !known {
			inner.Args = []Word{{}} // what ONBUILD triggers is only checked when it is triggered
		}
		return ourParts(f, &inner)
	}
	var flags, args, heredocs []string
	for _, g := range i.Flags {
		text := "--" + g.Name
		if g.HasValue {
			text += "=" + g.Value
		}
		flags = append(flags, text)
	}
	for _, w := range i.Args {
		args = append(args, w.Text)
	}
	if i.Keyword == "ENV" || i.Keyword == "LABEL" {
		args = judgedPairs(i)
	}
	for _, h := range i.Heredocs {
		heredocs = append(heredocs, fmt.Sprintf("%s %v %v %q", h.Name, h.Expand, h.Chomp, f.Text(h.Body)))
	}
	return fmt.Sprintf("%q %q %q %v", flags, args, heredocs, i.JSON)
}

// judgedPairs are name, value and separator of every pair.
func judgedPairs(i *Instruction) []string {
	var args []string
	for _, w := range i.Args {
		name, value, found := strings.Cut(w.Text, "=")
		if !found {
			return append(args, i.Args[0].Text, i.Args[len(i.Args)-1].Text, "")
		}
		args = append(args, name, value, "=")
	}
	return args
}

func ourPlaces(f *File) []place {
	var places []place
	for _, i := range f.Instructions {
		places = append(places, place{i.Keyword, f.Position(i.Span.Start).Line, f.Position(i.Span.End).Line, ourParts(f, i)})
	}
	return places
}

// agree holds a source against the judge.
func agree(src []byte) error {
	f, err := Parse("Dockerfile", src)
	if bad := lossless(f); bad != nil {
		return bad
	}
	if err != nil && err.(*SyntaxError).Line < 1 {
		return fmt.Errorf("error without a line: %v", err)
	}
	want, split, typed := judge(src)
	if split == nil {
		got := ourPlaces(f)
		if typed != nil { // BuildKit drops the arguments of what it does not know
			got, want = withoutParts(got), withoutParts(want)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("instructions differ:\n got %v\nwant %v", got, want)
		}
	}
	if rejected := split != nil || typed != nil; rejected != (err != nil) {
		return fmt.Errorf("BuildKit says %v, %v; we say %v", split, typed, err)
	}
	return nil
}

func withoutParts(places []place) []place {
	for n := range places {
		places[n].parts = ""
	}
	return places
}

// lossless checks that instructions are in order and in bounds, that what
// belongs to one lies inside, and that all concatenates to the source.
func lossless(f *File) error {
	var text strings.Builder
	at := 0
	for _, i := range f.Instructions {
		if i.Span.Start < at || i.Span.End < i.Span.Start || i.Span.End > len(f.Source) {
			return fmt.Errorf("instruction %d at %v after %d", i.Index, i.Span, at)
		}
		text.Write(f.Source[at:i.Span.Start])
		text.WriteString(f.Text(i.Span))
		at = i.Span.End
		if err := nested(f, i); err != nil {
			return err
		}
	}
	text.Write(f.Source[at:])
	if text.String() != string(f.Source) {
		return fmt.Errorf("parts do not concatenate to the source")
	}
	return nil
}

func nested(f *File, i *Instruction) error {
	spans := []Span{i.KeywordSpan, i.Rest}
	for _, w := range i.Args {
		spans = append(spans, w.Span)
	}
	for _, g := range i.Flags {
		spans = append(spans, g.Span, g.ValueSpan)
	}
	for _, h := range i.Heredocs {
		spans = append(spans, h.Intro, h.Body, h.End)
	}
	for _, c := range i.Comments {
		spans = append(spans, c.Span)
	}
	for _, p := range i.Pairs() {
		spans = append(spans, p.Span, p.NameSpan, p.ValueSpan)
	}
	if i.Inner != nil {
		spans = append(spans, i.Inner.Span)
	}
	for _, s := range spans {
		if s.Start < i.Span.Start || s.End > i.Span.End || s.Start > s.End {
			return fmt.Errorf("%s at %v has a part at %v", i.Keyword, i.Span, s)
		}
	}
	if i.Inner != nil {
		return nested(f, i.Inner)
	}
	return nil
}

func TestCorpusAgreesWithBuildKit(t *testing.T) {
	ran, accepted := 0, 0
	for _, path := range corpus(t) {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := agree(src); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
		ran++
		if _, split, typed := judge(src); split == nil && typed == nil {
			accepted++
		}
	}
	t.Logf("%d files: %d accepted by BuildKit, %d rejected", ran, accepted, ran-accepted)
	if ran == 0 {
		t.Error("the corpus is empty")
	}
}

func corpus(t testing.TB) []string {
	dir := os.Getenv("PLIMSOLL_CORPUS")
	if dir == "" {
		t.Skip("PLIMSOLL_CORPUS does not name a folder of Dockerfiles")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
