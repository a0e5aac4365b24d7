package observe

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// A trial goes on whatever can't be seen.
func TestEvidenceThatFailsIsNoted(t *testing.T) {
	var seen *ecosystem.Observed
	r := &runner{
		Trial: Trial{Evidence: func(o *ecosystem.Observed) { seen = o }},
		out:   &Outcome{Port: 80, Answers: []agent.HTTPAnswer{{Status: 200}, {Status: 404}, {Status: 200}, {Status: 200}}},
		agent: agent.NewClient(func(context.Context, []string, io.Reader) ([]byte, error) { return nil, errors.New("gone") }),
	}
	asked := []agent.HTTPRequest{{Method: "GET", Path: "/"}, {Method: "GET", Path: "/none"}, {Method: "POST", Path: "/items"}, {Method: "GET", Path: "/items/{id}"}}
	if err := r.evidence(t.Context(), asked); err != nil {
		t.Fatal(err)
	}
	if seen == nil || seen.Port != 80 || len(seen.Incomplete) != 1 || !slices.Equal(seen.Answered, []string{"/"}) {
		t.Fatalf("got %+v", seen)
	}
	for _, why := range seen.Incomplete {
		if !strings.Contains(why, "gone") {
			t.Errorf("%q does not say why", why)
		}
	}
	if got := show(&ecosystem.Observed{}, agent.LookAnswer{
		Env: agent.Look[agent.EnvAnswer]{Error: "gone"}, Loaded: agent.Look[agent.LoadedAnswer]{Answer: agent.LoadedAnswer{Incomplete: "the time was over"}},
	}); !slices.Equal(got, []string{"its environment: gone", "its libraries: the time was over"}) {
		t.Errorf("of a look that misses two: %q", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.evidence(ended, asked); !errors.Is(err, context.Canceled) {
		t.Errorf("when the proof is over: %v", err)
	}
}
