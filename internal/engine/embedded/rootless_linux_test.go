package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine/enginetest"
)

const (
	// ordinaryUser is a user that no machine has; it exists for the test's own processes alone.
	ordinaryUser = 54321
	// firstSubordinate and subordinates are the numbers that it may hand out.
	firstSubordinate, subordinates = 1_200_000_000, 65536
	// rootlessLimit bounds the whole suite.
	rootlessLimit = 15 * time.Minute
)

// accounts are the files that make it a user, laid over the machine's in a mount namespace.
var accounts = map[string]string{
	"passwd": fmt.Sprintf("root:x:0:0::/root:/bin/sh\nplimsoll-test:x:%d:%d::/:/bin/sh\n", ordinaryUser, ordinaryUser),
	"group":  fmt.Sprintf("root:x:0:\nplimsoll-test:x:%d:\n", ordinaryUser),
	"subuid": fmt.Sprintf("plimsoll-test:%d:%d\n", firstSubordinate, subordinates),
	"subgid": fmt.Sprintf("plimsoll-test:%d:%d\n", firstSubordinate, subordinates),
}

// become runs what follows it as that user, in a user namespace of its own in which the user is root.
const become = `set -eu
for file in passwd group subuid subgid; do
	mount --bind "$HOME/$file" /etc/$file
done
exec setpriv --reuid %[1]d --regid %[1]d --clear-groups --inh-caps=-all unshare --user --map-auto --map-root-user --mount "$@"
`

// outcome is how go test reports one test.
var outcome = regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): (\S+) `)

// TestRootless runs the suite, and the limits that hold there, as an ordinary user does: in a user namespace, with
// subordinate numbers.
func TestRootless(t *testing.T) {
	needEngine(t)
	if os.Getuid() != 0 {
		t.Fatal("the test makes a user for itself, which takes root")
	}
	if _, err := exec.LookPath("newuidmap"); err != nil {
		t.Fatalf("%v (apt-get install uidmap)", err)
	}
	home := homeOf(t)
	ctx, cancel := context.WithTimeout(t.Context(), rootlessLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "sh", "-c", fmt.Sprintf(become, ordinaryUser), "sh",
		filepath.Join(home, "engine.test"), "-test.run=^TestSuite$|^TestLimits$/^EndlessWithoutControlGroups$", "-test.v", "-test.count=1", "-test.timeout="+(rootlessLimit-time.Minute).String())
	cmd.WaitDelay = 10 * time.Second
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "TMPDIR="+home, "XDG_RUNTIME_DIR="+home, enginetest.ToolVariable+"="+filepath.Join(home, "tool"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	results := outcome.FindAllStringSubmatch(out.String(), -1)
	if err != nil || len(results) < 20 {
		t.Errorf("%d tests, %v:\n%s", len(results), err, out.String())
	}
	for _, r := range results {
		if _, name, ok := strings.Cut(r[2], "/"); ok {
			t.Run(name, func(t *testing.T) {
				if r[1] != "PASS" {
					t.Error(r[1])
				}
			})
		}
	}
}

// homeOf is a folder of the user's with what the suite takes.
func homeOf(t *testing.T) string {
	t.Helper()
	home, err := os.MkdirTemp("", "plimsoll-rootless-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(home); err != nil {
			t.Error(err)
		}
	})
	for name, text := range accounts {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{os.Args[0]: "engine.test", enginetest.Tool(t): "tool"} {
		program, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, to), program, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(home, ordinaryUser, ordinaryUser); err != nil {
		t.Fatal(err)
	}
	return home
}
