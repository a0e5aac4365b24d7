package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/project"
)

// stepTimes are how long steps took when they were last built without a cache, in
// seconds; those with a cache mount when its contents were there, as they are at a commit. They are kept by a digest of what the step says: the text itself may hold a credential.
type stepTimes map[string]float64

// maxStepTimes bounds what is kept of one project.
const maxStepTimes = 2000

// add takes over the times of a build in which nothing was cached.
func (t stepTimes) add(f *dockerfile.File, steps []engine.Step) {
	t.take(f, steps, func(*dockerfile.Instruction) bool { return true })
}

// addWarm takes over the times of a rebuild, for steps that found what an earlier build had
// left in their cache mounts.
func (t stepTimes) addWarm(f *dockerfile.File, steps []engine.Step) {
	t.take(f, steps, func(inst *dockerfile.Instruction) bool {
		return slices.ContainsFunc(inst.Mounts(), func(m dockerfile.Mount) bool { return m.Type == "cache" })
	})
}

func (t stepTimes) take(f *dockerfile.File, steps []engine.Step, wanted func(*dockerfile.Instruction) bool) {
	took := map[string]float64{}
	for _, s := range steps {
		inst := instructionOf(f, s)
		if inst == nil || !wanted(inst) || s.Cached || s.Internal || s.Error != "" || s.Started.IsZero() || s.Completed.Before(s.Started) {
			continue
		}
		took[project.StepKey(f.Text(inst.Span))] += s.Completed.Sub(s.Started).Seconds()
	}
	for k, seconds := range took {
		if _, known := t[k]; known || len(t) < maxStepTimes {
			t[k] = seconds
		}
	}
}

// instructionOf is the instruction that a step comes from.
func instructionOf(f *dockerfile.File, s engine.Step) *dockerfile.Instruction {
	for _, lines := range s.Lines {
		for _, inst := range f.Instructions {
			if f.Position(inst.Span.Start).Line == lines[0] {
				return inst
			}
		}
	}
	return nil
}

// estimates are seconds for steps that nobody has built here yet: round figures, of the right order of
// magnitude at best. Whatever is made of them is marked estimated.
var estimates = map[string]float64{"RUN": 10, "COPY": 0.1, "ADD": 0.5, "WORKDIR": 0.01}

// of is how long a step takes.
func (t stepTimes) of(f *dockerfile.File, inst *dockerfile.Instruction) (seconds float64, basis finding.Basis) {
	if seconds, ok := t[project.StepKey(f.Text(inst.Span))]; ok {
		return seconds, finding.Observed
	}
	return estimates[inst.Keyword], finding.Estimated
}

// stepTimesFile is where a project's times are kept; empty when there is no place.
func stepTimesFile(p *project.Project) string {
	dir := cacheDir("steps")
	if dir == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(p.Root + "\x00" + p.DockerfilePath))
	return filepath.Join(dir, hex.EncodeToString(sum[:16])+".json")
}

// loadStepTimes reads what earlier proofs have measured. What can't be read is as if it were not there.
func loadStepTimes(p *project.Project) stepTimes {
	times := stepTimes{}
	text, err := os.ReadFile(stepTimesFile(p))
	if err != nil || json.Unmarshal(text, &times) != nil {
		return stepTimes{}
	}
	return times
}

// save keeps the times for replays to come.
func (t stepTimes) save(p *project.Project) error {
	name := stepTimesFile(p)
	if name == "" || len(t) == 0 {
		return nil
	}
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("keeping the times of steps: %w", err)
	}
	temporary := fmt.Sprintf("%s.%d", name, os.Getpid())
	err = errors.Join(os.WriteFile(temporary, text, 0o644), os.Rename(temporary, name))
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("keeping the times of steps: %w", err)
	}
	return nil
}
