package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/report"
)

// wanted is how a proof has to end. Each line of a want file is one of:
//
//	verdict proven                the verdict
//	applied size/single-stage     this rule's edits are kept
//	not size/single-stage         none of this rule's edits are kept
//	skipped size/heavy-base WORDS its edits are refused or taken back, with a reason that has these words
//	after Dockerfile TEXT         the rewritten file has this text
//	observed port 7070            the run of the original showed this port; or a file that was written (write PATH),
//	                              or a package that the runner lacked (package NAME)
//	smaller 60                    the image is at least 60% smaller
//	baseline single-stage         the project counts for the figures over all that are naive
//	history FILE FILE …           each FILE is changed by a commit of its own, and the cost of a rebuild at a commit counts too
//	slow                          it is proven only where PLIMSOLL_E2E_SLOW is set
//	env NAME=value                given to both containers
//	probe GET /path               asked as well
type wanted struct {
	verdict        string
	applied, not   []string
	skipped        [][2]string // rule, words of the reason
	after          [][2]string // file, text
	observed       [][2]string // kind, what
	smaller        float64     // percent
	baseline, slow bool
	env, probes    []string
	history        []string
}

func parseWanted(text string) (w wanted, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		rest = strings.TrimSpace(rest)
		first, more, _ := strings.Cut(rest, " ")
		switch verb {
		case "verdict":
			w.verdict = rest
		case "applied":
			w.applied = append(w.applied, rest)
		case "not":
			w.not = append(w.not, rest)
		case "skipped":
			w.skipped = append(w.skipped, [2]string{first, more})
		case "after":
			w.after = append(w.after, [2]string{first, more})
		case "observed":
			w.observed = append(w.observed, [2]string{first, more})
		case "smaller":
			if w.smaller, err = strconv.ParseFloat(rest, 64); err != nil {
				return w, err
			}
		case "baseline":
			w.baseline = true
		case "history":
			w.history = strings.Fields(rest)
		case "slow":
			w.slow = true
		case "env":
			w.env = append(w.env, rest)
		case "probe":
			w.probes = append(w.probes, rest)
		default:
			return w, fmt.Errorf("unknown line %q", line)
		}
	}
	if w.verdict == "" {
		return w, fmt.Errorf("no verdict")
	}
	return w, nil
}

// hold compares a report with what is wanted. Whatever is wanted, a report that claims a
// proof must have none but equal answers, and every refusal gives a reason.
func (w wanted) hold(t *testing.T, r *report.Report, err error) {
	t.Helper()
	if string(r.Verdict) != w.verdict {
		t.Errorf("verdict %s, want %s (error: %v, failure: %+v)", r.Verdict, w.verdict, err, r.Failure)
	}
	if r.Verdict == report.Proven || r.Verdict == report.PartlyProven {
		for _, q := range r.Requests {
			if !q.Same {
				t.Errorf("%s, although %s %s is answered otherwise: %s", r.Verdict, q.Method, q.Path, q.Difference)
			}
		}
	}
	if r.Plan == nil {
		t.Fatal("no plan")
	}
	for _, s := range r.Plan.Skipped {
		if strings.TrimSpace(s.Reason) == "" {
			t.Errorf("%s is skipped without a reason", s.Rule)
		}
	}
	for _, rule := range w.applied {
		if !applied(r, rule) {
			t.Errorf("%s is not applied", rule)
		}
	}
	for _, rule := range w.not {
		if applied(r, rule) {
			t.Errorf("%s is applied", rule)
		}
	}
	for _, s := range w.skipped {
		if !slices.ContainsFunc(r.Plan.Skipped, func(k plan.Skipped) bool { return k.Rule == s[0] && strings.Contains(k.Reason, s[1]) }) {
			t.Errorf("%s is not skipped because of %q", s[0], s[1])
		}
	}
	for _, a := range w.after {
		if !strings.Contains(r.Plan.After[a[0]], a[1]) {
			t.Errorf("%s has no %q", a[0], a[1])
		}
	}
	for _, o := range w.observed {
		if !observed(r.Observed, o[0], o[1]) {
			t.Errorf("no %s %s was observed: %+v", o[0], o[1], r.Observed)
		}
	}
	if gain := smaller(r); w.smaller > 0 && gain < w.smaller {
		t.Errorf("the image is %.1f%% smaller, want %.0f%%", gain, w.smaller)
	}
	w.tell(t, r)
}

// tell logs the outcome, whole where the test failed.
func (w wanted) tell(t *testing.T, r *report.Report) {
	t.Helper()
	t.Logf("image %.1f%% smaller, rebuild %.1f× as fast (0 where it was not measured)", smaller(r), faster(r))
	for _, s := range r.Plan.Skipped {
		t.Logf("skipped %s: %s", s.Rule, s.Reason)
	}
	if !t.Failed() {
		return
	}
	for _, a := range r.Plan.Applied {
		t.Logf("applied %s: %s", a.Rule, a.Title)
	}
	for _, n := range append(slices.Clone(r.Notes), notEvaluated(r)...) {
		t.Logf("note: %s", n)
	}
	for _, q := range r.Requests {
		t.Logf("%s %s: %d → %d %s", q.Method, q.Path, q.Before, q.After, q.Difference)
	}
	for name, text := range r.Plan.After {
		t.Logf("%s:\n%s", name, text)
	}
}

func notEvaluated(r *report.Report) (lines []string) {
	for _, n := range r.NotEvaluated {
		lines = append(lines, n.Rule+": "+n.Reason)
	}
	return lines
}

func applied(r *report.Report, rule string) bool {
	return slices.ContainsFunc(r.Plan.Applied, func(a plan.Applied) bool { return a.Rule == rule && (a.Proven || a.Safety == finding.Safe) })
}

// smaller is by how many percent the image shrank; 0 when that was not measured.
func smaller(r *report.Report) float64 {
	before, after := value(r.Before, measure.ImageBytes), value(r.After, measure.ImageBytes)
	if before == 0 {
		return 0
	}
	return 100 * (1 - after/before)
}

// faster is how many times as fast a rebuild became; 0 when that was not measured.
func faster(r *report.Report) float64 {
	before, after := value(r.Before, measure.Rebuild), value(r.After, measure.Rebuild)
	if after == 0 {
		return 0
	}
	return before / after
}

// cheaper is by how many percent a rebuild at a commit of the history became cheaper.
func cheaper(r *report.Report) (percent float64, known bool) {
	before, after := value(r.Before, measure.Expected), value(r.After, measure.Expected)
	if before == 0 {
		return 0, false
	}
	return 100 * (1 - after/before), true
}

func value(s measure.Set, m measure.Metric) float64 {
	if samples := s[m].Samples; len(samples) > 0 {
		return median(samples)
	}
	return 0
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
