package python

import (
	"strings"
	"testing"
)

func TestNestsTooDeep(t *testing.T) {
	deep := strings.Repeat("a.", 100) + "b = 1\n"
	for text, want := range map[string]bool{
		deep: true,
		"[" + strings.TrimSpace(deep[:200]) + "b]\n": true,
		"x = " + strings.Repeat("[", 100):            true,
		"x = " + strings.Repeat("{a=", 100):          true,
		"x = \"\"\n" + deep:                          true,
		"x = \"\"\"a\\\"\"\"\"\"\n" + deep:           true, // a quote of its own, escaped and not, before the end
		"x = '''a'''''\n" + deep:                     true,
		"x = '\\'\n" + deep:                          true, // no escape
		"# it's\n" + deep:                            true,

		"":                                       false,
		"x = \"" + deep[:200] + "\"\n":           false,
		"x = '''\n" + deep + "'''\n":             false,
		"# " + deep:                              false,
		strings.Repeat("[a.b.c]\nd.e = 1\n", 99): false,
		"x = [" + strings.Repeat("1.5, [2.5],", 99) + "]": false,
	} {
		if got := nestsTooDeep(text); got != want {
			t.Errorf("%.40q: %v, want %v", text, got, want)
		}
	}
}
