package cli

import (
	"context"
	"errors"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/spf13/cobra"
)

const fixLong = `Fix rewrites a Dockerfile, and the files beside it, without building anything.
It prints a unified diff that patch -p1 and git apply take, or changes the files
with --write. Edits that could change what the application sees are marked
unproven: plimsoll prove builds and runs them; --safe leaves them out.

With --rule it applies the edits of some rules alone. With --interactive it goes
through the edits one by one, shows what each does by itself, and takes what is
answered with y. Later edits are made for the files as the accepted ones leave
them. At the end it asks whether to write, unless --write says so already.

On a terminal the diff masks secrets that it takes out. Written to a file or a
pipe it is exact, since otherwise it could not be applied.`

const fixExample = `  plimsoll fix
  plimsoll fix --safe --write
  plimsoll fix --pin --rule unpinned-base --write
  plimsoll fix --rule update-apart,package-cache-kept
  plimsoll fix --interactive
  plimsoll fix services/api > api.patch`

func (s *session) fix() *cobra.Command {
	var from sources
	var target string
	var buildArgs []string
	var safe, pin, write, interactive bool
	format := newFormat()
	cmd := &cobra.Command{
		Use: "fix [PATH]", Short: "Rewrite the Dockerfile",
		Long: fixLong, Example: fixExample, Args: atMost(1),
		RunE: func(cmd *cobra.Command, paths []string) error {
			way, rules, err := s.resolve(from)
			args, argsErr := pairs("build-arg", buildArgs)
			if err = errors.Join(err, argsErr); err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			options := app.FixOptions{
				Path: first(paths, "."), Safe: safe, Pin: pin, Write: write,
				ComposeOptions: s.compose(from), Target: target, BuildArgs: args,
				Rules: rules, Offline: from.offline, Mirrors: way.mirrors, Access: way.access, Platform: from.platform,
			}
			told := shown{written: write}
			var d *dialogue
			if interactive {
				d = s.newDialogue(cmd.Context())
				options.Accept, options.Confirm = d.accept, d.confirm
			}
			r, err := s.Pipelines.Fix(cmd.Context(), options)
			told.diff = d != nil && d.shown
			return s.showFix(cmd.Context(), r, err, format.json(), told)
		},
	}
	from.register(cmd.Flags())
	from.registerPlatform(cmd.Flags())
	format.register(cmd.Flags())
	cmd.Flags().StringVar(&target, "target", "", "rewrite for builds of this `STAGE` instead of the last")
	cmd.Flags().StringArrayVar(&buildArgs, "build-arg", nil, "set a build argument: `NAME=value` (repeatable)")
	cmd.Flags().BoolVar(&safe, "safe", false, "apply safe edits alone")
	cmd.Flags().BoolVar(&pin, "pin", false, pinUsage)
	cmd.Flags().BoolVarP(&interactive, "interactive", "i", false, "ask about each edit")
	cmd.Flags().BoolVar(&write, "write", false, "change the files instead of printing a diff")
	return cmd
}

// shown says what of a rewrite was told already.
type shown struct{ written, diff bool }

// showFix prints the diff to standard output and what was decided to standard
// error, so that the diff alone goes into a pipe. A diff that was shown on the same terminal,
// or that was written to the files, is not printed again.
func (s *session) showFix(ctx context.Context, r *report.Report, failed error, asJSON bool, told shown) error {
	if asJSON {
		return s.writeJSON(present(r), failed)
	}
	if r == nil || failed != nil {
		return s.ended(ctx, r, failed)
	}
	_, onTerminal := terminal(s.Stdout)
	if told.written || len(r.Written) > 0 || told.diff && onTerminal {
		return s.printer(s.Stdout).Plan(r)
	}
	out := s.printer(s.Stdout)
	diff := out.Patch
	if onTerminal {
		diff = out.Diff
	}
	if err := diff(r); err != nil || s.quiet {
		return err
	}
	return s.printer(s.Stderr).Plan(r)
}
