package cli

import (
	"fmt"

	"github.com/plimsoll/plimsoll/internal/registry"
)

// way is how a command reaches registries.
type way struct {
	mirrors map[string]string
	access  *registry.Access
}

// way checks the flags that say how registries are reached.
func (s *session) way(f reach) (w way, err error) {
	if w.mirrors, err = f.mirrorMap(); err != nil {
		return way{}, err
	}
	if w.access, err = registry.New(registry.Options{CAFile: f.caFile, Waiting: s.waiting}); err != nil {
		return way{}, fmt.Errorf("--ca-file: %w", err)
	}
	return w, nil
}

// waiting says what is waited for, beside the progress if there is one.
func (s *session) waiting(message string) {
	switch {
	case s.quiet:
	case s.shown != nil:
		s.shown.Say(message)
	default:
		fmt.Fprintln(s.Stderr, "plimsoll: "+message)
	}
}
