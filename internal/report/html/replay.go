// Package htmlreport renders reports as single HTML files that need nothing else: no
// script, no font and no image is fetched.
package htmlreport

import (
	_ "embed"
	"fmt"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/report"
)

//go:embed replay.html
var replayHead string

// Replay is the chart of a replay: a column for each commit, a row for each step, before and after.
func Replay(r *report.Report) []byte {
	c := chart{replay: r.Replay, mask: r.Masker()}
	c.versions = []version{{"before", r.Replay.Before}}
	if r.Replay.After != nil {
		c.versions = append(c.versions, version{"after", *r.Replay.After})
	}
	for _, v := range c.versions {
		c.most = max(c.most, tallest(v.Seconds))
	}
	title := fmt.Sprintf("Build cache over %d commits", len(r.Replay.Commits))
	head, _ := fill(replayHead, map[string]string{"title": title + ": " + c.mask(r.Path)}, nil) // texts alone never fail
	c.WriteString(head)
	c.add("<h1>%s</h1>\n<p>%s", title, c.mask(r.Path))
	for _, v := range c.versions {
		c.add(" · %s: <b>%s</b> expected at a commit (%s)", v.Name, seconds(v.Expected), string(v.Basis))
	}
	c.WriteString(replayKey)
	for _, v := range c.versions {
		c.version(v)
	}
	for _, note := range r.Notes {
		c.add("<p><small>%s</small></p>\n", c.mask(note))
	}
	return c.Bytes()
}

// replayKey says what the colours mean.
const replayKey = `</p>
<p class="key"><i style="background:var(--hit)"></i>cached<i style="background:var(--miss)"></i>missed<i style="background:var(--below)"></i>a step that it builds on missed<i style="background:var(--unclear)"></i>may be a hit</p>
`

// chart is a replay's page in the making.
type chart struct {
	page
	replay   *report.Replay
	mask     func(string) string
	versions []version
	most     float64 // seconds of the costliest build
}

func (c *chart) version(v version) {
	c.add("<h2>%s</h2>\n<table>\n", v.Name)
	c.add(`<tr><th>line<th style="width:35%%">step<th style="width:40%%">commits, the oldest first<th>hits<th>takes<th>share` + "\n")
	c.add(`<tr><td><td><small>seconds of each build</small><td><div class="strip" style="height:62px">`)
	for i, s := range v.Seconds {
		c.add(`<b style="height:%.1fpx" title="%s: %s"></b>`, 60*s/c.most, c.commit(i), seconds(s))
	}
	c.add("</div><td><td><td>\n")
	for _, s := range v.Steps {
		c.step(s)
	}
	c.add("</table>\n")
}

func (c *chart) step(s report.ReplayStep) {
	c.add(`<tr><td class="n">%d<td><code>%s</code>`, s.Line, c.mask(s.Text))
	for _, cause := range s.Causes {
		c.add("<br><small>%s: %d×</small>", c.mask(cause.Path), cause.Builds)
	}
	if s.Doubt != "" {
		c.add("<br><small>%s</small>", c.mask(s.Doubt))
	}
	c.add(`<td><div class="strip">`)
	for i, outcome := range s.Outcomes {
		c.add(`<i class="%s" title="%s: %s"></i>`, outcome, c.commit(i), outcome)
	}
	c.add(`</div><td class="n">%s<td class="n">%s`, percent(s.HitRate()), seconds(s.Seconds))
	if s.Basis == finding.Estimated {
		c.add(" (estimated)")
	}
	c.add(`<td class="n">%s`+"\n", percent(s.Share))
}

// commit names a commit by the beginning of its hash and its subject.
func (c *chart) commit(i int) string {
	commit := c.replay.Commits[i]
	return fmt.Sprintf("%.7s %s", commit.ID, c.mask(commit.Subject))
}

func percent(share float64) string { return fmt.Sprintf("%.0f%%", 100*share) }
func seconds(v float64) string     { return fmt.Sprintf("%.2f s", v) }

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
