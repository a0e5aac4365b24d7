package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// choice is a flag that takes one of a few words.
type choice struct {
	value   string
	choices []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.choices, "|") }

func (c *choice) Set(text string) error {
	for _, one := range c.choices {
		if text == one {
			c.value = text
			return nil
		}
	}
	return fmt.Errorf("must be one of %s", strings.Join(c.choices, ", "))
}

// format is the --format flag.
type format struct{ choice }

func newFormat(more ...string) format {
	return format{choice{"text", append([]string{"text", "json"}, more...)}}
}

func (f *format) json() bool { return f.value == "json" }

func (f *format) register(flags *pflag.FlagSet) {
	flags.Var(&f.choice, "format", "how to print")
}

// severities are the values of --fail-on.
func severities() map[string]finding.Severity {
	return map[string]finding.Severity{"error": finding.Error, "warning": finding.Warning, "info": finding.Info}
}

// sources are the flags that say what rules may look at.
type sources struct {
	service string
	reach
	offline bool
	rules   []string
	// platform is what images are for; it is checked when it is set.
	platform string
}

func (f *sources) registerPlatform(flags *pflag.FlagSet) {
	flags.Var((*platform)(&f.platform), "platform", "take images, and build, for `OS/ARCH`")
}

// platform is the --platform flag.
type platform string

func (p *platform) String() string { return string(*p) }
func (p *platform) Type() string   { return "platform" }

func (p *platform) Set(text string) error {
	if err := image.CheckPlatform(text); err != nil {
		return err
	}
	*p = platform(text)
	return nil
}

// reach are the flags that say how registries are reached.
type reach struct {
	mirrors []string
	caFile  string
}

func (f *reach) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.mirrors, "mirror", nil, "ask `HOST=ADDR` in a registry's place, as docker.io=127.0.0.1:5005 (repeatable)")
	flags.StringVar(&f.caFile, "ca-file", "", "trust the certificates in `FILE` too, when asking registries; Docker and BuildKit daemons pull with their own")
}

func (f *sources) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.service, "service", "", "take what the compose file says of this `NAME`")
	flags.BoolVar(&f.offline, "offline", false, "look nothing up in registries; sizes of bases come from a table and are marked estimated")
	f.reach.register(flags)
	flags.StringSliceVar(&f.rules, "rule", nil, "run these `RULES` alone (comma-separated or repeated)")
}

// pinUsage tells of --pin, which fix and prove have.
const pinUsage = "write the digests of base images, as their registries have them now"

// compose says which compose service is meant, and what its file may refer to.
func (s *session) compose(f sources) app.ComposeOptions {
	return app.ComposeOptions{Service: f.service, Environ: s.Env}
}

// pairs reads NAME=value entries of a flag into a map, the last one of a name winning.
func pairs(flag string, entries []string) (map[string]string, error) {
	values := map[string]string{}
	for _, entry := range entries {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--%s %q: want NAME=value", flag, entry)
		}
		values[name] = value
	}
	return values, nil
}

func (f *reach) mirrorMap() (map[string]string, error) {
	mirrors, err := pairs("mirror", f.mirrors)
	if err != nil {
		return nil, fmt.Errorf("%w, as docker.io=127.0.0.1:5005", err)
	}
	for host, address := range mirrors {
		if address == "" || strings.ContainsAny(host+address, "/ ") {
			return nil, fmt.Errorf("--mirror %s=%s: want a host and an address without scheme or path, as docker.io=127.0.0.1:5005", host, address)
		}
	}
	return mirrors, nil
}

// environment completes --env entries: NAME alone takes the caller's value.
func (s *session) environment(entries []string) ([]string, error) {
	var env []string
	for _, entry := range entries {
		name, _, given := strings.Cut(entry, "=")
		if name == "" {
			return nil, fmt.Errorf("--env %q: want NAME=value, or NAME to pass on the caller's", entry)
		}
		if !given {
			value, ok := s.getenv(name)
			if !ok {
				return nil, fmt.Errorf("--env %s: the variable is not set; give it as %s=value", name, name)
			}
			entry = name + "=" + value
		}
		env = append(env, entry)
	}
	return env, nil
}

// probes brings --probe entries into the form "METHOD /path"; a path alone is a GET.
func probes(entries []string) ([]string, error) {
	var all []string
	for _, entry := range entries {
		method, path, ok := strings.Cut(strings.TrimSpace(entry), " ")
		if !ok {
			method, path = "GET", method
		}
		path = strings.TrimSpace(path)
		if method == "" || strings.Trim(strings.ToUpper(method), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("--probe %q: want a method and a path, as 'GET /health'", entry)
		}
		all = append(all, strings.ToUpper(method)+" "+path)
	}
	return all, nil
}

// atMost is cobra.MaximumNArgs with a message that says what is meant.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usageError{fmt.Errorf("%s takes no more than %d argument(s), got %q", cmd.Name(), n, args), cmd.CommandPath()}
		}
		return nil
	}
}

// flagError names the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := nearest(unknown.GetSpecifiedName(), names); len(near) > 0 {
			err = fmt.Errorf("%w; did you mean --%s?", err, strings.Join(near, ", --"))
		}
	}
	return usageError{err, cmd.CommandPath()}
}

// first is the only argument, or what stands for it.
func first(args []string, otherwise string) string {
	if len(args) > 0 {
		return args[0]
	}
	return otherwise
}
