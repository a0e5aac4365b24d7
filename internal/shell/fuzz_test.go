package shell

import (
	"testing"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
)

// FuzzShell: whatever stands behind RUN, nothing panics, every word lies in
// its command, and what Argv gives survives being written and read again.
func FuzzShell(f *testing.F) {
	for _, seed := range []string{
		"a && b || c; d | e &", "(a; b) > x", "if a; then b; fi", "for x in $(y); do z; done",
		"A=1 b 'c d' \"$e\"", "a \\\n # c\n && b", "<<EOF\na b\nEOF", "cat <<-'X' | y\n\tz\n\tX", "[[ a ]] && ((b))",
		"f() { a; }", "case x in a) b;; esac", "a \\\r\n b", "é 'ü' \\ü", "export A=$B", "a `b`", "!", "$'\\n'",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, _ := dockerfile.Parse("Dockerfile", []byte("FROM x\nRUN "+text))
		for _, inst := range file.Instructions {
			s, err := Parse(file, inst)
			if err != nil {
				continue
			}
			if err := placed(file, s); err != nil {
				t.Fatal(err)
			}
			readBack(t, s.Argv())
		}
	})
}

func readBack(t *testing.T, argv []string) {
	if argv == nil {
		return
	}
	src := "FROM x\nSHELL [\"/bin/sh\", \"-c\"]\nENTRYPOINT " + ExecForm(argv) + "\n"
	file, err := dockerfile.Parse("Dockerfile", []byte(src))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	s, err := Parse(file, file.Instructions[2])
	if err != nil || len(s.Argv()) != len(argv) {
		t.Fatalf("%q reads back as %v, %v", argv, s, err)
	}
}
