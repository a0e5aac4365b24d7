package cli

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/report"
)

var errStop = errors.New("stop")

// capture runs a command line and returns the options that the pipeline got.
func capture(args ...string) (options any, stderr string, code int) {
	var errs bytes.Buffer
	reached := true // whether the pipeline was given a way to registries
	c := Command{
		Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &errs, Env: []string{"TOKEN=from-outside"},
		Pipelines: Pipelines{
			Rules: fakeRules,
			Check: func(_ context.Context, o app.CheckOptions) ([]*report.Report, error) {
				reached, o.Access = o.Access != nil, nil
				options = o
				return nil, errStop
			},
			Fix: func(_ context.Context, o app.FixOptions) (*report.Report, error) {
				reached, o.Access = o.Access != nil, nil
				options = o
				return nil, errStop
			},
			Replay: func(_ context.Context, o app.ReplayOptions) (*report.Report, error) {
				reached, o.Access = o.Access != nil, nil
				options = o
				return nil, errStop
			},
			Prove: func(_ context.Context, o app.ProveOptions) (*report.Report, error) {
				reached, o.Access = o.Access != nil, nil
				o.Progress = nil
				options = o
				return nil, errStop
			},
		},
	}
	code = c.Main(context.Background(), args)
	if !reached {
		return nil, "no way to registries was handed on", exitUsage
	}
	return options, errs.String(), code
}

func TestOptions(t *testing.T) {
	none := map[string]string{}
	caller := app.ComposeOptions{Environ: []string{"TOKEN=from-outside"}}
	web := caller
	web.Service = "web"
	for _, test := range []struct {
		args string
		want any
	}{
		{"check", app.CheckOptions{ComposeOptions: caller, Paths: []string{}, Mirrors: none}},
		{"check a b --offline --rule heavy-base,security/root-user --rule build/JSONArgsRecommended", app.CheckOptions{
			ComposeOptions: caller, Paths: []string{"a", "b"}, Offline: true, Mirrors: none,
			Rules: []string{"size/heavy-base", "security/root-user", "build/JSONArgsRecommended"},
		}},
		{"check --mirror docker.io=127.0.0.1:5005 --mirror ghcr.io=[::1]:80", app.CheckOptions{
			ComposeOptions: caller, Paths: []string{}, Mirrors: map[string]string{"docker.io": "127.0.0.1:5005", "ghcr.io": "[::1]:80"},
		}},
		{"prove --skip pull --skip rebuild,pull --warm", app.ProveOptions{
			ComposeOptions: caller, Path: ".", BuildArgs: none, Mirrors: none, Requests: app.DefaultRequests, Samples: app.DefaultSamples, Timeout: app.DefaultTimeout,
			Skip: []measure.Metric{measure.ColdBuild, measure.Pull, measure.Rebuild},
		}},
		{"prove --memory 512MB --pids 100 --disk 0", app.ProveOptions{
			ComposeOptions: caller, Path: ".", BuildArgs: none, Mirrors: none, Requests: app.DefaultRequests, Samples: app.DefaultSamples, Timeout: app.DefaultTimeout,
			Limits: engine.Limits{Memory: 512e6, Processes: 100, Disk: -1},
		}},
		{"fix", app.FixOptions{ComposeOptions: caller, Path: ".", BuildArgs: none, Mirrors: none}},
		{"fix x --safe --write", app.FixOptions{ComposeOptions: caller, Path: "x", Safe: true, Write: true, BuildArgs: none, Mirrors: none}},
		{"fix x --service web --target prod --build-arg V=1", app.FixOptions{
			ComposeOptions: web, Path: "x", Target: "prod", BuildArgs: map[string]string{"V": "1"}, Mirrors: none,
		}},
		{"replay x --service web --target prod --build-arg V=1 --commits 3", app.ReplayOptions{
			ComposeOptions: web, Path: "x", Target: "prod", BuildArgs: map[string]string{"V": "1"}, Mirrors: none, Commits: 3,
		}},
		{"prove", app.ProveOptions{
			ComposeOptions: caller, Path: ".", Requests: app.DefaultRequests, Samples: app.DefaultSamples, Timeout: app.DefaultTimeout,
			BuildArgs: none, Mirrors: none,
		}},
		{"prove --engine docker --network host", app.ProveOptions{
			ComposeOptions: caller, Path: ".", Requests: app.DefaultRequests, Samples: app.DefaultSamples, Timeout: app.DefaultTimeout,
			BuildArgs: none, Mirrors: none, EngineOptions: app.EngineOptions{Kind: "docker", Network: "host"},
		}},
		{"prove --builder tcp://one:1234 --builder unix:///run/two --tlsdir D", app.ProveOptions{
			ComposeOptions: caller, Path: ".", Requests: app.DefaultRequests, Samples: app.DefaultSamples, Timeout: app.DefaultTimeout,
			BuildArgs: none, Mirrors: none, EngineOptions: app.EngineOptions{Builders: []string{"tcp://one:1234", "unix:///run/two"}, Certificates: "D"},
		}},
		{"prove x --against D --env-file E --env A=b=c -e TOKEN --probe /a --probe post_/b --requests 7 --samples 2 --keep" +
			" --timeout 90s --state S --build-arg V=1 --target t --offline", app.ProveOptions{
			ComposeOptions: caller, Path: "x", Against: "D", EnvFile: "E", Env: []string{"A=b=c", "TOKEN=from-outside"}, Probes: []string{"GET /a", "POST /b"},
			Requests: 7, Samples: 2, Keep: true, Timeout: 90 * time.Second, State: "S", Target: "t", Offline: true,
			BuildArgs: map[string]string{"V": "1"}, Mirrors: none,
		}},
		{"prove My.Shop1 --load --push r.example/shop:1 --output out.tar --attest sbom,provenance --allow-partial", proved(func(o *app.ProveOptions) {
			o.Path = "My.Shop1"
			o.Delivery = app.Delivery{Output: "out.tar", Push: "r.example/shop:1", Load: "myshop1:proven", Attest: []string{"provenance", "sbom"}, Partly: true}
		})},
		{"prove --load=shop:2 --attest none --put-out-any", proved(func(o *app.ProveOptions) {
			o.Delivery = app.Delivery{Load: "shop:2", Attest: []string{}, Any: true}
		})},
	} {
		args := strings.Fields(test.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", " ")
		}
		got, stderr, code := capture(args...)
		if prove, ok := got.(app.ProveOptions); ok {
			if prove.OpenEngine == nil {
				t.Errorf("%s: no engine is chosen", test.args)
			}
			if (prove.Delivery.Loader != nil) != (prove.Delivery.Load != "") {
				t.Errorf("%s: loads %q, loader given: %v", test.args, prove.Delivery.Load, prove.Delivery.Loader != nil)
			}
			prove.OpenEngine, prove.Delivery.Loader = nil, nil // functions can't be compared
			got = prove
		}
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v\n%s", test.args, got, test.want, stderr)
		}
		if code != exitFailure {
			t.Errorf("%s: exit code %d", test.args, code)
		}
	}
}

// proved are the options of a plain prove, changed.
func proved(change func(*app.ProveOptions)) app.ProveOptions {
	o := app.ProveOptions{
		ComposeOptions: app.ComposeOptions{Environ: []string{"TOKEN=from-outside"}}, Path: ".",
		Requests: app.DefaultRequests, Samples: app.DefaultSamples, Timeout: app.DefaultTimeout,
		BuildArgs: map[string]string{}, Mirrors: map[string]string{},
	}
	change(&o)
	return o
}

func TestUsage(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"frobnicate", `unknown command "frobnicate"`},
		{"chekc", "check"},
		{"check --ofline", "did you mean --offline?"},
		{"check --format yaml", "must be one of text, json"},
		{"check --fail-on never", "must be one of error, warning, info"},
		{"check --rule heavy-bse", "did you mean size/heavy-base?"},
		{"check --mirror docker.io", "want NAME=value, as docker.io=127.0.0.1:5005"},
		{"check --mirror docker.io=http://x", "without scheme or path"},
		{"check --ca-file none.pem", "--ca-file: reading the CA's certificates: open none.pem"},
		{"check -q -v", "exclude each other"},
		{"fix a b", "no more than 1 argument"},
		{"prove --env =x", "want NAME=value"},
		{"prove --env NOT_SET", "the variable is not set"},
		{"prove --probe health", "as 'GET /health'"},
		{"prove --probe 1_/a", "as 'GET /health'"},
		{"prove --requests 0", "at least 1"},
		{"prove --memory lots", "want a size"},
		{"prove --memory 1MB", "no container runs with less than 16000000 bytes"},
		{"prove --pids many", "want a number, or 0 for no limit"},
		{"prove --pids 3", "no container runs with less than 16"},
		{"prove --disk -1", "want a size"},
		{"prove --skip size", "--skip size: want cold-build, rebuild, push, pull"},
		{"prove --samples -1", "at least 1"},
		{"prove --timeout -1s", "0 or more"},
		{"prove --timeout soon", "invalid"},
		{"prove --build-arg V", "want NAME=value"},
		{"prove --against D --write", "exclude each other"},
		{"prove --push Not:A:Name", "want a name, as registry.example/app:1.4"},
		{"prove --push app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "want a name"},
		{"prove --push app:1 --attest none,sbom", "want none, or some of provenance, sbom"},
		{"prove --attest sbom", "go with --output, --push or --load"},
		{"prove --platform arm64", "os/arch[/variant]"},
		{"prove --engine podman", "must be one of auto, embedded, docker, remote"},
		{"prove --engine docker --builder tcp://one:1234", "exclude each other"},
		{"prove --engine embedded --network none", "the host's network"},
		{"prove --builder one:1234", "no address of a BuildKit daemon"},
		{"prove --builder ftp://one", "no address of a BuildKit daemon"},
		{"explain root", "did you mean security/root-user?"},
		{"explain nothing-like-it", "plimsoll explain lists all"},
		{"version now", "no more than 0 argument"},
	} {
		args := strings.Fields(test.args)
		for i := range args {
			if strings.HasPrefix(args[i], "1_") {
				args[i] = strings.ReplaceAll(args[i], "_", " ")
			}
		}
		options, stderr, code := capture(args...)
		if code != exitUsage || options != nil {
			t.Errorf("%s: exit code %d, pipeline run: %v", test.args, code, options != nil)
		}
		if !strings.Contains(stderr, test.want) || !strings.Contains(stderr, "--help") {
			t.Errorf("%s: no %q or no hint in %q", test.args, test.want, stderr)
		}
	}
}

func TestVersionOf(t *testing.T) {
	v := versionOf(&debug.BuildInfo{
		GoVersion: "go1.26", Main: debug.Module{Version: "v1.0.0"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}},
	})
	if got, want := v.String(), "plimsoll v1.0.0 0123456789ab (modified) go1.26"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := versionOf(&debug.BuildInfo{}).Version; got != "(devel)" {
		t.Errorf("without a version: %q", got)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"check", "fix", "prove", "explain", "version"}
	for word, want := range map[string]string{
		"chek": "check", "fx": "fix", "porve": "prove", "expl": "explain", "zzzz": "", "": "",
	} {
		if got := strings.Join(nearest(word, names), " "); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"same", "same", 0}} {
		if got := distance(test.a, test.b); got != test.want || distance(test.b, test.a) != got {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
