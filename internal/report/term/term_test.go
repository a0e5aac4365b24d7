package term

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/report/reporttest"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sampleRule() *rule.Rule {
	return &rule.Rule{
		ID: "cache/update-apart", Severity: finding.Warning, Safety: finding.Safe,
		Doc: rule.Doc{
			Summary: "apt-get update stands in a RUN of its own",
			What:    "The step that refreshes the package lists is not the one that installs.",
			Why:     "The cached lists grow old, and the install asks for versions that the mirrors no longer hold.",
			Before:  "-- Dockerfile --\nFROM debian\nRUN apt-get update\nRUN apt-get install -y curl\n",
			After:   "-- Dockerfile --\nFROM debian\nRUN apt-get update && apt-get install -y curl\n",
			Fix:     "Joins the two steps.",
		},
	}
}

func TestGolden(t *testing.T) {
	wide, narrow, pipe := Options{Width: 100}, Options{Width: 72}, Options{}
	color := Options{Width: 100, Color: true}
	several := []*report.Report{reporttest.Checked(), report.New("1", "b/Dockerfile")}
	for _, test := range []struct {
		name    string
		options Options
		print   func(*Printer) error
	}{
		{"findings", wide, func(p *Printer) error { return p.Findings([]*report.Report{reporttest.Checked()}) }},
		{"findings-color", color, func(p *Printer) error { return p.Findings([]*report.Report{reporttest.Checked()}) }},
		{"findings-pipe", pipe, func(p *Printer) error { return p.Findings(several) }},
		{"findings-none", pipe, func(p *Printer) error { return p.Findings([]*report.Report{report.New("1", "Dockerfile")}) }},
		{"diff", wide, func(p *Printer) error { return p.Diff(reporttest.Fixed()) }},
		{"diff-color", color, func(p *Printer) error { return p.Diff(reporttest.Fixed()) }},
		{"plan", wide, func(p *Printer) error { return p.Plan(reporttest.Fixed()) }},
		{"comparison", Options{Width: 100, Verbose: true}, func(p *Printer) error { return p.Comparison(reporttest.Proved()) }},
		{"comparison-narrow", narrow, func(p *Printer) error { return p.Comparison(reporttest.Proved()) }},
		{"comparison-color", color, func(p *Printer) error { return p.Comparison(reporttest.Proved()) }},
		{"disproved", wide, func(p *Printer) error { return p.Comparison(reporttest.Disproved()) }},
		{"failure", wide, func(p *Printer) error { return p.Failure(reporttest.Disproved(), reporttest.Failure()) }},
		{"failure-plain", pipe, func(p *Printer) error { return p.Failure(nil, &report.Failure{Message: "no Dockerfile in ."}) }},
		{"replay", wide, func(p *Printer) error { return p.Replay(reporttest.Replayed()) }},
		{"replay-color", color, func(p *Printer) error { return p.Replay(reporttest.Replayed()) }},
		{"rules", wide, func(p *Printer) error { return p.Rules([]*rule.Rule{sampleRule()}) }},
		{"rule", wide, func(p *Printer) error { return p.Rule(sampleRule()) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got bytes.Buffer
			if err := test.print(New(&got, test.options)); err != nil {
				t.Fatal(err)
			}
			compare(t, test.name, got.String())
			if strings.Contains(got.String(), reporttest.Secret) && test.name != "failure-plain" {
				t.Error("the rendering holds the secret")
			}
			if !test.options.Color && strings.Contains(got.String(), "\x1b") {
				t.Error("escape sequences without colour")
			}
		})
	}
}

// compare holds a rendering against testdata; escapes are written as ␛ so that
// the files can be read and can't act on a terminal.
func compare(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, "\x1b", "␛")
	golden := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant (go test -update rewrites it):\n%s", got, want)
	}
}

func TestWidthIsKept(t *testing.T) {
	for _, width := range []int{60, 72, 80, 120} {
		var got bytes.Buffer
		p := New(&got, Options{Width: width})
		for _, err := range []error{
			p.Findings([]*report.Report{reporttest.Checked()}),
			p.Comparison(reporttest.Proved()),
			p.Comparison(reporttest.Disproved()),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		for line := range strings.Lines(got.String()) {
			line = strings.TrimRight(line, "\n")
			if lipgloss.Width(line) > width && !strings.Contains(line, "127.0.0.1:5005/") {
				t.Errorf("width %d: %d columns: %q", width, lipgloss.Width(line), line)
			}
		}
	}
}

func TestPatchIsExact(t *testing.T) {
	r := reporttest.Fixed()
	r.Plan.Before["Dockerfile"] = "FROM a\r\nENV KEY=" + reporttest.Secret + "\r\n"
	r.Plan.After["Dockerfile"] = "FROM a\r\n"
	var got bytes.Buffer
	if err := New(&got, Options{Color: true}).Patch(r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--- a/service/Dockerfile\n", "-ENV KEY=" + reporttest.Secret + "\r\n", "--- /dev/null\n+++ b/service/.dockerignore\n"} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("no %q in:\n%s", want, &got)
		}
	}
	if strings.Contains(got.String(), "\x1b") {
		t.Error("a patch has colours")
	}
}

func TestHostileReport(t *testing.T) {
	evil := "\x1b]0;owned\x07\x1b[2J\u202Eabc\r\n\x9b31m"
	r := reporttest.Disproved()
	r.Findings[0].Message, r.Findings[0].File = evil, "a"+evil
	r.Findings[1].Span.End = 1 << 30
	r.Findings[2].Span.Start = -1
	r.Sources["Dockerfile"] = evil + r.Sources["Dockerfile"]
	r.NotEvaluated[0].Reason, r.Failure.Detail, r.Failure.Source = evil, evil, evil
	r.Requests[0].Path, r.Requests[2].Difference = evil, evil
	r.Plan.Skipped[0].Reason = evil
	for _, width := range []int{0, 1, 10, 80} {
		var got bytes.Buffer
		p := New(&got, Options{Width: width})
		for _, err := range []error{p.Findings([]*report.Report{r}), p.Comparison(r), p.Diff(r), p.Failure(r, r.Failure)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if strings.ContainsAny(got.String(), "\x1b\x07\r\u202E\u009b") || strings.Contains(got.String(), "owned") {
			t.Errorf("width %d: control characters in %q", width, got.String())
		}
	}
}
