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
