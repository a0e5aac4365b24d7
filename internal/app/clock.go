package app

import (
	"context"
	"sync/atomic"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// clockWatch is an engine whose builds tell whether the machine's clock was set meanwhile.
type clockWatch struct {
	engine.Engine
	set atomic.Bool // builds run side by side
}

// Build builds.
func (w *clockWatch) Build(ctx context.Context, req engine.BuildRequest, progress func(engine.Event)) (*engine.BuildResult, error) {
	res, err := w.Engine.Build(ctx, req, progress)
	if res != nil && res.ClockSet {
		w.set.Store(true)
	}
	return res, err
}

// tellClock notes that the clock was set.
func (p *proof) tellClock() {
	if w, ok := p.engine.(*clockWatch); ok && w.set.Load() {
		p.report.Notes = append(p.report.Notes, "The machine's clock was set during a build. Times are taken from a clock that can't be set; those that the engine stamps with the other one, of steps and of pushes, are left out.")
	}
}
