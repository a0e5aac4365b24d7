package embedded

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/containerd/containerd/v2/plugins/snapshots/overlay/overlayutils"
	"github.com/moby/sys/userns"
)

// host is what the machine offers.
type host struct {
	runc        string // path of the runtime
	rootless    bool   // root in a user namespace alone
	snapshotter string
}

// mayMount says whether this process may do what building takes.
func mayMount() error {
	if os.Geteuid() == 0 {
		return nil
	}
	return &Missing{
		What:   "it is neither root nor in a user namespace",
		Remedy: "run it as root, or in a user namespace: unshare --user --map-auto --map-root-user --mount plimsoll …",
	}
}

// probe looks at the machine and says what is missing.
func probe(ctx context.Context, root string) (*host, error) {
	runc, err := findRunc(ctx)
	if err != nil {
		return nil, err
	}
	return &host{runc: runc, rootless: userns.RunningInUserNS(), snapshotter: snapshotterFor(root)}, nil
}

// findRunc finds a runtime that can keep a container that ended, which BuildKit
// asks for: runc can since 1.1, crun's command line can't.
func findRunc(ctx context.Context) (string, error) {
	for _, name := range []string{"buildkit-runc", "runc"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		help, err := exec.CommandContext(ctx, path, "run", "--help").CombinedOutput()
		if err != nil {
			return "", &Missing{What: fmt.Sprintf("%s does not work (%v)", path, err), Remedy: "install runc 1.1 or newer"}
		}
		if !bytes.Contains(help, []byte("--keep")) {
			return "", &Missing{What: path + " is too old: it has no run --keep", Remedy: "install runc 1.1 or newer"}
		}
		return path, nil
	}
	return "", &Missing{What: "runc is not installed", Remedy: "install it, for example: apt-get install runc"}
}

// snapshotterFor is overlayfs where the kernel has it for this directory,
// else plain copies, which are slow but work everywhere.
func snapshotterFor(root string) string {
	if overlayutils.Supported(root) == nil {
		return "overlayfs"
	}
	return "native"
}
