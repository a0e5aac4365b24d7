package buildkit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/engine"
)

// signalLimit bounds how long the helper may take to send a signal.
const signalLimit = 20 * time.Second

// Signal sends a signal to the main process. Where nobody outside of the container can, the helper does: old daemons
// ignore signals silently, and no daemon freezes a process.
func (c *container) Signal(ctx context.Context, sig syscall.Signal) (time.Time, error) {
	if !c.running() {
		return time.Time{}, fmt.Errorf("sending %v: %w", sig, errEnded)
	}
	if send := c.engine.opts.Signal; send != nil {
		sent := time.Now()
		return sent, send(c.hostname, sig)
	}
	sent, err := c.signalFromInside(ctx, sig)
	if err != nil {
		return sent, fmt.Errorf("sending %v: %w", sig, err)
	}
	return sent, nil
}

// signalFromInside has the helper send a signal. It announces the signal, which is the moment that counts, and ends with
// the container if that is what the signal brings about.
func (c *container) signalFromInside(ctx context.Context, sig syscall.Signal) (time.Time, error) {
	announced := &announcement{}
	client := agent.NewClient(func(ctx context.Context, args []string, stdin io.Reader) ([]byte, error) {
		err := c.help(ctx, engine.ExecRequest{Args: args, Stdin: stdin}, announced)
		return announced.bytes(), err
	})
	err := client.Kill(ctx, agent.KillRequest{Signal: int(sig), Timeout: signalLimit})
	sent := announced.at()
	answered := len(bytes.TrimSpace(announced.bytes())) > 0 // it is still there, and says why not
	if err == nil || sent.IsZero() || answered {
		return sent, err
	}
	select { // an application that ends takes the helper with it
	case <-c.ended:
		return sent, nil
	case <-time.After(closeLimit):
		return sent, err
	case <-ctx.Done():
		return sent, context.Cause(ctx)
	}
}

// announcement keeps what is written to it, and when that began.
type announcement struct {
	mu    sync.Mutex
	first time.Time
	buf   bounded
}

func (a *announcement) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.first.IsZero() {
		a.first, a.buf.limit = time.Now(), answerLimit
	}
	return a.buf.Write(p)
}

func (a *announcement) Close() error { return nil }

func (a *announcement) bytes() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.buf.buf.Bytes()
}

func (a *announcement) at() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.first
}
