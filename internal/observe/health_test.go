package observe

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/engine"
)

// rigid is a container whose main process can't be stopped.
type rigid struct{ engine.Container }

func (rigid) Signal(context.Context, syscall.Signal) (time.Time, error) {
	return time.Time{}, errors.New("operation not permitted")
}

// A check of an application that can't be frozen is healthy, and not proven: the proof goes on.
func TestHealthOfAnApplicationThatCannotBeFrozen(t *testing.T) {
	r := &runner{
		Trial: Trial{Health: &HealthCheck{Argv: []string{"/check"}}}, out: &Outcome{}, container: rigid{},
		agent: agent.NewClient(func(context.Context, []string, io.Reader) ([]byte, error) {
			return []byte(`{"answer": {"exit": 0}}`), nil
		}),
	}
	if err := r.health(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	h := r.out.Health
	if !h.Up || h.Proven() || !strings.Contains(h.Reason, "not permitted") || h.String() != "healthy, not seen frozen" {
		t.Errorf("got %+v, %s", h, h)
	}
}

// alive is a container whose processes can be stopped.
type alive struct{ engine.Container }

func (alive) Signal(context.Context, syscall.Signal) (time.Time, error) { return time.Now(), nil }

// A check that is slow on a busy machine is tried again; one that says no is not, while the application is up.
func TestHealthChecksThatAreSlow(t *testing.T) {
	const pass, slow, no = `{"answer": {"exit": 0}}`, `{"answer": {"timed_out": true}}`, `{"answer": {"exit": 1}}`
	for _, c := range []struct {
		name    string
		answers []string // of the check; the application is frozen before the one that is "frozen"
		proven  bool
	}{
		{"slow at first", []string{slow, slow, pass, slow, slow, slow, slow, slow, slow, pass}, true},
		{"it says no", []string{no, pass, slow, pass}, false},
		{"it says no when it continues", []string{pass, slow, no, no, no, no, no, pass}, false},
	} {
		r := &runner{Trial: Trial{Health: &HealthCheck{Argv: []string{"/check"}, Timeout: time.Second}}, out: &Outcome{}, container: alive{}}
		r.agent = agent.NewClient(func(_ context.Context, args []string, _ io.Reader) ([]byte, error) {
			if !strings.Contains(strings.Join(args, " "), "/check") {
				return []byte(`{"answer": {}}`), nil
			}
			next := c.answers[0]
			c.answers = c.answers[1:]
			return []byte(next), nil
		})
		if err := r.health(t.Context(), nil); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := r.out.Health; got.Proven() != c.proven {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
