package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/spf13/cobra"
)

const proveLong = `Prove rewrites a Dockerfile in memory, builds both versions, runs both, sends
both the same requests, measures, and prints findings, diff and table. With
--write it changes the files to what was proven, and to nothing else.

The proven image is written, pushed or loaded with --output, --push and --load.

It exits with 0 when the verdict is proven or unchanged, with 1 when it is
partly-proven (0 with --allow-partial), unproven or failed, and with 3 when no
verdict could be reached, for example because the Dockerfile as it is does not build. It
also exits with 1 when an image was to be put out and none was.`

const proveExample = `  plimsoll prove
  plimsoll prove services/api --env-file .env --probe 'GET /items?limit=3' --write
  plimsoll prove --against Dockerfile.mine
  plimsoll prove --skip cold-build,pull        # quicker, and as sound
  plimsoll prove --engine docker
  plimsoll prove --push registry.example/app:1.4 --output app.tar --attest provenance,sbom
  plimsoll prove --builder tcp://build1:1234 --builder tcp://build2:1234 --tlsdir ~/.buildkit
  plimsoll prove --mirror docker.io=127.0.0.1:5005 --format json > proof.json`

// proveFlags are the flags of prove as they were given.
type proveFlags struct {
	sources
	engine                               engineFlags
	limits                               limitFlags
	delivery                             deliveryFlags
	format                               format
	against, envFile, target, state      string
	env, buildArgs, probes               []string
	requests, samples                    int
	keep, write, pin, allowPartial, warm bool
	skip                                 []string
	timeout, startTimeout                time.Duration
}

func (s *session) prove() *cobra.Command {
	f := proveFlags{format: newFormat(), engine: newEngineFlags()}
	cmd := &cobra.Command{
		Use: "prove [PATH]", Short: "Build and run both versions, and compare",
		Long: proveLong, Example: proveExample, Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := s.proveOptions(first(args, "."), &f)
			if err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			progress := s.progress()
			options.Progress = progress
			r, err := s.Pipelines.Prove(cmd.Context(), options)
			progress.Close()
			if err := s.showProof(cmd.Context(), r, err, f.format.json()); err != nil {
				return err
			}
			if err := proofResult(r.Verdict, f.allowPartial); err != nil {
				return err
			}
			return putOut(r, options.Delivery)
		},
	}
	f.register(cmd)
	return cmd
}

func (f *proveFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.sources.register(flags)
	f.registerPlatform(flags)
	f.format.register(flags)
	f.engine.register(flags)
	f.limits.register(flags)
	f.delivery.register(flags)
	flags.BoolVar(&f.write, "write", false, "change the files to what was proven")
	flags.BoolVar(&f.pin, "pin", false, pinUsage)
	flags.StringVar(&f.against, "against", "", "prove this Dockerfile in place of the rewritten one: `FILE` (with FILE.dockerignore, if there is one)")
	flags.StringVar(&f.envFile, "env-file", "", "give both containers the variables in `FILE`")
	flags.StringArrayVarP(&f.env, "env", "e", nil, "give both containers `NAME=value`, or the caller's NAME (repeatable)")
	flags.StringArrayVar(&f.probes, "probe", nil, "send `'GET /path'` as well (repeatable)")
	flags.IntVar(&f.requests, "requests", app.DefaultRequests, "requests before memory is read")
	flags.IntVar(&f.samples, "samples", app.DefaultSamples, "samples of timed figures")
	flags.DurationVar(&f.timeout, "timeout", app.DefaultTimeout, "limit of the whole proof; 0 is none")
	flags.DurationVar(&f.startTimeout, "start-timeout", 0, "how long the application may take to answer; 0 is a minute")
	flags.StringSliceVar(&f.skip, "skip", nil, "leave out `FIGURES` that take time: cold-build, rebuild, push, pull")
	flags.BoolVar(&f.warm, "warm", false, "build with the build cache: --skip cold-build")
	flags.BoolVar(&f.keep, "keep", false, "leave the unpacked layers of both images behind")
	flags.StringVar(&f.state, "state", "", "keep the engine's state in `DIR` (default: in the user's cache)")
	flags.StringVar(&f.target, "target", "", "build this `STAGE` instead of the last")
	flags.StringArrayVar(&f.buildArgs, "build-arg", nil, "set a build argument: `NAME=value` (repeatable)")
	flags.BoolVar(&f.allowPartial, "allow-partial", false, "exit with 0 when the verdict is partly-proven")
}

// proveOptions checks the flags and turns them into options.
func (s *session) proveOptions(path string, f *proveFlags) (app.ProveOptions, error) {
	way, rules, err1 := s.resolve(f.sources)
	env, err2 := s.environment(f.env)
	buildArgs, err3 := pairs("build-arg", f.buildArgs)
	probes, err4 := probes(f.probes)
	skip, err5 := f.skipped()
	engineOptions, err6 := f.engine.options()
	limits, err7 := f.limits.limits()
	delivery, err8 := s.delivery(f.delivery, path, f.allowPartial)
	options := app.ProveOptions{
		OpenEngine: s.openEngine, EngineOptions: engineOptions, Limits: limits, ComposeOptions: s.compose(f.sources),
		Path: path, Against: f.against, EnvFile: f.envFile, Target: f.target, State: f.state,
		Env: env, BuildArgs: buildArgs, Probes: probes, Requests: f.requests, Samples: f.samples,
		Keep: f.keep, Write: f.write, Pin: f.pin, Delivery: delivery, Timeout: f.timeout, Skip: skip, StartTimeout: f.startTimeout,
		Mirrors: way.mirrors, Access: way.access, Platform: f.platform, Rules: rules, Offline: f.offline,
	}
	return options, errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, f.validate())
}

// skipped are the figures that are left out, each once.
func (f *proveFlags) skipped() (metrics []measure.Metric, err error) {
	names := slices.Clone(f.skip)
	if f.warm {
		names = append(names, flagName(measure.ColdBuild))
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		all := app.Skippable()
		i := slices.IndexFunc(all, func(m measure.Metric) bool { return flagName(m) == name })
		if i < 0 {
			var known []string
			for _, m := range all {
				known = append(known, flagName(m))
			}
			return nil, fmt.Errorf("--skip %s: want %s", name, strings.Join(known, ", "))
		}
		metrics = append(metrics, all[i])
	}
	return metrics, nil
}

// flagName is a metric as it is written on the command line: cold-build.
func flagName(m measure.Metric) string {
	return strings.ReplaceAll(strings.TrimSuffix(string(m), "_seconds"), "_", "-")
}

func (f *proveFlags) validate() error {
	switch {
	case f.requests < 1:
		return fmt.Errorf("--requests %d: want at least 1", f.requests)
	case f.samples < 1:
		return fmt.Errorf("--samples %d: want at least 1", f.samples)
	case f.startTimeout < 0:
		return fmt.Errorf("--start-timeout %s: want 0 or more", f.startTimeout)
	case f.timeout < 0:
		return fmt.Errorf("--timeout %s: want 0 or more", f.timeout)
	case f.against != "" && f.write:
		return errors.New("--against and --write exclude each other: a Dockerfile that you wrote is there already")
	}
	return nil
}

// showProof prints the proof as far as it got, and hands on the error that ended it.
func (s *session) showProof(ctx context.Context, r *report.Report, failed error, asJSON bool) error {
	if asJSON {
		return s.writeJSON(present(r), failed)
	}
	// A proof that is over is shown, also when its files could not be written or its image not be put out.
	if r == nil || failed != nil && r.Verdict != report.Proven && r.Verdict != report.PartlyProven {
		return s.ended(ctx, r, failed)
	}
	out := s.printer(s.Stdout)
	if !s.quiet {
		err := errors.Join(out.Findings(present(r)), s.blank(), out.Diff(r), s.blank())
		if err != nil {
			return err
		}
	}
	err := out.Comparison(r)
	if r.Failure != nil {
		err = errors.Join(err, s.blank(), out.Failure(r, r.Failure))
	}
	if failed != nil {
		err = errors.Join(err, s.ended(ctx, r, failed))
	}
	return err
}

func (s *session) blank() error {
	_, err := fmt.Fprintln(s.Stdout)
	return err
}

// proofResult is the exit code that the verdict calls for.
func proofResult(v report.Verdict, allowPartial bool) error {
	if v.OK() || v == report.PartlyProven && allowPartial {
		return nil
	}
	return resultError(exitFindings)
}
