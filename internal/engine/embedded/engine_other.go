//go:build !linux

package embedded

import (
	"context"
	"runtime"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// New says that the embedded engine needs Linux.
func New(context.Context, Options) (engine.Engine, error) {
	return nil, &Missing{
		What:   "it needs Linux, and this is " + runtime.GOOS,
		Remedy: "use Docker's engine or a BuildKit daemon instead",
	}
}
