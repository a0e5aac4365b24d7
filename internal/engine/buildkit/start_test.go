package buildkit

import (
	"context"
	"errors"
	"testing"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// deaf is a container whose starts are never answered.
type deaf struct{ gateway.Container }

func (deaf) Start(context.Context, gateway.StartRequest) (gateway.ContainerProcess, error) { select {} }

// A start that is never answered ends when the user interrupts it.
func TestStartThatIsNeverAnswered(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	time.AfterFunc(10*time.Millisecond, func() { cancel(interrupted) })
	ended := make(chan error, 1)
	go func() {
		_, err := startProcess(ctx, deaf{}, gateway.StartRequest{})
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, interrupted) {
			t.Errorf("got %v, want the interrupt", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it still waits")
	}
}
