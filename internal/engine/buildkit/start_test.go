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
		_, err := startProcess(ctx, deaf{}, gateway.StartRequest{}, nil)
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

// A start beside a main process that ends meanwhile is given no answer either.
func TestStartBesideAProcessThatEnds(t *testing.T) {
	over := make(chan struct{})
	time.AfterFunc(10*time.Millisecond, func() { close(over) })
	ended := make(chan error, 1)
	go func() {
		_, err := startProcess(t.Context(), deaf{}, gateway.StartRequest{}, over)
		ended <- err
	}()
	select {
	case err := <-ended:
		if !errors.Is(err, errEnded) {
			t.Errorf("got %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it still waits")
	}
}
