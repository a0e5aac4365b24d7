// Package htmlreport renders reports as single HTML files that need nothing else: no
// script, no font and no image is fetched.
package htmlreport

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/report"
)

//go:embed replay.html
var replayPage string

// Replay is the chart of a replay: a column for each commit, a row for each step, before and after.
func Replay(r *report.Report) []byte {
	mask := r.Masker()
	page := template.Must(template.New("replay").Funcs(template.FuncMap{
		"mask":    mask,
		"percent": func(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) },
		"seconds": func(v float64) string { return fmt.Sprintf("%.2f s", v) },
		"basis":   func(b finding.Basis) string { return string(b) },
		"bar":     func(v float64, all []float64) string { return fmt.Sprintf("%.1f", 60*v/tallest(all)) },
		"versions": func() []version {
			list := []version{{"before", r.Replay.Before}}
			if r.Replay.After != nil {
				list = append(list, version{"after", *r.Replay.After})
			}
			return list
		},
		"scale": func() []float64 {
			all := r.Replay.Before.Seconds
			if r.Replay.After != nil {
				all = append(append([]float64{}, all...), r.Replay.After.Seconds...)
			}
			return all
		},
		"commit": func(i int) report.ReplayCommit { return r.Replay.Commits[i] },
	}).Parse(replayPage))
	var b bytes.Buffer
	if err := page.Execute(&b, r); err != nil {
		return []byte("<!doctype html><p>The chart could not be made: " + template.HTMLEscapeString(err.Error()))
	}
	return b.Bytes()
}

type version struct {
	Name string
	report.ReplayVersion
}

func tallest(values []float64) float64 {
	most := 1e-9
	for _, v := range values {
		most = max(most, v)
	}
	return most
}
