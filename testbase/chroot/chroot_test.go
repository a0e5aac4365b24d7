package chroot

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// needNamespaces skips where mounting is not allowed, such as in an ordinary user's session.
func needNamespaces(t *testing.T) {
	t.Helper()
	if err := Check(); err != nil {
		t.Skip(err)
	}
	if out, err := exec.Command("unshare", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("namespaces are not allowed here: %s", out)
	}
}

func TestRunOnHostLeavesNoMount(t *testing.T) {
	needNamespaces(t)
	dir := t.TempDir()
	out, err := RunOnHost(t.Context(), `mount -t tmpfs x "$1"; echo only here > "$1/file"; cat "$1/file"; echo noise >&2`, dir)
	if err != nil || out != "only here\n" {
		t.Errorf("got %q, %v", out, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "file")); err == nil {
		t.Error("the mount is seen outside")
	}
}

func TestCancelledScriptEndsItsChildren(t *testing.T) {
	needNamespaces(t)
	ctx, cancel := context.WithCancel(t.Context())
	file := filepath.Join(t.TempDir(), "started")
	go func() {
		for {
			if _, err := os.Stat(file); err == nil {
				cancel()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
	// The child holds standard output open: Run would wait for it.
	_, err := RunOnHost(ctx, `sleep 1000 & echo > "$1"; wait`, file)
	if ctx.Err() == nil || err != ctx.Err() {
		t.Errorf("got %v", err)
	}
}

func TestErrorCarriesTheOutput(t *testing.T) {
	needNamespaces(t)
	_, err := RunOnHost(t.Context(), `echo first; echo second >&2; exit 3`)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "second") {
		t.Errorf("got %v", err)
	}
}
