package cli

import (
	"context"
	"encoding/json"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/spf13/cobra"
)

const doctorLong = `Doctor tells which engines can build and run here, what is missing and how to get
it. Each engine is really started, and ended again; nothing is built.

It exits with 1 when there is no engine that prove could use.`

const doctorExample = `  plimsoll doctor
  BUILDKIT_HOST=tcp://builder:1234 plimsoll doctor
  plimsoll doctor --format json | jq -r .engine`

func (s *session) doctor() *cobra.Command {
	format := newFormat()
	var options app.ProveOptions
	cmd := &cobra.Command{
		Use: "doctor", Short: "Tell which engines can be used, and what is missing",
		Long: doctorLong, Example: doctorExample, Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			progress := s.progress()
			c, err := s.Pipelines.Doctor(cmd.Context(), app.DoctorOptions{
				Version: s.Version.String(), Engines: s.candidates(options), Progress: progress,
			})
			progress.Close()
			if err != nil {
				return err
			}
			return s.showCheckup(c, format.json())
		},
	}
	format.register(cmd.Flags())
	cmd.Flags().StringVar(&options.State, "state", "", "look at the embedded engine with its state in `DIR` (default: in the user's cache)")
	return cmd
}

func (s *session) showCheckup(c *report.Checkup, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(s.Stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(struct {
			Schema string `json:"schema"`
			*report.Checkup
		}{"plimsoll.doctor/1", c}); err != nil {
			return err
		}
	} else if err := s.printer(s.Stdout).Checkup(c); err != nil {
		return err
	}
	if c.Engine == "" {
		return resultError(exitFindings)
	}
	return nil
}

// candidates are the engines in the order in which --engine auto takes them, opened and held to the same as there.
func (s *session) candidates(opts app.ProveOptions) []app.Candidate {
	type open = func(context.Context) (engine.Engine, error)
	usable := func(open open) open {
		return func(ctx context.Context) (engine.Engine, error) {
			e, err := open(ctx)
			if err != nil {
				return nil, err
			}
			return held(e)
		}
	}
	builders, why := s.builders(opts)
	far := app.Candidate{Name: engineRemote, Open: usable(func(ctx context.Context) (engine.Engine, error) { return openRemote(ctx, opts, builders, why) })}
	far.Only = why
	if len(builders) == 0 {
		far.NotSet = "no BuildKit daemon is named (" + builderVariable + ", --builder)"
	}
	return []app.Candidate{
		far,
		{Name: engineDocker, Open: usable(func(ctx context.Context) (engine.Engine, error) { return s.askDocker(ctx, opts, "") })},
		{Name: engineEmbedded, Open: usable(func(ctx context.Context) (engine.Engine, error) { return openEmbedded(ctx, opts, "") })},
	}
}
