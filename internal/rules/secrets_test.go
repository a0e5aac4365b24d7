package rules_test

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll/plimsoll/internal/rewrite"
)

// A finding about a credential names the value to renderers, so that they hide it, and
// never shows it itself.
func TestCredentialsAreNotShown(t *testing.T) {
	values := 0
	for _, folder := range []string{"secret-in-run", "secret-in-env", "secret-in-arg", "empty-password"} {
		cases, err := filepath.Glob("testdata/" + folder + "/*.txtar")
		if err != nil || len(cases) == 0 {
			t.Fatalf("no cases of %s: %v", folder, err)
		}
		for _, name := range cases {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			res := run(t, load(t, inputOf(archive)), named(t, folder), rewrite.Options{})
			for _, f := range res.Found.Findings {
				shown := f.Message + f.Refused
				if f.Fix != nil {
					shown += f.Fix.Title + f.Fix.Why
				}
				for _, s := range f.Secrets {
					values++
					if strings.Contains(shown, s) {
						t.Errorf("%s: the finding shows the value: %s", name, shown)
					}
				}
			}
		}
	}
	if values == 0 {
		t.Error("no finding names its value")
	}
}
