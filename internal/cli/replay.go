package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/history"
	htmlreport "github.com/plimsoll/plimsoll/internal/report/html"
)

const replayLong = `Replay answers from the project's own git history what the order of a
Dockerfile is worth: had it been in place, which step would have been in the
build cache at each of the last commits, why not, and how many seconds would
each build have cost? It does so for the Dockerfile as it is, and as fix would
rewrite it. Nothing is built and nothing is checked out.

Seconds are those of the last proof of this project; steps that were never
timed are estimated, and marked so. Only what git tracks is known.`

const replayExample = `  plimsoll replay
  plimsoll replay services/api --commits 500 --branch main
  plimsoll replay compose.yaml --service api
  plimsoll replay --since '3 months ago' --per-commit GIT_SHA
  plimsoll replay --format json | jq .replay.before.expected_seconds
  plimsoll replay --html replay.html`

func (s *session) replay() *cobra.Command {
	var from sources
	var options app.ReplayOptions
	var html string
	var buildArgs []string
	format := newFormat()
	cmd := &cobra.Command{
		Use: "replay [PATH]", Short: "Tell what the build cache makes of the project's history",
		Long: replayLong, Example: replayExample, Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			way, rules, err := s.resolve(from)
			var argsErr error
			options.BuildArgs, argsErr = pairs("build-arg", buildArgs)
			err = errors.Join(err, argsErr)
			if options.Commits < 1 {
				err = errors.Join(err, fmt.Errorf("--commits %d: want at least 1", options.Commits))
			}
			if err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			options.Path, options.Rules, options.Offline = first(args, "."), rules, from.offline
			options.ComposeOptions = s.compose(from)
			options.Mirrors, options.Access = way.mirrors, way.access
			r, err := s.Pipelines.Replay(cmd.Context(), options)
			if format.json() {
				return s.writeJSON(present(r), err)
			}
			if err != nil {
				return err
			}
			if html != "" {
				if err := os.WriteFile(html, htmlreport.Replay(r), 0o644); err != nil {
					return fmt.Errorf("writing the chart: %w", err)
				}
			}
			return s.printer(s.Stdout).Replay(r)
		},
	}
	flags := cmd.Flags()
	from.register(flags)
	format.register(flags)
	flags.IntVar(&options.Commits, "commits", history.DefaultCommits, "replay this many of the latest commits, along first parents")
	flags.StringVar(&options.Since, "since", "", "leave out commits before `DATE`, as git log takes it")
	flags.StringVar(&options.Branch, "branch", "", "replay this `BRANCH` (default: what is checked out)")
	flags.StringArrayVar(&options.PerCommit, "per-commit", nil, "a build argument `NAME` that every build sets to another value (repeatable)")
	flags.StringVar(&options.Target, "target", "", "build this `STAGE` instead of the last")
	flags.StringArrayVar(&buildArgs, "build-arg", nil, "set a build argument: `NAME=value` (repeatable)")
	flags.StringVar(&html, "html", "", "write a chart to `FILE` as well")
	return cmd
}
