package report

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/plan"
)

func TestMask(t *testing.T) {
	r := New("1", "Dockerfile")
	r.Secrets = []string{"hunter22", "hunter22-long", "on", "-----BEGIN KEY\nMIIEpAIBAAKC\n"}
	r.Plan = &plan.Plan{RunEnv: []finding.EnvVar{{Name: "KEY", Value: "abcdef"}}}
	for _, test := range []struct{ name, in, want string }{
		{"a secret", "x=hunter22;", "x=********;"},
		{"the longer one first", "hunter22-long", "********"},
		{"a value from the plan", "KEY=abcdef", "KEY=********"},
		{"a line of a key", "-MIIEpAIBAAKC", "-********"},
		{"short values stay", "on and on", "on and on"},
		{"nothing to mask", "plain", "plain"},
	} {
		if got := r.Mask(test.in); got != test.want {
			t.Errorf("%s: Mask(%q) = %q, want %q", test.name, test.in, got, test.want)
		}
	}
}

func TestFailureIsAnError(t *testing.T) {
	var err error = &Failure{
		Stage: "before build", Message: "the step failed", File: "Dockerfile", Line: 3,
		Hint: "see the output", Err: fs.ErrNotExist,
	}
	if got, want := err.Error(), "before build: Dockerfile:3: the step failed (see the output)"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
}
