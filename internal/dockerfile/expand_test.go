package dockerfile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

var expansions = []string{
	"", "plain", "$A", "${A}", "x${A}y$B", "$$", "$", "${", "${}", "${:}", "${{A}}", "${A", "$1 $12 $@ $# $?", "${#A}", "${0}",
	"${X:-y}", "${X-y}", "${A:-y}", "${E:-y}", "${E-y}", "${A:+y}", "${X:+y}", "${E:+y}", "${E+y}", "${X:?}", "${X:?gone}", "${E:?}", "${E?}", "${A:?}", "${X?gone}",
	"${X:-${Y:-z}}", "${X:-$A}", "${X:-\"a b\"}", "${X:-'}'}", "${X:-\\}}", "${X:-a", "${A:-", "${A:=x}", "${A=x}", "${A^^}", "${A,,}", "${A:1}", "${A@Q}", "${A:#a}",
	"${P#/}", "${P#*/}", "${P##*/}", "${P%/*}", "${P%%/*}", "${P%.*}", "${P#?}", "${P%?}", "${P#x}", "${P#\\*}", "${P%\\", "${P#a\\b}", "${P#'*'/}", "${P#\"*\"}", "${P%\"\\\\\"}", "${P%[a-z]}", "${P#/usr(}",
	"${P/usr/opt}", "${P//s/S}", "${P//\\//-}", "${P/u*/x}", "${P/u?r/$A}", "${P//r/$1}", "${P/x}", "${P/x/y", "${P//}", "${P///}", "${P/ /}",
	`"$A"`, `'$A'`, `\$A`, `"\$A"`, `"\a"`, `'\a'`, `\\`, `"\\"`, `"a`, `'a`, `a\`, `"a\`, "a  b\tc", "<", "<<", "<<<", "<< x", "<a",
	"`$A", "`a``b`", "$A$A", "é$A", "$é", "${é}", "${A-${B-${P}}}", "\"${X:-\"q\"}\"", "${X:-a b}", "${P+'a' \"b\"}",
}

var variables = map[string]string{"A": "one two", "B": "b", "E": "", "P": "/usr/lo*al/a.tar.gz", "Q": `\q"`}

func lookup(name string) (string, bool) {
	v, ok := variables[name]
	return v, ok
}

type envs struct{}

func (envs) Get(name string) (string, bool) { return lookup(name) }
func (envs) Keys() []string                 { return nil }

// sameAsBuildKit holds an expansion against BuildKit's, unset variables
// dropped and kept.
func sameAsBuildKit(text string, escape byte) error {
	for _, keep := range []bool{false, true} {
		lex := shell.NewLex(rune(escape))
		lex.SkipUnsetEnv = keep
		want, _, wantErr := lex.ProcessWord(text, envs{})
		expand := Expand
		if keep {
			expand = ExpandKnown
		}
		got, err := expand(text, escape, lookup)
		if (err != nil) != (wantErr != nil) || err == nil && got != want {
			return fmt.Errorf("%q, escape %c, unset kept %v: got %q, %v; BuildKit has %q, %v", text, escape, keep, got, err, want, wantErr)
		}
	}
	return nil
}

func TestExpandAgreesWithBuildKit(t *testing.T) {
	for _, text := range expansions {
		for _, escape := range []byte("\\`") {
			if err := sameAsBuildKit(text, escape); err != nil {
				t.Error(err)
			}
		}
	}
	t.Logf("%d texts", len(expansions))
}

func TestExpandIsBounded(t *testing.T) {
	big := func(string) (string, bool) { return strings.Repeat("x", 60000), true }
	for name, text := range map[string]string{
		"many":        strings.Repeat("$A", 30000),
		"in quotes":   `"` + strings.Repeat("$A", 30000) + `"`,
		"replacement": "${A//x/" + strings.Repeat("y", 1000) + "}",
		"nested":      strings.Repeat("${A:+", 30000),
	} {
		if got, err := Expand(text, '\\', big); err == nil {
			t.Errorf("%s: %d bytes and no error", name, len(got))
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, text := range expansions {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, backtick bool) {
		escape := byte('\\')
		if backtick {
			escape = '`'
		}
		if !judged([]byte(text)) || len(text) > 1000 {
			_, _ = Expand(text, escape, lookup)
			return
		}
		if err := sameAsBuildKit(text, escape); err != nil {
			t.Fatal(err)
		}
	})
}
