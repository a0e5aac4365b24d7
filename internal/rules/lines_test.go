package rules_test

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// Every case is fixed the same way whatever its line ends are: with CRLF, each
// line that is written ends with it; without a last newline, nothing is glued together.
func TestCasesWithOtherLineEnds(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rs := named(t, filepath.Base(filepath.Dir(name)))
		t.Run(name+"/crlf", func(t *testing.T) {
			if strings.Contains(dockerfileOf(archive), "<<") {
				t.Skip("the shell would read the carriage returns of a heredoc")
			}
			want := strings.ReplaceAll(fixed(t, archive, rs, func(s string) string { return s }), "\n", "\r\n")
			if got := fixed(t, archive, rs, func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }); got != want {
				t.Errorf("got\n%q\nwant\n%q", got, want)
			}
		})
		t.Run(name+"/no last newline", func(t *testing.T) {
			want := fixed(t, archive, rs, func(s string) string { return s })
			got := fixed(t, archive, rs, func(s string) string { return strings.TrimRight(s, "\n") })
			if strings.TrimRight(got, "\n") != strings.TrimRight(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A fix never makes a file that BuildKit would not build.
func TestCasesStayBuildable(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	build := named(t, "build")
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p := load(t, inputOf(archive))
		res, err := rewrite.Run(p, named(t, filepath.Base(filepath.Dir(name))), rewrite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !res.Plan.Changed() {
			continue
		}
		after, err := rule.Run(res.Project, build)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range after.Findings {
			if f.Severity == finding.Error {
				t.Errorf("%s: %s\n%s", name, f.Message, res.Project.File.Source)
			}
		}
	}
}

func inputOf(archive *txtar.Archive) []txtar.File {
	var input []txtar.File
	for _, f := range archive.Files {
		if !strings.HasPrefix(f.Name, "want/") {
			input = append(input, f)
		}
	}
	return input
}

func dockerfileOf(archive *txtar.Archive) string {
	for _, f := range archive.Files {
		if f.Name == "Dockerfile" {
			return string(f.Data)
		}
	}
	return ""
}

// fixed is the Dockerfile as the fix leaves it, with its text changed before.
func fixed(t *testing.T, archive *txtar.Archive, rs []*rule.Rule, change func(string) string) string {
	t.Helper()
	input := inputOf(archive)
	for i := range input {
		if input[i].Name == "Dockerfile" {
			input[i].Data = []byte(change(string(input[i].Data)))
		}
	}
	res, err := rewrite.Run(load(t, input), rs, rewrite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return string(res.Project.File.Source)
}
