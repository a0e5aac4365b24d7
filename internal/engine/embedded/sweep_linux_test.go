package embedded

import (
	"os"
	"path/filepath"
	"testing"
)

// TestListAgain lists containers while another engine's container ends, which makes runc fail.
func TestListAgain(t *testing.T) {
	dir := t.TempDir()
	script := `#!/bin/sh
[ -e "$0.failed" ] || { touch "$0.failed"; echo "stat /run/runc/x: no such file or directory" >&2; exit 1; }
echo '[{"id": "a", "bundle": "/state/a"}]'
`
	fake := filepath.Join(dir, "runc")
	if err := os.WriteFile(fake, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	all, err := listContainers(t.Context(), fake)
	if err != nil || len(all) != 1 || all[0].Bundle != "/state/a" {
		t.Errorf("got %+v, %v", all, err)
	}
}

// TestListFails tells what runc said when it fails every time.
func TestListFails(t *testing.T) {
	fake := filepath.Join(t.TempDir(), "runc")
	if err := os.WriteFile(fake, []byte("#!/bin/sh\necho broken >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := listContainers(t.Context(), fake); err == nil || err.Error() != "exit status 1: broken" {
		t.Errorf("got %v", err)
	}
}

// A runtime that is killed when it has begun to make a container leaves a folder that it does not list itself.
func TestWhatTheRuntimeHadBegunIsSwept(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	make := func(path string) string {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Dir(path)
	}
	bundle := make(filepath.Join(root, "runc-overlayfs", "executor", "begun", "config.json"))
	make(filepath.Join(root, "runc-overlayfs", "executor", "known", "config.json"))
	begun := make(filepath.Join(dir, "runc", "begun", "exec.fifo"))
	known := make(filepath.Join(dir, "runc", "known", stateFile))
	other := make(filepath.Join(dir, "runc", "of-another-engine", "exec.fifo"))
	if err := sweepBundles(root); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{bundle: false, begun: false, known: true, other: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", path, err == nil, want)
		}
	}
}
