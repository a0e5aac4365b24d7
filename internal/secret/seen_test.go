package secret

import (
	"strings"
	"testing"
)

// scanned is what is found in a file by a scan with a memory, and whether it was searched for that.
func scanned(seen *Seen, path, text string) (rules string, remembered bool) {
	s := NewFileScan(seen)
	s.Begin(path, int64(len(text)))
	s.Write([]byte(text))
	_, matches := s.End()
	for _, m := range matches {
		rules += m.Rule + " "
	}
	return strings.TrimSpace(rules), s.remembered
}

// TestSeen holds that the same content gives the same findings without a
// second search, unless the path matters to a rule.
func TestSeen(t *testing.T) {
	text := strings.Repeat("a line of text\n", 400) + "token = \"ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a\"\n" +
		"kind: Secret\ndata:\n  password: aGVsbG8gd29ybGQgaG93IGFyZSB5b3U=\n"
	seen := NewSeen()
	for _, c := range []struct {
		path, text, want string
		remembered       bool
	}{
		{"app/a.txt", text, "github-pat generic-api-key", false},
		{"app/a.txt", text, "github-pat generic-api-key", true},
		{"app/b.txt", text, "github-pat generic-api-key", true},
		{"app/a.yaml", text, "github-pat kubernetes-secret-yaml", false}, // a rule for such paths alone
		{"app/node_modules/a.txt", text, "", false},                      // on the global allowlist: not searched at all
		{"app/a.txt", text + "\n", "github-pat generic-api-key", false},
		{"app/a.txt", strings.Repeat("nothing\n", 1000), "", false},
		{"app/c.txt", strings.Repeat("nothing\n", 1000), "", true},
	} {
		got, remembered := scanned(seen, c.path, c.text)
		if got != c.want || remembered != c.remembered {
			t.Errorf("%s: found %q (remembered: %v), want %q (%v)", c.path, got, remembered, c.want, c.remembered)
		}
	}
}
