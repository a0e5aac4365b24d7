package jsonreport

import (
	"time"

	"github.com/plimsoll/plimsoll/internal/report"
)

type replayDoc struct {
	Commits []replayCommit `json:"commits"`
	Before  replayVersion  `json:"before"`
	After   *replayVersion `json:"after,omitempty"`
}

type replayCommit struct {
	ID      string    `json:"id"`
	Time    time.Time `json:"time"`
	Subject string    `json:"subject"`
}

type replayVersion struct {
	Steps    []replayStep `json:"steps"`
	Seconds  []float64    `json:"seconds"`
	Expected float64      `json:"expected_seconds"`
	Basis    string       `json:"basis"`
}

type replayStep struct {
	Line     int           `json:"line"`
	Stage    string        `json:"stage"`
	Text     string        `json:"text"`
	Outcomes []string      `json:"outcomes"`
	Hits     int           `json:"hits"`
	Misses   int           `json:"misses"`
	Above    int           `json:"above"`
	HitRate  float64       `json:"hit_rate"`
	Causes   []replayCause `json:"causes"`
	Doubt    string        `json:"doubt,omitempty"`
	Seconds  float64       `json:"seconds"`
	Basis    string        `json:"basis"`
	Share    float64       `json:"share"`
}

type replayCause struct {
	Path   string `json:"path"`
	Builds int    `json:"builds"`
}

func (m masked) replay(r *report.Replay) *replayDoc {
	if r == nil {
		return nil
	}
	d := &replayDoc{
		Commits: list(r.Commits, func(c report.ReplayCommit) replayCommit { return replayCommit{c.ID, c.Time.UTC(), m(c.Subject)} }),
		Before:  m.replayVersion(r.Before),
	}
	if r.After != nil {
		after := m.replayVersion(*r.After)
		d.After = &after
	}
	return d
}

func (m masked) replayVersion(v report.ReplayVersion) replayVersion {
	return replayVersion{
		Steps: list(v.Steps, m.replayStep), Seconds: append([]float64{}, v.Seconds...), Expected: v.Expected, Basis: string(v.Basis),
	}
}

func (m masked) replayStep(s report.ReplayStep) replayStep {
	return replayStep{
		Line: s.Line, Stage: s.Stage, Text: m(s.Text), Outcomes: append([]string{}, s.Outcomes...),
		Hits: s.Hits, Misses: s.Misses, Above: s.Above, HitRate: s.HitRate(),
		Causes: list(s.Causes, func(c report.ReplayCause) replayCause { return replayCause{m(c.Path), c.Builds} }),
		Doubt:  m(s.Doubt), Seconds: s.Seconds, Basis: string(s.Basis), Share: s.Share,
	}
}
