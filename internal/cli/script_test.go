package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/plimsoll/plimsoll/internal/app"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/report/reporttest"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts run a plimsoll whose pipelines are made up: the path says what comes out; and one that really checks.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"real": func() {
			command := Command{
				Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ(), Version: Version{Version: "v1.2.3"},
				Pipelines: Pipelines{Check: app.Check, Fix: app.Fix, Prove: app.Prove, Replay: app.Replay, Rules: fakeRules},
			}
			os.Exit(command.Main(context.Background(), os.Args[1:]))
		},
		"plimsoll": func() {
			command := Command{
				Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.Environ(),
				Version:   Version{Version: "v1.2.3", Go: "go1"},
				Pipelines: Pipelines{Check: fakeCheck, Fix: fakeFix, Prove: fakeProve, Replay: fakeReplay, Inspect: app.Inspect, Doctor: fakeDoctor, Rules: fakeRules},
			}
			os.Exit(command.Main(context.Background(), os.Args[1:]))
		},
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Values[served{}] = &served{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "image": writeImage, "registry": serveImage, "stopregistry": stopRegistry},
	})
}

// exits runs a program that must end with the given exit code, or by a signal.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE|signal PROGRAM [ARGUMENT...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = strings.Replace(fmt.Sprint(exit.ExitCode()), "-1", "signal", 1)
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

// fakeDoctor tries none of the engines: what PLIMSOLL_TEST_ENGINE names is ready.
func fakeDoctor(ctx context.Context, o app.DoctorOptions) (*report.Checkup, error) {
	for i := range o.Engines {
		name := o.Engines[i].Name
		o.Engines[i].Open = func(context.Context) (engine.Engine, error) {
			if name != os.Getenv("PLIMSOLL_TEST_ENGINE") {
				return nil, fmt.Errorf("it is not installed; apt-get install %s", name)
			}
			return readyEngine{}, nil
		}
	}
	return app.Doctor(ctx, o)
}

// readyEngine starts and ends.
type readyEngine struct{ engine.Engine }

func (readyEngine) Info() engine.Info { return engine.Info{Version: "v1"} }
func (readyEngine) Close() error      { return nil }

func fakeCheck(_ context.Context, o app.CheckOptions) ([]*report.Report, error) {
	var reports []*report.Report
	var errs []error
	for _, path := range o.Paths {
		switch path {
		case "clean":
			reports = append(reports, report.New("", "clean/Dockerfile"))
		case "info":
			r := report.New("", "info/Dockerfile")
			r.Findings = []finding.Finding{{Rule: "a/b", Severity: finding.Info, File: "Dockerfile", Message: "minor"}}
			reports = append(reports, r)
		case "naive":
			reports = append(reports, reporttest.Checked())
		default:
			errs = append(errs, &report.Failure{Message: "no Dockerfile in " + path, Hint: "name one"})
		}
	}
	return reports, errors.Join(errs...)
}

func fakeFix(ctx context.Context, o app.FixOptions) (*report.Report, error) {
	switch o.Path {
	case "clean":
		r := report.New("", "clean/Dockerfile")
		r.Verdict = report.Unchanged
		return r, nil
	case "naive":
		r := reporttest.Fixed()
		if o.Accept != nil {
			return askedFix(r, o)
		}
		if o.Write {
			r.Written = []string{"Dockerfile", ".dockerignore"}
		}
		return r, nil
	case "real":
		return app.Fix(ctx, o)
	case "interrupted":
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			return nil, err
		}
		<-ctx.Done()
		return askedFix(reporttest.Fixed(), o)
	}
	return nil, fmt.Errorf("no Dockerfile in %s", o.Path)
}

// askedFix offers the report's edits one by one, as rewriting does.
func askedFix(r *report.Report, o app.FixOptions) (*report.Report, error) {
	all := r.Plan.Applied
	r.Plan.Applied = nil
	for _, a := range all {
		offer := reporttest.Fixed()
		offer.Findings, offer.Plan.Applied = offer.Findings[:1], []plan.Applied{a}
		accepted, err := o.Accept(offer)
		if err != nil {
			return nil, err
		}
		if accepted {
			r.Plan.Applied = append(r.Plan.Applied, a)
		}
	}
	if len(r.Plan.Applied) == 0 {
		r.Plan.After, r.Verdict = nil, report.Unchanged
		return r, nil
	}
	write := o.Write
	if !write {
		var err error
		if write, err = o.Confirm(r); err != nil {
			return nil, err
		}
	}
	if write {
		r.Written = []string{"Dockerfile"}
	}
	return r, nil
}

func fakeProve(ctx context.Context, o app.ProveOptions) (*report.Report, error) {
	o.Progress.Phase("building both versions")
	switch o.Path {
	case "naive":
		return reporttest.Proved(), nil
	case "partly":
		r := reporttest.Proved()
		r.Verdict = report.PartlyProven
		r.Plan.Applied[1].Proven = false
		return r, nil
	case "undelivered":
		r := reporttest.Proved()
		r.Delivered = nil
		return r, &report.Failure{Stage: "putting the image out", Message: "pushing to " + o.Delivery.Push + ": the registry is full"}
	case "unpushed":
		r := reporttest.Proved()
		r.Verdict, r.Delivered = report.Unchanged, nil
		return r, nil
	case "disproved":
		return reporttest.Disproved(), nil
	case "unbuildable":
		return reporttest.Checked(), fmt.Errorf("proving: %w", &engine.BuildError{
			Build: "before", Line: 4, Step: "[4/5] RUN pip install -r requirements.txt",
			Output: "ERROR: " + reporttest.Secret + "\x1b[31m\n", Err: errors.New("exit code: 1"),
		})
	case "unstartable":
		r := reporttest.Checked()
		r.Failure = &report.Failure{Stage: "before start", Message: "the container exited with code 7"}
		return r, r.Failure
	case "interrupted":
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			return nil, err
		}
		<-ctx.Done()
		return reporttest.Checked(), ctx.Err()
	case "interrupted-twice":
		// A run that does not heed its context. The signal's default effect is
		// back a moment after the context has ended.
		for {
			if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
				return nil, err
			}
			<-ctx.Done()
		}
	}
	return nil, errors.New("no engine: runc is not installed (apt-get install runc)")
}

func fakeRules() []*rule.Rule {
	return []*rule.Rule{
		{ID: "size/heavy-base", Severity: finding.Warning, Safety: finding.Unsafe, Doc: rule.Doc{Summary: "the base has a slimmer variant", What: "The final stage uses a full image.", Before: "-- Dockerfile --\nFROM python:3.11\n"}},
		{ID: "security/root-user", Severity: finding.Error, Safety: finding.Unsafe, Doc: rule.Doc{Summary: "the application runs as root"}},
		{ID: "cache/update-apart", Severity: finding.Warning, Safety: finding.Safe, Doc: rule.Doc{Summary: "update and install are apart"}},
		{ID: "security/unpinned-base", Severity: finding.Info, Safety: finding.Display, Doc: rule.Doc{Summary: "the base has no digest"}},
	}
}

func fakeReplay(_ context.Context, o app.ReplayOptions) (*report.Report, error) {
	if o.Path == "young" {
		return nil, &report.Failure{Stage: "reading the history", Message: "the repository has no commit yet", Hint: "commit something first"}
	}
	r := reporttest.Replayed()
	r.Notes = append(r.Notes, fmt.Sprintf("options: %d %q %q %q %q", o.Commits, o.Since, o.Branch, o.PerCommit, o.Target))
	return r, nil
}
