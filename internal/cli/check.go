package cli

import (
	"errors"
	"runtime/debug"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/spf13/cobra"
)

const checkLong = `Check names what is wrong with Dockerfiles and their build contexts, the
gravest first, with what it costs and how that was measured. PATH is a
Dockerfile, a compose file, a folder with one, or a tree of them; the working
directory if none is given. Nothing is built and nothing is changed.

Findings are silenced by a comment above an instruction:
  # plimsoll ignore=rule[,rule]`

const checkExample = `  plimsoll check
  plimsoll check services/ --fail-on error
  plimsoll check Dockerfile --format json --offline
  plimsoll check --format sarif > plimsoll.sarif
  plimsoll check --rule heavy-base,root-user`

// checkGC is how much garbage may lie around while checking, in percent of what lives.
const checkGC = 300

func (s *session) check() *cobra.Command {
	var from sources
	format := newFormat("sarif")
	failOn := choice{"warning", []string{"error", "warning", "info"}}
	cmd := &cobra.Command{
		Use: "check [PATH...]", Short: "Name what is wrong and what it costs",
		Long: checkLong, Example: checkExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := s.checkOptions(args, from)
			if err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			// It is over soon, and needs little: collecting what it leaves would take a tenth of its time.
			defer debug.SetGCPercent(debug.SetGCPercent(checkGC))
			reports, err := s.Pipelines.Check(cmd.Context(), options)
			if err := s.showCheck(reports, err, format.value); err != nil {
				return err
			}
			return checkResult(reports, severities()[failOn.value])
		},
	}
	from.register(cmd.Flags())
	from.registerPlatform(cmd.Flags())
	format.register(cmd.Flags())
	cmd.Flags().Var(&failOn, "fail-on", "exit with 1 on findings of this severity or a higher one")
	return cmd
}

func (s *session) checkOptions(args []string, from sources) (app.CheckOptions, error) {
	way, rules, err := s.resolve(from)
	return app.CheckOptions{Paths: args, ComposeOptions: s.compose(from), Offline: from.offline, Mirrors: way.mirrors, Access: way.access, Platform: from.platform, Rules: rules}, err
}

// showCheck prints what was found, and hands on the error that ended the run.
func (s *session) showCheck(reports []*report.Report, failed error, format string) error {
	switch format {
	case "json":
		return s.writeJSON(reports, failed)
	case "sarif":
		return s.writeSARIF(reports, failed)
	}
	if len(reports) == 0 && failed != nil {
		return failed
	}
	return errors.Join(s.printer(s.Stdout).Findings(reports), failed)
}

// checkResult is the exit code that the findings call for.
func checkResult(reports []*report.Report, failOn finding.Severity) error {
	for _, r := range reports {
		if worst, any := r.Worst(); any && worst >= failOn {
			return resultError(exitFindings)
		}
	}
	return nil
}
