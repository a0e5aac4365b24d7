package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/plimsoll/plimsoll/internal/report"
)

const asked = "FROM debian:bookworm-slim\nRUN sudo ldconfig\nRUN curl -k -o /x https://example.org/x\nCMD [\"/x\"]\n"

func askedProject(t *testing.T) (dir string, text func() string) {
	t.Helper()
	dir = t.TempDir()
	name := filepath.Join(dir, "Dockerfile")
	if err := os.WriteFile(name, []byte(asked), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, func() string {
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(got)
	}
}

// Only accepted edits are written, each offered with its own finding and diff.
func TestFixAsksForEachEdit(t *testing.T) {
	dir, text := askedProject(t)
	var offered []string
	r, err := Fix(t.Context(), FixOptions{
		Path: dir, Offline: true, Write: true, Rules: []string{"security/sudo", "security/insecure-download"},
		Accept: func(o *report.Report) (bool, error) {
			rule := o.Plan.Applied[0].Rule
			offered = append(offered, rule)
			if len(o.Findings) != 1 || o.Findings[0].Rule != rule || o.Plan.Before["Dockerfile"] == o.Plan.After["Dockerfile"] {
				t.Errorf("%s: the offer shows %v and %v", rule, o.Findings, o.Plan)
			}
			return rule == "security/sudo", nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(offered) != 2 || len(r.Written) != 1 || len(r.Plan.Skipped) != 1 {
		t.Errorf("offered %v, written %v, skipped %v", offered, r.Written, r.Plan.Skipped)
	}
	const want = "FROM debian:bookworm-slim\nRUN ldconfig\nRUN curl -k -o /x https://example.org/x\nCMD [\"/x\"]\n"
	if got := text(); got != want {
		t.Errorf("got\n%s", got)
	}
}

// Without a yes at the end, or when asking fails, the project stays as it is.
func TestFixLeavesTheProjectAlone(t *testing.T) {
	yes := func(*report.Report) (bool, error) { return true, nil }
	no := func(*report.Report) (bool, error) { return false, nil }
	stop := func(*report.Report) (bool, error) { return false, context.Canceled }
	for name, opts := range map[string]FixOptions{
		"nothing accepted": {Accept: no, Write: true},
		"not confirmed":    {Accept: yes, Confirm: no},
		"not asked":        {Accept: yes},
		"interrupted":      {Accept: stop, Write: true},
		"at the end":       {Accept: yes, Confirm: stop},
	} {
		t.Run(name, func(t *testing.T) {
			dir, text := askedProject(t)
			opts.Path, opts.Offline = dir, true
			if _, err := Fix(t.Context(), opts); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if text() != asked {
				t.Errorf("the file changed:\n%s", text())
			}
		})
	}
}
