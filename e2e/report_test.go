package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// document is what the tests read of the JSON report. It is declared here anew, as
// any reader of reports would.
type document struct {
	Schema   string
	Verdict  string
	Engine   struct{ Name, Daemon, Chosen string }
	Findings []struct {
		Rule, Message string
		Costs         []struct {
			Metric, Basis string
			Value         float64
		}
		Evidence []evidence
	}
	Plan struct {
		Applied []struct {
			Rule   string
			Proven bool
		}
		Skipped []struct{ Rule, Reason string }
	}
	NotEvaluated  []struct{ Rule, Reason string } `json:"not_evaluated"`
	Files         map[string]string
	Written       []string
	Before, After map[string]figure
	Requests      []request
	Output        *struct {
		Kind  string
		Same  bool
		Lines int
	}
	Delivered []struct {
		Kind, Place, Digest string
		Attestations        []string
	}
	Timings []timing
	Notes   []string
	Failure *struct{ Message, Detail string }
}

type timing struct {
	Phase   string
	Seconds float64
}

type figure struct {
	Value any
	Unit  string
	Basis string
}

type evidence struct{ File, Note string }

type request struct {
	Method, Path  string
	Before, After int
	Same          bool
	Difference    string
}

// proveArgs are the arguments of a proof on the suite's engine and base images.
func proveArgs(more ...string) []string {
	return append([]string{"prove", "--engine", "embedded", "--state", suite.state, "--mirror", mirror()}, more...)
}

func mirror() string { return "docker.io=" + suite.bases }

// quick are the flags for proofs whose figures do not matter.
func quick(more ...string) []string {
	return append([]string{"--samples", "1", "--requests", "20", "--skip", "cold-build,rebuild,pull"}, more...)
}

// prove runs a proof and reads its report.
func prove(t *testing.T, dir string, more ...string) (*document, result) {
	t.Helper()
	res := run(t, dir, proveArgs(append(more, "--format", "json")...)...)
	d := readReport(t, res)
	t.Logf("%s after %.1f s", d.Verdict, res.took.Seconds())
	nothingLeft(t)
	return d, res
}

func readReport(t *testing.T, res result) *document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(res.stdout), &d); err != nil {
		t.Fatalf("exit code %d, no report: %v\n%s\n%s", res.code, err, res.stdout, res.stderr)
	}
	if d.Schema != "plimsoll.report/1" {
		t.Fatalf("exit code %d, schema %q\n%s", res.code, d.Schema, res.stderr)
	}
	return &d
}

// whyNot is why a rule or a figure was left out.
func (d *document) whyNot(rule string) string {
	for _, n := range d.NotEvaluated {
		if n.Rule == rule {
			return n.Reason
		}
	}
	return ""
}

// want ends a test whose proof ended otherwise.
func (d *document) want(t *testing.T, res result, verdict string, code int) {
	t.Helper()
	if d.Verdict != verdict || res.code != code {
		t.Fatalf("verdict %q, exit code %d; want %q and %d\nskipped: %+v\nfailure: %+v\n%s",
			d.Verdict, res.code, verdict, code, d.Plan.Skipped, d.Failure, res.stderr)
	}
}

func (d *document) wantAllProven(t *testing.T) {
	t.Helper()
	if len(d.Plan.Applied) == 0 {
		t.Error("no edit was applied")
	}
	for _, a := range d.Plan.Applied {
		if !a.Proven {
			t.Errorf("%s is kept without a proof", a.Rule)
		}
	}
}

// reason is why a rule's edit was not kept.
func (d *document) reason(rule string) string {
	for _, s := range d.Plan.Skipped {
		if s.Rule == rule {
			return s.Reason
		}
	}
	return ""
}

func (d *document) number(t *testing.T, side map[string]figure, name string) float64 {
	t.Helper()
	v, ok := side[name].Value.(float64)
	if !ok {
		t.Fatalf("%s is no number: %+v", name, side[name])
	}
	return v
}

// logTimes tells where the time went and what the phases that build nothing
// took. Nothing is asserted: machines differ.
func (d *document) logTimes(t *testing.T) {
	t.Helper()
	var besides float64
	for _, p := range d.Timings {
		t.Logf("%6.2f s  %s", p.Seconds, p.Phase)
		builds := slices.ContainsFunc([]string{"building", "rebuilding"}, func(word string) bool { return strings.HasPrefix(p.Phase, word) })
		if !builds {
			besides += p.Seconds
		}
	}
	t.Logf("%6.2f s besides building", besides)
}
