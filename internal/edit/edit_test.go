package edit

import (
	"strings"
	"testing"
)

func TestApply(t *testing.T) {
	const src = "one two three"
	tests := []struct {
		name  string
		edits []Edit
		want  string
		fails string
	}{
		{name: "nothing", want: src},
		{name: "replace", edits: []Edit{{Start: 4, End: 7, New: "2"}}, want: "one 2 three"},
		{name: "any order", edits: []Edit{{Start: 8, End: 13, New: "3"}, {Start: 0, End: 3, New: "1"}}, want: "1 two 3"},
		{name: "insertions keep their order", edits: []Edit{{Start: 3, End: 3, New: "a"}, {Start: 3, End: 3, New: "b"}}, want: "oneab two three"},
		{name: "what goes on with a line first", edits: []Edit{{Start: 13, End: 13, New: "\nfour"}, {Start: 13, End: 13, New: " and"}, {Start: 13, End: 13, New: " more"}}, want: "one two three and more\nfour"},
		{name: "insertion before a replacement", edits: []Edit{{Start: 4, End: 7, New: "2"}, {Start: 4, End: 4, New: "<"}}, want: "one <2 three"},
		{name: "insertion after a replacement", edits: []Edit{{Start: 7, End: 7, New: ">"}, {Start: 4, End: 7, New: "2"}}, want: "one 2> three"},
		{name: "adjoining", edits: []Edit{{Start: 0, End: 4}, {Start: 4, End: 8}}, want: "three"},
		{name: "at both ends", edits: []Edit{{New: "^"}, {Start: 13, End: 13, New: "$"}}, want: "^one two three$"},
		{name: "overlap", edits: []Edit{{Start: 0, End: 5}, {Start: 4, End: 8}}, fails: "overlaps"},
		{name: "the same range twice", edits: []Edit{{Start: 0, End: 5, New: "a"}, {Start: 0, End: 5, New: "a"}}, fails: "overlaps"},
		{name: "inside", edits: []Edit{{Start: 0, End: 5}, {Start: 2, End: 2, New: "x"}}, fails: "overlaps"},
		{name: "past the end", edits: []Edit{{Start: 10, End: 14}}, fails: "outside"},
		{name: "before the start", edits: []Edit{{Start: -1, End: 2}}, fails: "outside"},
		{name: "turned round", edits: []Edit{{Start: 5, End: 2}}, fails: "outside"},
		{name: "two files", edits: []Edit{{File: "a"}, {File: "b"}}, fails: "a and b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Apply([]byte(src), tt.edits)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Fatalf("got %q, %v; want an error about %q", got, err, tt.fails)
				}
				return
			}
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// Two edits overlap exactly when Apply refuses them.
func TestOverlapsIsWhatApplyRefuses(t *testing.T) {
	const size = 5
	var all []Edit
	for start := range size + 1 {
		for end := start; end <= size; end++ {
			all = append(all, Edit{Start: start, End: end, New: "x"})
		}
	}
	src := []byte(strings.Repeat("-", size))
	for _, a := range all {
		for _, b := range all {
			_, err := Apply(src, []Edit{a, b})
			if a.Overlaps(b) != (err != nil) {
				t.Errorf("%v and %v: Overlaps says %v, Apply says %v", a, b, a.Overlaps(b), err)
			}
		}
	}
}

func TestByFile(t *testing.T) {
	got := ByFile([]Edit{{File: "a", New: "1"}, {File: "b", New: "2"}, {File: "a", New: "3"}})
	if len(got) != 2 || len(got["a"]) != 2 || got["a"][1].New != "3" {
		t.Errorf("got %v", got)
	}
}

func TestUnified(t *testing.T) {
	tests := []struct{ name, oldName, newName, old, new, want string }{
		{"equal", "a/x", "b/x", "one\n", "one\n", ""},
		{"changed", "a/x", "b/x", "one\ntwo\n", "one\n2\n", "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n"},
		{"created", "", "b/x", "", "one\n", "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+one\n"},
		{"no last newline", "a/x", "b/x", "one", "one\n", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n\\ No newline at end of file\n+one\n"},
	}
	for _, tt := range tests {
		if got := Unified(tt.oldName, tt.newName, tt.old, tt.new); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}
