// Package cli is plimsoll's command line: one file a command, each of which
// turns flags into options, runs a pipeline and picks a renderer.
package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/inspect"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/report/term"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/spf13/cobra"
)

// Pipelines are what the commands run. A pipeline returns an error when it
// could not come to a result; it may return the report as far as it got with it.
type Pipelines struct {
	Check  func(context.Context, app.CheckOptions) ([]*report.Report, error)
	Fix    func(context.Context, app.FixOptions) (*report.Report, error)
	Prove  func(context.Context, app.ProveOptions) (*report.Report, error)
	Replay func(context.Context, app.ReplayOptions) (*report.Report, error)
	// Inspect looks into a built image.
	Inspect func(context.Context, app.InspectOptions) (*inspect.Report, error)
	// Doctor looks at the machine.
	Doctor func(context.Context, app.DoctorOptions) (*report.Checkup, error)
	// Rules are all rules there are.
	Rules func() []*rule.Rule
}

// Command is the program with everything that it takes from its surroundings.
type Command struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Env            []string // as os.Environ
	Version        Version
	Pipelines      Pipelines
}

// Main runs the command that args (without the program's name) ask for and
// returns the exit code. An interrupt cancels what runs, which then cleans up;
// a second one ends the process at once.
func (c Command) Main(ctx context.Context, args []string) int {
	ctx, release := interruptible(ctx)
	defer release()
	s := &session{Command: c}
	root := s.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitClean
	case ctx.Err() != nil:
		return s.interrupted()
	case !s.started:
		return s.exit(asUsage(err, cmd.CommandPath()))
	}
	return s.exit(err)
}

// session is one run: the command's surroundings and the global flags.
type session struct {
	Command
	quiet, verbose, noColor bool
	// shown is the progress that is on display; nil when none is.
	shown *term.Progress
	// started is set once flags and arguments have been understood.
	started bool
}

const rootLong = `plimsoll finds what weighs a container image down or makes it unfit for
production, rewrites the Dockerfile, builds and runs both versions, and proves
the gain.

Exit codes:
  0    clean: nothing to report, or proven
  1    check: findings at or over --fail-on
       prove: the rewritten files are not (wholly) proven
       inspect, compare: the image is over a budget
       doctor: there is no engine for prove
  2    usage: unknown command, flag or value
  3    failure: no result could be reached; the message says why
  130  interrupted`

const rootExample = `  plimsoll check                 what is wrong here, and what it costs
  plimsoll fix                   how the files would look, as a diff
  plimsoll prove --write         build and run both, write what was proven
  plimsoll replay                what the build cache makes of the last commits
  plimsoll inspect app:1.4       what a built image carries
  plimsoll explain heavy-base    what a rule means
  plimsoll doctor                which engines can be used here, and what is missing`

func (s *session) root() *cobra.Command {
	root := &cobra.Command{
		Use:               "plimsoll",
		Short:             "Make container images production-ready, and prove it",
		Long:              rootLong,
		Example:           rootExample,
		SilenceUsage:      true,
		SilenceErrors:     true,
		PersistentPreRunE: s.start,
	}
	root.SetIn(s.Stdin)
	root.SetOut(s.Stdout)
	root.SetErr(s.Stderr)
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.BoolVarP(&s.quiet, "quiet", "q", false, "print results alone, no progress")
	flags.BoolVarP(&s.verbose, "verbose", "v", false, "print every step with its output, and the phases' times")
	flags.BoolVar(&s.noColor, "no-color", false, "no colours; so do NO_COLOR and TERM=dumb")
	root.AddCommand(s.check(), s.fix(), s.prove(), s.replay(), s.inspect(), s.compare(), s.explain(), s.doctor(), s.version())
	return root
}

func (s *session) start(*cobra.Command, []string) error {
	if s.quiet && s.verbose {
		return errors.New("--quiet and --verbose exclude each other")
	}
	s.started = true
	return nil
}

// getenv looks a variable up in the command's environment, the last one of a name winning.
func (s *session) getenv(name string) (value string, ok bool) {
	for _, entry := range s.Env {
		if v, found := strings.CutPrefix(entry, name+"="); found {
			value, ok = v, true
		}
	}
	return value, ok
}
