package secret

import (
	"path"
	"strings"
	"testing"
)

// What is told quickly must be what path.Match says.
func TestNamesAreMatchedAsByPathMatch(t *testing.T) {
	var patterns, subjects []string
	for _, kind := range fileKinds() {
		patterns = append(append(patterns, kind.names...), kind.but...)
	}
	for _, p := range append(patterns, "a[bc]d*", "*[.]key", `\*x`, "?ey", "*.k?y") {
		for _, s := range []string{p, "x" + p, p + "x", strings.NewReplacer("*", "mid", "?", "k", "[bc]", "b", `\`, "").Replace(p), "", ".", "id", ".env.local", "a/b"} {
			subjects = append(subjects, s)
		}
	}
	for _, p := range namePatterns(append(patterns, "a[bc]d*", "*[.]key", `\*x`, "?ey", "*.k?y")) {
		for _, s := range subjects {
			if want, _ := path.Match(p.text, s); want != p.matches(s) && s != "" {
				t.Errorf("%q matches %q: %v", p.text, s, want)
			}
		}
	}
}
