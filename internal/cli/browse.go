package cli

import (
	"context"
	"errors"
	"runtime/debug"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/inspect"
	"github.com/plimsoll/plimsoll/internal/report/term"
	"github.com/spf13/cobra"
)

// browse opens an image in the terminal. The report is nil when the user left before it was read.
func (s *session) browse(cmd *cobra.Command, f *imageFlags, place string) (*inspect.Report, error) {
	way, err := s.way(f.reach)
	if err != nil {
		return nil, usageError{err, cmd.CommandPath()}
	}
	if f.format.value != "text" {
		return nil, usageError{errors.New("--tree is for people: it has no other --format"), cmd.CommandPath()}
	}
	if _, ok := terminal(s.Stdin); !ok || !s.smart(s.Stdout) {
		return nil, usageError{errors.New("--tree needs a terminal, for keys and for its output (without it, --verbose lists what is in the image)"), cmd.CommandPath()}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(inspectGC))
	watch := &inspect.Watch{}
	options := term.BrowserOptions{In: s.Stdin, Out: s.Stdout, Env: s.Env, Title: place, Color: s.color(s.Stdout)}
	return term.Browse(cmd.Context(), options, watch, func(ctx context.Context) (*inspect.Report, error) {
		return s.Pipelines.Inspect(ctx, app.InspectOptions{
			Place: place, Platform: f.platform, Mirrors: way.mirrors, Access: way.access, Docker: s.dockerEngine, Secrets: !f.noSecrets, NoCache: f.noCache, Watch: watch,
		})
	})
}
