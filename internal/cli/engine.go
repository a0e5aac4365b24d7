package cli

import (
	"context"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/embedded"
)

// openEngine opens the engine that a proof builds and runs on: the embedded
// one, which needs nothing but runc.
func openEngine(ctx context.Context, opts app.ProveOptions) (engine.Engine, error) {
	mirrors := map[string][]string{}
	for host, at := range opts.Mirrors {
		mirrors[host] = []string{at}
	}
	return embedded.New(ctx, embedded.Options{Root: opts.State, Mirrors: mirrors})
}
