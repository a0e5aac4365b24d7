package buildkitlint

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/linter"

	"github.com/plimsoll/plimsoll/internal/finding"
)

// short is "Rule:first-last", with a question mark when uncertain.
func short(warnings []Warning) string {
	var out []string
	for _, w := range warnings {
		s := fmt.Sprintf("%s:%d", w.Rule, w.Line)
		if w.EndLine != w.Line {
			s += fmt.Sprintf("-%d", w.EndLine)
		}
		if w.Uncertain != "" {
			s += "?"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestRun(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"clean", "FROM debian\nCMD [\"true\"]\n", ""},
		{"shell form", "FROM debian\nCMD run me\n", "JSONArgsRecommended:2"},
		{"several lines", "FROM debian\nCMD run \\\n  me\n", "JSONArgsRecommended:2-3"},
		{"maintainer, casing", "FROM debian as Build\nMAINTAINER me\n", "FromAsCasing:1 StageNameCasing:1 MaintainerDeprecated:2"},
		{"duplicate stages", "FROM debian AS a\nFROM debian AS a\n", "DuplicateStageName:2"},
		{"secret by name", "FROM debian\nENV API_TOKEN=x\n", "SecretsUsedInArgOrEnv:2"},
		{"relative workdir", "FROM debian\nWORKDIR app\n", "WorkdirRelativePath:2"},
		{"a variable that the base may set", "FROM debian\nENV A=$JAVA_HOME/bin\n", "UndefinedVar:2?"},
		{"scratch sets none", "FROM scratch\nENV A=$JAVA_HOME/bin\n", "UndefinedVar:2"},
		{"nor does a stage on scratch", "FROM scratch AS a\nFROM a\nENV A=$JAVA_HOME/bin\nFROM debian\n", "UndefinedVar:3"},
		{"skipped by the author", "# check=skip=JSONArgsRecommended\nFROM debian\nCMD run me\n", ""},
		{"a frontend that is not fetched", "# syntax=example.invalid/frontend:1\nFROM debian\nCMD run me\n", "JSONArgsRecommended:3"},
		{"a stage that is not the last", "FROM debian AS unused\nCMD run me\nFROM scratch\nCOPY --from=example.invalid/x:1 /a /a\n", "JSONArgsRecommended:2"},
	} {
		got, err := Run(t.Context(), "Dockerfile", []byte(c.src))
		if err != nil || short(got) != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.name, short(got), err, c.want)
		}
		for _, w := range got {
			if w.Message == "" || w.Description == "" {
				t.Errorf("%s: no text: %+v", c.name, w)
			}
		}
	}
}

func TestBaseEnvRemovesTheDoubt(t *testing.T) {
	c := Checker{BaseEnv: func(ref string) ([]string, bool) {
		return []string{"JAVA_HOME=/opt/java"}, strings.Contains(ref, "temurin")
	}}
	got, err := c.Run(t.Context(), "Dockerfile", []byte("FROM eclipse-temurin:21\nENV A=$JAVA_HOME B=$NOT_THERE\n"))
	if err != nil || short(got) != "UndefinedVar:2" || !strings.Contains(got[0].Message, "NOT_THERE") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestRejected(t *testing.T) {
	for _, c := range []struct {
		src  string
		line int
	}{
		{"FROM debian\nNONSENSE x\n", 2},
		{"FROM debian\nCOPY a\n", 2},
		{"RUN true\n", 1},
		{"", 0},
		{"# nothing\n", 1},
	} {
		_, err := Run(t.Context(), "sub/Dockerfile", []byte(c.src))
		var rejected *Rejected
		if !errors.As(err, &rejected) || rejected.Line != c.line || !strings.HasPrefix(err.Error(), "sub/Dockerfile") {
			t.Errorf("%q: %v; want a rejection at line %d", c.src, err, c.line)
		}
	}
	if _, err := Run(t.Context(), "Dockerfile", make([]byte, maxSource+1)); err == nil {
		t.Error("an endless file was accepted")
	}
}

// The traps that this package works around are real: without the definition
// the library panics. When this fails, the workaround can go.
func TestLibraryPanicsWithoutDefinition(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic any more")
		}
	}()
	src := []byte("FROM scratch\n")
	_, _ = dockerfile2llb.DockerfileLint(context.Background(), src, dockerfile2llb.ConvertOpt{SourceMap: llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", src)})
}

func TestPanicBecomesAnError(t *testing.T) {
	breakDown := func() (err error) {
		defer recovered("Dockerfile", &err)
		panic("boom")
	}
	if err := breakDown(); err == nil || !strings.Contains(err.Error(), "boom") || !strings.HasPrefix(err.Error(), "Dockerfile: ") {
		t.Errorf("got %v", err)
	}
}

func TestEveryCheckIsRated(t *testing.T) {
	rules := []linter.LinterRuleI{
		&linter.RuleStageNameCasing, &linter.RuleFromAsCasing, &linter.RuleNoEmptyContinuation,
		&linter.RuleConsistentInstructionCasing, &linter.RuleDuplicateStageName, &linter.RuleReservedStageName,
		&linter.RuleJSONArgsRecommended, &linter.RuleMaintainerDeprecated, &linter.RuleUndefinedArgInFrom,
		&linter.RuleWorkdirRelativePath, &linter.RuleUndefinedVar, &linter.RuleMultipleInstructionsDisallowed,
		&linter.RuleLegacyKeyValueFormat, &linter.RuleInvalidBaseImagePlatform, &linter.RuleRedundantTargetPlatform,
		&linter.RuleSecretsUsedInArgOrEnv, &linter.RuleInvalidDefaultArgInFrom, &linter.RuleFromPlatformFlagConstDisallowed,
		&linter.RuleCopyIgnoredFile, &linter.RuleInvalidDefinitionDescription, &linter.RuleExposeProtoCasing,
		&linter.RuleExposeInvalidFormat,
	}
	names := map[string]bool{}
	for _, r := range rules {
		names[r.RuleName()] = true
		if Rate(r.RuleName()).Reason == Rate("NotThere").Reason {
			t.Errorf("%s is not rated", r.RuleName())
		}
	}
	for name, r := range ratings() {
		if !names[name] || r.Reason == "" {
			t.Errorf("%s: BuildKit has no such check, or no reason is given", name)
		}
	}
	if Rate("NotThere").Severity != finding.Warning {
		t.Error("a check that is not known should be a warning")
	}
}

func TestCorpus(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_CORPUS")
	if dir == "" {
		t.Skip("PLIMSOLL_CORPUS names no folder of Dockerfiles")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.Dockerfile"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Dockerfiles in it: %v", err)
	}
	counts := map[string]int{}
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		warnings, err := Run(t.Context(), filepath.Base(path), src)
		if rejected := new(Rejected); errors.As(err, &rejected) {
			counts["(rejected)"]++
			if strings.Contains(err.Error(), "resolve") || strings.Contains(err.Error(), "dial") {
				t.Errorf("this smells of the network: %v", err)
			}
		} else if err != nil {
			t.Errorf("%v", err)
		}
		lines := strings.Count(string(src), "\n") + 1
		for _, w := range warnings {
			counts[w.Rule]++
			if w.Uncertain != "" {
				counts[w.Rule+" (uncertain)"]++
			}
			if w.Line < 0 || w.EndLine < w.Line || w.EndLine > lines {
				t.Errorf("%s: lines %d-%d of %d", w.Rule, w.Line, w.EndLine, lines)
			}
		}
	}
	t.Logf("%d files", len(files))
	for _, rule := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d %s", counts[rule], rule)
	}
}
