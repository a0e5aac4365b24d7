package buildctx

import "testing"

// Patterns that are told by their ending alone match what the library says they do.
func TestEndingsAreMatchedAsByTheLibrary(t *testing.T) {
	endings := 0
	for _, text := range []string{"**/*.log", "!**/*.log", "**/*~", "**/*", "**/*.*", "**/*.[ch]", "*.log", "a/**/*.log", "**/*/x.log", `**/*\.log`, "**/*.lög", "**/.log"} {
		set, err := compile([]string{text})
		if err != nil {
			t.Fatal(err)
		}
		p := set.patterns[0]
		if p.ending {
			endings++
		}
		for _, path := range []string{"x.log", ".log", "a/x.log", "a/b/.log", "x.logs", "log", "x.log/y", "a\nb/x.log", "x\n.log", "x~", "a/~", "x.lög", "x.c", "", "a/x/x.log"} {
			got, err1 := p.matches(path)
			want, err2 := p.ask(path)
			if got != want || err1 != nil || err2 != nil {
				t.Errorf("%q on %q: %v, the library says %v (%v, %v)", text, path, got, want, err1, err2)
			}
		}
	}
	if endings != 4 {
		t.Errorf("%d patterns are told by their ending, want 4", endings)
	}
}
