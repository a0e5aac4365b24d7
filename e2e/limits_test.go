package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestTimeLimit holds that a proof ends in time, whatever a step of the build does: this one prints without end.
func TestTimeLimit(t *testing.T) {
	needSuite(t)
	dir := project(t, map[string]string{"Dockerfile": onPython("RUN yes\nCMD python main.py\n"), "main.py": "print(1)\n"})
	before := treeOf(t, dir)
	res := run(t, dir, proveArgs(quick("--timeout", "4s")...)...)
	t.Logf("after %.1f s:\n%s", res.took.Seconds(), res.stderr)
	if res.code != 3 || !strings.Contains(res.stderr, "not done after 4s") || !strings.Contains(res.stderr, "--timeout") {
		t.Errorf("exit code %d, want 3 and the reason", res.code)
	}
	if res.took > 30*time.Second {
		t.Errorf("it took %v to end", res.took)
	}
	untouched(t, dir, before)
	nothingLeft(t)
}
