package app

import (
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/report"
)

// A secret that the rules find after a build's first words is masked from then on, in whatever field it stands.
func TestSecretsThatAreFoundLaterAreMaskedInSteps(t *testing.T) {
	const token = "hunter2-plain"
	r := &report.Report{}
	q := newQuietLog(r)
	r.Secrets = append(r.Secrets, token)
	q.learn(r)
	e := engine.Event{Build: "after", Log: []byte("using " + token + "\n")}
	e.Step.Name, e.Step.Error = "RUN curl -H "+token, "curl "+token+" failed"
	got := q.event(e)
	if all := string(got.Log) + got.Step.Name + got.Step.Error; strings.Contains(all, token) || !strings.Contains(all, report.Masked) {
		t.Errorf("shown: %q", all)
	}
}
