package jsonreport

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/report/reporttest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func unmeasured() *report.Report {
	r := report.New("1.2.3", "Dockerfile")
	r.Before = measure.Set{measure.Start: {Metric: measure.Start, Unit: "seconds", Basis: finding.Observed, Note: "no port is known"}}
	return r
}

func TestGolden(t *testing.T) {
	for name, reports := range map[string][]*report.Report{
		"checked":    {reporttest.Checked()},
		"proved":     {reporttest.Proved()},
		"disproved":  {reporttest.Disproved()},
		"replayed":   {reporttest.Replayed()},
		"unmeasured": {unmeasured()},
		"several":    {unmeasured(), reporttest.Fixed()},
		"none":       {},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := WriteAll(&got, reports); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got:\n%s\nwant (go test -update rewrites it):\n%s", &got, want)
			}
			if strings.Contains(got.String(), reporttest.Secret) {
				t.Error("the document holds the secret")
			}
			for _, problem := range validate(t, reportSchema, got.Bytes()) {
				t.Error("docs/report.schema.json:", problem)
			}
		})
	}
}

func TestNoHTMLEscaping(t *testing.T) {
	var got bytes.Buffer
	if err := Write(&got, reporttest.Proved()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.String(), `"/items?q=<a>"`) {
		t.Error("< and > are escaped")
	}
}
