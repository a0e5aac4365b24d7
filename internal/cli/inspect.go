package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/engine/docker"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/inspect"
	htmlreport "github.com/plimsoll/plimsoll/internal/report/html"
	jsonreport "github.com/plimsoll/plimsoll/internal/report/json"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const placeLong = `IMAGE is one of
  a reference, asked of its registry (no engine is needed)
  a folder with an OCI layout, or as skopeo's dir: writes it
  a docker-archive or OCI layout in a tar file, also gzip or zstd compressed
  docker:NAME, podman:NAME or containerd:NAME, asked of the engine: the one that
    DOCKER_HOST or Docker's context, CONTAINER_HOST, or CONTAINERD_ADDRESS name`

const inspectLong = `Inspect tells what a built image carries: its layers and the instructions that
made them, every wasted byte with its cause, credentials in all layers, in the
config and in the history, what its packages weigh, and what makes it unfit for
production. Nothing is unpacked, nothing runs.

` + placeLong + `

It exits with 1 when the image is over a budget: --max-size, --max-waste,
--max-layers, --fail-on.`

const inspectExample = `  plimsoll inspect nginx:1.29
  plimsoll inspect image.tar --no-secrets
  plimsoll inspect image.tar --tree
  plimsoll inspect image.tar --format html > image.html
  plimsoll inspect docker:myapp:latest --max-waste 5% --max-layers 20
  plimsoll inspect registry.example/app@sha256:… --fail-on error --format json`

// imageFlags are those that inspect and compare share.
type imageFlags struct {
	reach     reach
	format    format
	platform  string
	noSecrets bool
	noCache   bool
	budget    budgetFlags
}

func newImageFlags(formats ...string) *imageFlags {
	return &imageFlags{format: newFormat(formats...), budget: budgetFlags{failOn: choice{"never", []string{"error", "warning", "info", "never"}}}}
}

func (f *imageFlags) register(flags *pflag.FlagSet) {
	f.format.register(flags)
	f.budget.register(flags)
	f.reach.register(flags)
	flags.Var((*platform)(&f.platform), "platform", "of an image for several, take `OS/ARCH` (default linux/amd64)")
	flags.BoolVar(&f.noSecrets, "no-secrets", false, "don't search the layers for credentials, which takes most of the time")
	flags.BoolVar(&f.noCache, "no-cache", false, "read all layers again, and keep nothing")
}

// budgetFlags are the limits as they were given.
type budgetFlags struct {
	size, waste string
	layers      int
	failOn      choice
}

func (f *budgetFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.size, "max-size", "", "exit with 1 over this uncompressed `SIZE`, as 200MB")
	flags.StringVar(&f.waste, "max-waste", "", "exit with 1 over this waste: a `SIZE`, or a share as 5%")
	flags.IntVar(&f.layers, "max-layers", -1, "exit with 1 over this `NUMBER` of layers")
	flags.Lookup("max-layers").DefValue = "0" // no limit: nothing to be told in the help
	flags.Var(&f.failOn, "fail-on", "exit with 1 on points of fitness, credentials among them, of this level or a graver one")
}

func (f *budgetFlags) budget() (inspect.Budget, error) {
	b := inspect.Unlimited()
	b.Layers = f.layers
	if f.failOn.value != "never" {
		b.FailOn = inspect.Level(f.failOn.value)
	}
	var err1, err2 error
	if f.size != "" {
		b.Size, err1 = parseSize("max-size", f.size)
	}
	if share, ok := strings.CutSuffix(f.waste, "%"); ok {
		b.WastePercent, err2 = strconv.ParseFloat(share, 64)
		if err2 != nil || !(b.WastePercent >= 0 && b.WastePercent <= 100) {
			err2 = fmt.Errorf("--max-waste %q: want a share from 0%% to 100%%", f.waste)
		}
	} else if f.waste != "" {
		b.Waste, err2 = parseSize("max-waste", f.waste)
	}
	return b, errors.Join(err1, err2)
}

// parseSize reads 200MB, 1.5GB, 64kB, 12345 (bytes), in powers of ten as Docker prints sizes.
func parseSize(flag, text string) (int64, error) {
	number, unit := strings.TrimSpace(strings.ToUpper(text)), 1.0
	for _, u := range []struct {
		suffix string
		factor float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1}} {
		if n, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = strings.TrimSpace(n), u.factor
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n >= 0) || n*unit > math.MaxInt64/2 {
		return 0, fmt.Errorf("--%s %q: want a size, as 200MB or 1.5GB", flag, text)
	}
	return int64(n * unit), nil
}

func (s *session) inspect() *cobra.Command {
	f := newImageFlags("html")
	var tree bool
	cmd := &cobra.Command{
		Use: "inspect IMAGE", Short: "Tell what a built image carries: layers, waste, credentials, packages",
		Long: inspectLong, Example: inspectExample, Args: exactly(1, "an image"),
		RunE: func(cmd *cobra.Command, args []string) error {
			budget, err := f.budget.budget()
			if err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			if tree {
				r, err := s.browse(cmd, f, args[0])
				if r == nil || err != nil {
					return err
				}
				return s.overBudget(budget.Exceeded(r), false)
			}
			reports, err := s.look(cmd, f, args)
			if err != nil {
				return s.imageFailure(err, f.format.json())
			}
			over := budget.Exceeded(reports[0])
			switch f.format.value {
			case "json":
				err = jsonreport.WriteInspection(s.Stdout, reports[0], s.Version.Version, over)
			case "html":
				_, err = s.Stdout.Write(htmlreport.Treemap(reports[0]))
			default:
				err = s.printer(s.Stdout).Inspection(reports[0])
			}
			return errors.Join(err, s.overBudget(over, f.format.json()))
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().BoolVar(&tree, "tree", false, "browse the layers and the files that they change, in the terminal")
	return cmd
}

const compareLong = `Compare sets two images side by side: size by cause and by package, files added,
removed and changed, and differences of the config.

` + placeLong + `

It exits with 1 when B is over a budget (--max-size, --max-waste, --max-layers,
--fail-on) or, with --max-growth, larger than A by more than that.`

const compareExample = `  plimsoll compare app:1.4 app:1.5
  plimsoll compare app:1.4 docker:app:dev --max-growth 10MB
  plimsoll compare old.tar new.tar --format json --no-secrets`

func (s *session) compare() *cobra.Command {
	f := newImageFlags()
	var growth string
	cmd := &cobra.Command{
		Use: "compare A B", Short: "Set two built images side by side",
		Long: compareLong, Example: compareExample, Args: exactly(2, "two images"),
		RunE: func(cmd *cobra.Command, args []string) error {
			budget, err := f.budget.budget()
			most := int64(-1)
			if growth != "" && err == nil {
				most, err = parseSize("max-growth", growth)
			}
			if err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			reports, err := s.look(cmd, f, args)
			if err != nil {
				return s.imageFailure(err, f.format.json())
			}
			c := inspect.Compare(reports[0], reports[1])
			over := budget.Exceeded(c.B)
			if grown := c.B.ArchiveBytes - c.A.ArchiveBytes; most >= 0 && grown > most {
				over = append(over, fmt.Sprintf("growth: %.1f MB, allowed are %.1f MB", float64(grown)/1e6, float64(most)/1e6))
			}
			if f.format.json() {
				err = jsonreport.WriteComparison(s.Stdout, c, s.Version.Version, over)
			} else {
				err = s.printer(s.Stdout).ImageComparison(c)
			}
			return errors.Join(err, s.overBudget(over, f.format.json()))
		},
	}
	f.register(cmd.Flags())
	cmd.Flags().StringVar(&growth, "max-growth", "", "exit with 1 when B is larger than A by more than this `SIZE`, as 10MB")
	return cmd
}

// inspectGC is how much garbage may lie around, in percent of what lives.
const inspectGC = 30

// look inspects images one after the other.
func (s *session) look(cmd *cobra.Command, f *imageFlags, places []string) (reports []*inspect.Report, err error) {
	way, err := s.way(f.reach)
	if err != nil {
		return nil, usageError{err, cmd.CommandPath()}
	}
	progress := s.progress()
	defer progress.Close()
	// What lives while a large image is looked at is small; with Go's default as much again would lie around.
	defer debug.SetGCPercent(debug.SetGCPercent(inspectGC))
	for _, place := range places {
		r, err := s.Pipelines.Inspect(cmd.Context(), app.InspectOptions{
			Place: place, Platform: f.platform, Mirrors: way.mirrors, Access: way.access, Docker: s.dockerEngine, Secrets: !f.noSecrets, NoCache: f.noCache, Progress: progress,
		})
		if err != nil {
			return nil, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// dockerEngine is the Docker Engine that the docker command would talk to.
func (s *session) dockerEngine() (image.Engine, error) {
	endpoint, err := s.dockerEndpoint()
	if err != nil {
		return image.Engine{}, err
	}
	dial, err := docker.Dial(endpoint)
	return image.Engine{At: endpoint.Host, Dial: dial}, err
}

// imageFailure tells what kept an image from being read.
func (s *session) imageFailure(err error, asJSON bool) error {
	if !asJSON || errors.As(err, &usageError{}) || errors.Is(err, context.Canceled) {
		return err
	}
	return s.writeJSON(nil, err)
}

// overBudget tells in what an image is over its budget, on standard error: the result is on standard output.
func (s *session) overBudget(over []string, told bool) error {
	if len(over) == 0 {
		return nil
	}
	if !told {
		for _, line := range over {
			fmt.Fprintf(s.Stderr, "plimsoll: over budget: %s\n", line)
		}
	}
	return resultError(exitFindings)
}

func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("%s takes %s, got %q", cmd.Name(), what, args), cmd.CommandPath()}
		}
		return nil
	}
}
