package secret

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestFileScanIsOneText holds that a file which streams by in parts gives what
// the same text gives in one piece: the same findings on the same lines, each once.
func TestFileScanIsOneText(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 8))
	innocent := strings.Join(innocentTexts(t), "\n")
	for round := range 6 {
		var b strings.Builder
		planted := plantedSecrets(r)
		for b.Len() < 2*scanWindow+r.IntN(scanWindow) {
			at := r.IntN(len(innocent) - 100_000)
			b.WriteString(innocent[at : at+r.IntN(100_000)])
			fmt.Fprintf(&b, "\n%s\n", planted[r.IntN(len(planted))])
		}
		text := b.String()
		// One across the border between two windows, one at the very end.
		border := scanWindow - scanOverlap - r.IntN(30)
		text = text[:border] + "\ntoken = " + planted[0] + "\n" + text[border:] + planted[3]
		var want []string
		for _, m := range In("app/file.txt", []byte(text)) {
			want = append(want, fmt.Sprintf("%s:%d %s", m.Rule, m.Line, m.Hash))
		}
		s := NewFileScan(nil)
		s.Begin("app/file.txt", int64(len(text)))
		for rest := []byte(text); len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(200_000))
			s.Write(rest[:n])
			rest = rest[n:]
		}
		_, matches := s.End()
		var got []string
		for _, m := range matches {
			got = append(got, fmt.Sprintf("%s:%d %s", m.Rule, m.Line, m.Hash))
		}
		if !slices.Equal(got, want) {
			t.Errorf("round %d: %d findings in parts, %d in one piece: missed %q, extra %q", round, len(got), len(want), without(want, got), without(got, want))
		}
		if len(want) < 10 {
			t.Errorf("round %d: only %d findings", round, len(want))
		}
	}
}

func without(all, some []string) (rest []string) {
	for _, one := range all {
		if !slices.Contains(some, one) {
			rest = append(rest, one)
		}
	}
	return rest
}
