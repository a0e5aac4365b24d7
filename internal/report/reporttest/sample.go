// Package reporttest holds a made-up report with every field in use, for the
// tests of the renderers.
package reporttest

import (
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/report"
)

// Secret is the value baked into the sample's Dockerfile; no rendering may hold it.
const Secret = "sk-3f9c0d77aa41"

// Source is the sample's Dockerfile.
const Source = `FROM python:3.11
ENV API_KEY=` + Secret + `
COPY . .
RUN pip install -r requirements.txt
CMD uvicorn app:app --host 0.0.0.0
`

// Rewritten is the sample's Dockerfile after the plan.
const Rewritten = `FROM python:3.11-slim
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
USER 10001:10001
CMD ["uvicorn", "app:app", "--host", "0.0.0.0"]
`

// Checked is a report as check makes it.
func Checked() *report.Report {
	r := report.New("1.2.3", "service/Dockerfile")
	r.Root = "service"
	r.Sources = map[string]string{"Dockerfile": Source}
	r.Findings = findings()
	r.Suppressed = []report.Suppressed{{Rule: "runtime/missing-labels", File: "Dockerfile", Line: 1, By: 1}}
	r.NotEvaluated = []report.NotEvaluated{{Rule: "size/single-stage", Reason: "no ecosystem recognised the application"}}
	r.Secrets = []string{Secret}
	return r
}

// Fixed is a report as fix makes it.
func Fixed() *report.Report {
	r := Checked()
	r.Verdict = report.Unproven
	r.Plan = &plan.Plan{
		Before: map[string]string{"Dockerfile": Source},
		After:  map[string]string{"Dockerfile": Rewritten, ".dockerignore": ".git\n.venv\n"},
		Applied: []plan.Applied{
			{Rule: "size/heavy-base", Title: "use python:3.11-slim", Safety: finding.Unsafe, Why: "slim lacks the libraries that the full image carries; the proof starts the application"},
			{Rule: "size/context-junk", Title: "write .dockerignore", Safety: finding.Safe},
		},
		Skipped: []plan.Skipped{{Rule: "security/unpinned-base", Reason: "digests are written by fix --pin only"}},
		RunEnv:  []finding.EnvVar{{Name: "API_KEY", Value: Secret}},
		Rounds:  2,
	}
	return r
}

// Proved is a report as prove makes it.
func Proved() *report.Report {
	r := Fixed()
	r.Verdict = report.Proven
	for i := range r.Plan.Applied {
		r.Plan.Applied[i].Proven = true
	}
	r.Engine = engine.Info{
		Name: "embedded", Version: "v0.34.2", Platform: "linux/amd64",
		Limits: engine.Limits{Memory: 8e9, Processes: 1024, Disk: -1},
	}
	r.Observed = &report.Observed{
		Port: 8000, Listening: []string{"0.0.0.0:8000"}, Serving: []string{"uvicorn", "app:app", "--key=" + Secret},
		Writes: []string{"/app/data/items.db", "/tmp/upload/"},
		Processes: []report.Process{
			{PID: 1, Argv: []string{"/bin/sh", "-c", "uvicorn app:app"}, Dir: "/app", User: "0:0"},
			{PID: 7, Parent: 1, Argv: []string{"uvicorn", "app:app", "--key=" + Secret}, Dir: "/app", User: "0:0"},
		},
		Programs: []string{"/usr/local/bin/python3.11"}, Libraries: []string{"/usr/lib/x86_64-linux-gnu/libpq.so.5.15"},
		Packages: []string{"libpq5"}, Lacking: []string{"libpq5"},
		Files: []string{"/app/app.py", "/usr/local/lib/python3.11/site-packages/fastapi/__init__.py"}, Modules: []string{"fastapi"}, Env: []string{"API_KEY", "PATH"},
		Incomplete: []string{"what it wrote: more than 10000 changes"},
	}
	r.Before, r.After = before(), after()
	r.Requests = []report.Request{
		{Method: "GET", Path: "/health", Before: 200, After: 200, Same: true},
		{Method: "GET", Path: "/items?q=<a>", Before: 200, After: 200, Same: true, Noise: []string{"$.uptime"}},
		{Method: "POST", Path: "/items", Before: 201, After: 201, Same: true},
	}
	r.Bases = []report.Base{{Reference: "python:3.11", Used: "127.0.0.1:5005/library/python:3.11", Note: "stand-in built from Debian packages"}}
	r.Delivered = []report.Delivery{{Kind: "push", Place: "registry.example/app:1.4", Digest: "sha256:0123", Attestations: []string{"provenance"}}}
	r.Timings = []report.Timing{{Phase: "building", Seconds: 61.25}, {Phase: "measuring", Seconds: 21.5}}
	return r
}

// Disproved is a report of a proof that speaks against the rewritten file.
func Disproved() *report.Report {
	r := Proved()
	r.Verdict, r.Delivered = report.Failed, nil
	for i := range r.Plan.Applied {
		r.Plan.Applied[i].Proven = false
	}
	r.Requests[2].After, r.Requests[2].Same = 500, false
	r.Requests[2].Difference = "status 201 became 500; the container wrote " + Secret
	r.Failure = Failure()
	return r
}

// Failure is a build that broke, with escape sequences in its output.
func Failure() *report.Failure {
	return &report.Failure{
		Stage: "after build", Message: "this step failed: [4/5] RUN pip install -r requirements.txt: exit code: 1",
		File: "Dockerfile", Line: 4, Source: "RUN pip install -r requirements.txt",
		Detail: "\x1b[31mERROR\x1b[0m: no matching distribution\r\nkey " + Secret + "\x07\n",
		Hint:   "the package index must be reachable from the build",
	}
}

func findings() []finding.Finding {
	at := func(text string) (dockerfile.Span, dockerfile.Position) {
		start := strings.Index(Source, text)
		line := 1 + strings.Count(Source[:start], "\n")
		column := start - strings.LastIndex(Source[:start], "\n")
		return dockerfile.Span{Start: start, End: start + len(text)}, dockerfile.Position{Line: line, Column: column}
	}
	base, basePos := at("python:3.11")
	env, envPos := at("API_KEY=" + Secret)
	command, commandPos := at("CMD uvicorn app:app --host 0.0.0.0")
	return []finding.Finding{
		{
			Rule: "runtime/shell-form", Severity: finding.Info, File: "Dockerfile", Span: command, Position: commandPos,
			Message: "the shell is process 1 and keeps SIGTERM from the application: write the command as a JSON array",
			Refused: "the command holds a variable that only a shell expands",
		},
		{
			Rule: "size/heavy-base", Severity: finding.Warning, File: "Dockerfile", Span: base, Position: basePos,
			Message: "python:3.11 ships compilers and headers that the application never uses: python:3.11-slim does without",
			Costs: []finding.Cost{
				{Metric: "transfer_bytes", Value: 334_000_000, Unit: "bytes", Basis: finding.Observed, Note: "from the registry's manifests"},
				{Metric: "image_bytes", Value: 890_000_000, Unit: "bytes", Basis: finding.Estimated},
			},
			Evidence: []finding.Evidence{{File: "requirements.txt", Line: 2, Note: "pydantic-core has wheels for glibc"}},
			Fix:      &finding.Fix{Title: "use python:3.11-slim", Safety: finding.Unsafe, Why: "slim lacks the libraries that the full image carries"},
		},
		{
			Rule: "security/secret-in-env", Severity: finding.Error, File: "Dockerfile", Span: env, Position: envPos,
			Message: "API_KEY holds a credential that every layer, the config and the history carry",
			Costs:   []finding.Cost{{Metric: "exposure", Value: 1, Unit: "values", Basis: finding.Observed}},
			Fix:     &finding.Fix{Title: "give API_KEY at run time", Safety: finding.Unsafe, Why: "the container needs it from outside"},
		},
	}
}

func before() measure.Set {
	return set(
		figure(measure.ImageBytes, "bytes", finding.Observed, "", 1_043_000_000),
		figure(measure.TransferBytes, "bytes", finding.Observed, "", 391_000_000),
		figure(measure.Layers, "layers", finding.Observed, "", 11),
		figure(measure.Waste, "bytes", finding.Observed, "", 58_000_000),
		figure(measure.ColdBuild, "seconds", finding.Observed, "", 41.2),
		figure(measure.Rebuild, "seconds", finding.Observed, "", 31.5, 30.1, 33.0),
		figure(measure.Pull100Mbit, "seconds", finding.Derived, "", 31.28),
		figure(measure.Start, "seconds", finding.Observed, "", 0.912, 0.9, 0.95),
		figure(measure.Memory, "bytes", finding.Observed, "", 61_000_000),
		figure(measure.Stop, "seconds", finding.Observed, "killed after 10 s", 10.02),
		text(measure.User, "0"),
		text(measure.Health, "none"),
		figure(measure.Secrets, "places", finding.Observed, "", 3),
		figure(measure.Credentials, "places", finding.Observed, "", 4),
	)
}

func after() measure.Set {
	return set(
		figure(measure.ImageBytes, "bytes", finding.Observed, "", 152_300_000),
		figure(measure.TransferBytes, "bytes", finding.Observed, "", 54_100_000),
		figure(measure.Layers, "layers", finding.Observed, "", 9),
		figure(measure.Waste, "bytes", finding.Observed, "", 12_300),
		figure(measure.ColdBuild, "seconds", finding.Observed, "", 24.4),
		figure(measure.Rebuild, "seconds", finding.Observed, "", 1.2, 1.1, 1.3),
		figure(measure.Pull100Mbit, "seconds", finding.Derived, "", 4.328),
		figure(measure.Start, "seconds", finding.Observed, "", 0.905, 0.91, 0.899),
		figure(measure.Memory, "bytes", finding.Observed, "", 61_000_000),
		figure(measure.Stop, "seconds", finding.Observed, "", 0.31),
		text(measure.User, "10001:10001"),
		text(measure.Health, "healthy → unhealthy when frozen → healthy"),
		figure(measure.Secrets, "places", finding.Observed, "", 0),
		figure(measure.Credentials, "places", finding.Observed, "", 0),
	)
}

func set(all ...measure.Measurement) measure.Set {
	s := measure.Set{}
	for _, m := range all {
		s[m.Metric] = m
	}
	return s
}

func figure(name measure.Metric, unit string, basis finding.Basis, note string, samples ...float64) measure.Measurement {
	return measure.Measurement{Metric: name, Unit: unit, Samples: samples, Basis: basis, Note: note}
}

func text(name measure.Metric, value string) measure.Measurement {
	return measure.Measurement{Metric: name, Text: value, Basis: finding.Observed}
}

// Replayed is a replay of five commits, of which the first had no cache to use.
func Replayed() *report.Report {
	r := report.New("1.2.3", "api/Dockerfile")
	r.Secrets = []string{Secret}
	r.Replay = &report.Replay{Before: replayed("COPY . .", "hit miss miss miss miss", "RUN pip install -r requirements.txt --index-url https://u:"+Secret+"@example.org", "below below below below below", 20.1)}
	after := replayed("COPY requirements.txt ./", "hit hit hit hit miss", "COPY --from=builder /opt/venv /opt/venv", "below hit hit hit unclear", 0.4)
	after.Steps[1].Doubt = "what builder makes may be the same as before, and the step a hit then"
	after.Steps[1].Basis, after.Basis = finding.Estimated, finding.Estimated
	r.Replay.After = &after
	for i, subject := range []string{"Begin", "Add a route", "Say why", "Rename", "Upgrade"} {
		r.Replay.Commits = append(r.Replay.Commits, report.ReplayCommit{
			ID: strings.Repeat(string(rune('a'+i)), 40), Time: time.Date(2026, 3, 1+i, 12, 0, 0, 0, time.UTC), Subject: subject,
		})
	}
	r.Notes = []string{"Dockerfile itself changed in 1 of these commits: the current one is replayed at all of them."}
	return r
}

func replayed(one, outcomesOne, two, outcomesTwo string, seconds float64) report.ReplayVersion {
	v := report.ReplayVersion{Basis: finding.Derived, Expected: seconds, Seconds: []float64{30, seconds, seconds, seconds, seconds}}
	for i, text := range []string{one, two} {
		s := report.ReplayStep{Line: 3 + i, Stage: "stage-0", Text: text, Outcomes: strings.Fields([]string{outcomesOne, outcomesTwo}[i]), Seconds: seconds / 2, Basis: finding.Observed, Share: 0.5}
		for _, o := range s.Outcomes[1:] {
			switch o {
			case "hit":
				s.Hits++
			case "miss":
				s.Misses++
			default:
				s.Misses++
				s.Above++
			}
		}
		if s.Misses > s.Above {
			s.Causes = []report.ReplayCause{{Path: "app/main.py", Builds: s.Misses - s.Above}}
		}
		v.Steps = append(v.Steps, s)
	}
	return v
}
