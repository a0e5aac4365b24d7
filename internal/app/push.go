package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/report"
)

// pushedTag marks what is pushed to the proof's own registry.
const pushedTag = "proof"

// repository is what a side is called in the registry.
func repository(s *side) string { return "plimsoll/" + s.version.Build.Name }

// reference is where a side is pushed to.
func (p *proof) reference(s *side) string {
	return p.registry.Addr() + "/" + repository(s) + ":" + pushedTag
}

// push measures pushing to an empty registry, where the image is looked into afterwards. An engine that can't reach the
// registry, as one on another machine, hands the image over as an archive; then there is no figure.
func (p *proof) push(ctx context.Context, s *side) error {
	compressed, clockSet := false, false
	samples, err := p.sample(func() (float64, error) {
		if err := p.registry.Reset(); err != nil {
			return 0, fmt.Errorf("emptying the registry: %w", err)
		}
		v := s.version
		v.Build.Push = p.reference(s)
		built, err := observe.BuildOne(ctx, p.engine, v, p.event)
		if err != nil {
			return 0, err
		}
		compressed = built.Result.Compressed
		clockSet = clockSet || built.Result.ClockSet && !compressed
		return built.Result.Push.Seconds(), nil
	})
	var refused *engine.PushError
	switch {
	case errors.As(err, &refused):
		p.leaveOut(measure.Push, fmt.Sprintf("the %s engine can't push to the registry that plimsoll serves on this machine's loopback: %v", refused.Engine, refused.Err))
		return p.handOver(ctx, s)
	case err == nil && clockSet:
		p.leaveOut(measure.Push, "the machine's clock was set while it was measured")
		return nil
	case err != nil:
		return fmt.Errorf("pushing %s: %w", s.version.Build.Name, err)
	}
	// The first push compresses what no registry has; that is not part of the figure, where the engine keeps the result.
	note := "to an empty registry on loopback, layers compressed before"
	if compressed {
		note = "to an empty registry on loopback; this engine compresses the layers while it pushes"
	}
	s.set[measure.Push] = measure.Measurement{Metric: measure.Push, Unit: "seconds", Samples: samples, Basis: finding.Observed, Note: note}
	return nil
}

// leaveOut notes once why a figure is not there.
func (p *proof) leaveOut(metric measure.Metric, reason string) {
	missing := report.NotEvaluated{Rule: string(metric), Reason: reason}
	if !slices.Contains(p.report.NotEvaluated, missing) { // it is the same for both sides
		p.report.NotEvaluated = append(p.report.NotEvaluated, missing)
	}
}

// handOver takes the image from the engine as an archive, and puts it into the registry.
func (p *proof) handOver(ctx context.Context, s *side) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("taking %s from the engine: %w", s.version.Build.Name, err)
		}
	}()
	if err := p.registry.Reset(); err != nil {
		return fmt.Errorf("emptying the registry: %w", err)
	}
	path := filepath.Join(p.work.path, s.version.Build.Name+".tar")
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	v := s.version
	v.Build.Archive = file
	_, err = observe.BuildOne(ctx, p.engine, v, p.event)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	compressed, err := p.registry.Load(ctx, path, repository(s), pushedTag)
	if compressed {
		s.transferNote = "layers as plimsoll compressed them: the engine keeps them as they are"
	}
	return err
}
