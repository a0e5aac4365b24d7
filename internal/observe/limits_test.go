package observe

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/engine"
)

// doomed is an engine whose containers ran into a limit, and can't be asked.
type doomed struct {
	engine.Engine
	engine.Container
	exit *engine.Exit // nil while it runs
}

var errGone = errors.New("gone")

func (d doomed) Run(context.Context, engine.RunRequest) (engine.Container, error) { return d, nil }
func (d doomed) Exec(context.Context, engine.ExecRequest) ([]byte, error)         { return nil, errGone }
func (d doomed) Output() string                                                   { return "last words" }
func (d doomed) Started() time.Time                                               { return time.Time{} }
func (d doomed) Close() error                                                     { return nil }
func (d doomed) Reached() []engine.Reached {
	return []engine.Reached{{Resource: engine.Memory, Limit: 64e6}}
}

func (d doomed) Wait(context.Context) (engine.Exit, error) {
	if d.exit == nil {
		return engine.Exit{}, context.DeadlineExceeded
	}
	return *d.exit, nil
}

func TestContainerThatRanIntoALimitIsAnOutcome(t *testing.T) {
	killed := &engine.Exit{Code: 137, Signal: syscall.SIGKILL}
	out, err := Run(t.Context(), doomed{exit: killed}, Trial{}, nil)
	if err != nil || out.Ended == nil || len(out.Reached) != 1 || out.Midway || out.Output != "last words" {
		t.Errorf("ended at the start: %+v, %v", out, err)
	}
	if _, err := Run(t.Context(), doomed{}, Trial{}, nil); !errors.Is(err, errGone) {
		t.Errorf("one that goes on and can't be asked: %v", err)
	}

	r := &runner{container: doomed{exit: killed}, out: &Outcome{Up: true, Reached: doomed{}.Reached()}}
	if !r.brokenOff(t.Context()) || r.out.Up || !r.out.Midway || r.out.Exit.Code != 137 {
		t.Errorf("ended while it was asked: %+v", r.out)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if r.brokenOff(over) {
		t.Error("the end of the proof counts as the container's")
	}
}

func TestLookAtRestNamesTheLimit(t *testing.T) {
	err := AtRest(t.Context(), doomed{}, "image", func(*agent.Client) error { return errGone })
	if !errors.Is(err, errGone) || !strings.Contains(err.Error(), "its memory limit of 64 MB") {
		t.Errorf("got %v", err)
	}
}

// forgetful is an engine that loses how a container ended, that many times.
type forgetful struct {
	doomed
	lost *int
}

func (f forgetful) Run(context.Context, engine.RunRequest) (engine.Container, error) { return f, nil }
func (f forgetful) Reached() []engine.Reached                                        { return nil }

func (f forgetful) Wait(context.Context) (engine.Exit, error) {
	if *f.lost--; *f.lost >= 0 {
		return engine.Exit{}, engine.ErrEndLost
	}
	return engine.Exit{Code: 7}, nil
}

func TestAnEndThatIsLostIsLookedForAgain(t *testing.T) {
	lost := endTries - 1
	out, err := Run(t.Context(), forgetful{lost: &lost}, Trial{}, nil)
	if err != nil || out.Ended == nil || out.Ended.Code != 7 {
		t.Errorf("got %+v, %v", out, err)
	}
	lost = endTries
	if _, err := Run(t.Context(), forgetful{lost: &lost}, Trial{}, nil); !errors.Is(err, engine.ErrEndLost) {
		t.Errorf("lost at each try: %v", err)
	}
}

// stubborn is a container that is told to stop, and whose end is lost then.
type stubborn struct {
	doomed
	stopped *int
}

func (s stubborn) Run(context.Context, engine.RunRequest) (engine.Container, error) { return s, nil }
func (stubborn) Reached() []engine.Reached                                          { return nil }

func (s stubborn) Exec(context.Context, engine.ExecRequest) ([]byte, error) {
	return []byte(`{"answer":{}}`), nil
}

func (s stubborn) Signal(context.Context, syscall.Signal) (time.Time, error) {
	*s.stopped++
	return time.Now(), nil
}

func (s stubborn) Wait(ctx context.Context) (engine.Exit, error) {
	if *s.stopped == 0 {
		<-ctx.Done()
		return engine.Exit{}, ctx.Err()
	}
	return engine.Exit{Code: -1, At: time.Now()}, engine.ErrEndLost
}

// A worker that was asked to stop is not run again: who waits for its stop hears of it once.
func TestAnEndOnTheStopSignalMayBeLost(t *testing.T) {
	signals, told := 0, 0
	out, err := Run(t.Context(), stubborn{stopped: &signals}, Trial{Stopping: func(bool) { told++ }}, nil)
	if err != nil || !out.Lost || out.Killed || signals != 1 || told != 1 {
		t.Errorf("got %+v, %v; %d signals, told %d times", out, err, signals, told)
	}
}
