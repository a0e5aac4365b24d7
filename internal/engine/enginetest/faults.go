package enginetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// Killed is what an engine must do whose daemon is killed in the middle of a build and of a container: both end, soon, with
// an error that names the engine. kill ends the daemon as a crash would.
func Killed(t *testing.T, open func(t *testing.T, o Options) engine.Engine, kill func()) {
	tool := Tool(t)
	e := open(t, Options{Helper: tool})
	b := NewBench(t, e, tool)
	res := b.Build(b.Request(Server))
	c, err := e.Run(b.Context(), engine.RunRequest{Image: res.Image})
	if err != nil {
		t.Fatal(err)
	}
	b.Eventually("it serves", func() bool { return strings.Contains(c.Output(), "tick") })

	var killed time.Time
	_, err = e.Build(b.Context(), b.Request("RUN print sleeping\nRUN sleep 100s\n"), func(event engine.Event) {
		if strings.Contains(event.Step.Name, "sleep 100s") && !event.Step.Started.IsZero() && killed.IsZero() {
			killed = time.Now()
			go kill()
		}
	})
	wantLost(t, e, "the build", err)
	_, err = c.Wait(b.Context())
	wantLost(t, e, "the container", err)
	_, err = c.Exec(b.Context(), engine.ExecRequest{Args: []string{"echo"}})
	if err == nil {
		t.Error("the helper ran in a container that is gone")
	}
	_, err = e.Build(b.Context(), b.Request("RUN print again\n"), nil)
	if err == nil || !strings.Contains(err.Error(), e.Info().Name) {
		t.Errorf("a build afterwards does not name the engine: %v", err)
	}
	_ = e.Close() // what can't be done any more may be an error, and must not take long
	if took := time.Since(killed); took > 30*time.Second {
		t.Errorf("it took %v until all was over", took)
	}
}

func wantLost(t *testing.T, e engine.Engine, what string, err error) {
	t.Helper()
	var lost *engine.LostError
	if !errors.As(err, &lost) || lost.Engine != e.Info().Name {
		t.Errorf("%s: got %v, want a lost engine", what, err)
		return
	}
	t.Logf("%s: %v", what, err)
}
