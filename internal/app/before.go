package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/observe"
)

// prompt is how long an application that heeds the stop signal may take: one
// that takes longer idles until it is killed, and something else can run meanwhile.
const prompt = 1500 * time.Millisecond

// patience is how long before may listen on other ports than the one that its files name, until one of these is taken.
const patience = 3 * time.Second

// runBefore runs before twice. The second run is for the noise in its answers;
// it begins when the first has ended, or is only being waited for.
func (p *proof) runBefore(ctx context.Context) error {
	t := p.trial(p.before, p.project)
	t.Elsewhere = patience
	t.Evidence = func(seen *ecosystem.Observed) { p.observed = seen }
	idle := make(chan struct{})
	t.Stopping = func(up bool) {
		if !up {
			p.kind = worker
		}
		time.AfterFunc(prompt, func() { close(idle) })
	}
	var first *observe.Outcome
	var firstErr error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		first, firstErr = observe.Run(ctx, p.engine, t, p.asker())
	}()
	stuck := false
	select {
	case <-ended:
		if firstErr != nil {
			return fmt.Errorf("running before: %w", firstErr)
		}
		if p.kind = p.portless(first); !first.Up && p.kind == "" {
			return p.beforeFails(startFailure("before start", first))
		}
	case <-idle:
		stuck = true
	}
	again := p.trial(p.before, p.project)
	again.Elsewhere = patience
	if p.observed != nil && p.observed.Port != 0 {
		again.Port = p.observed.Port
	}
	again.Health, again.Load = nil, 0
	again.KeepRunning = stuck // it would take as long again
	second, err := observe.Run(ctx, p.engine, again, p.asker())
	if !stuck {
		<-ended
	}
	if err != nil {
		<-ended
		return fmt.Errorf("running before: %w", errors.Join(firstErr, err))
	}
	if !second.Up && (p.kind == "" || p.portless(second) != p.kind) {
		<-ended
		return p.beforeFails(startFailure("before start, once more", second))
	}
	if p.kind == worker && len(plainSet(second.Output)) == 0 { // known before after is built once more
		<-ended
		return p.nothingToCompare()
	}
	p.firstRun = func() error {
		<-ended
		p.before.trials = []*observe.Outcome{first, second}
		if firstErr != nil {
			return fmt.Errorf("running before: %w", firstErr)
		}
		return nil
	}
	return nil
}
