package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// temporaryMount is how BuildKit names the mounts that it makes outside of its root.
const temporaryMount = "buildkit-mount"

// sweep removes what a killed engine left behind below root: containers, then their control groups, then
// mounts, then the bundles of the containers and temporary files.
func sweep(ctx context.Context, h *host, root string) error {
	if err := errors.Join(sweepContainers(ctx, h.runc, root), sweepCgroups(root), sweepMounts(root)); err != nil {
		return err // files of images may still be mounted in what would be removed
	}
	return errors.Join(sweepBundles(root), sweepTemporary(temporary(root)))
}

const (
	// settleLimit bounds how long closing waits for what BuildKit is in the middle of. It waits for nothing itself: a file
	// operation that was cancelled goes on to the end of the file that it copies, with its mounts.
	settleLimit = 2 * time.Second
	// settleLooks is how often in turn there must be no mount: an operation may be between two of them.
	settleLooks = 3
	settlePause = 10 * time.Millisecond
)

// settle lets operations that were cancelled end, and takes away the mounts and temporary files of those that don't.
// A mount that is written to goes when the process does.
func settle(root string) error {
	none := 0
	for deadline := time.Now().Add(settleLimit); none < settleLooks && time.Now().Before(deadline); time.Sleep(settlePause) {
		points, err := leftOverMounts(root)
		if err != nil {
			return err
		}
		if none++; len(points) > 0 {
			none = 0
		}
	}
	if err := sweepMounts(root); err != nil {
		return err
	}
	return sweepTemporary(temporary(root))
}

// temporary is the folder for temporary files below root.
func temporary(root string) string { return filepath.Join(root, "tmp") }

// sweepTemporary makes the folder for temporary files, and makes it empty. Nothing is mounted there any more.
func sweepTemporary(dir string) error {
	return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700))
}

// leftContainer is the part of the runtime's listing that is of use here.
type leftContainer struct {
	ID     string `json:"id"`
	Bundle string `json:"bundle"`
}

func sweepContainers(ctx context.Context, runc, root string) error {
	all, err := listContainers(ctx, runc)
	if err != nil {
		return fmt.Errorf("listing left-over containers: %w", err)
	}
	var errs []error
	for _, c := range all {
		if !isBelow(c.Bundle, root) {
			continue
		}
		if out, err := exec.CommandContext(ctx, runc, "delete", "--force", c.ID).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("deleting the left-over container %s: %w: %s", c.ID, err, out))
		}
	}
	return errors.Join(errs...)
}

// listTries and listPause: runc lists a folder that all engines of the host share, and fails
// when a container that it is about to look at ends.
const (
	listTries = 10
	listPause = 50 * time.Millisecond
)

func listContainers(ctx context.Context, runc string) (all []leftContainer, err error) {
	for try := range listTries {
		if try > 0 {
			time.Sleep(listPause)
		}
		var out []byte
		if out, err = exec.CommandContext(ctx, runc, "list", "--format", "json").Output(); err != nil {
			err = withStderr(err)
			continue
		}
		return all, json.Unmarshal(out, &all)
	}
	return nil, err
}

// withStderr adds what a program wrote about its failure.
func withStderr(err error) error {
	var failed *exec.ExitError
	if errors.As(err, &failed) && len(failed.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(failed.Stderr)))
	}
	return err
}

// leftOverMounts lists them, the deepest first, as one may lie on another.
func leftOverMounts(root string) (points []string, err error) {
	mounts, err := mountinfo.GetMounts(nil)
	if err != nil {
		return nil, fmt.Errorf("listing left-over mounts: %w", err)
	}
	for _, m := range mounts {
		if isLeftOver(m, root) {
			points = append(points, m.Mountpoint)
		}
	}
	slices.SortFunc(points, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	return points, nil
}

func sweepMounts(root string) error {
	points, err := leftOverMounts(root)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range points {
		if err := unix.Unmount(p, unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmounting the left-over %s: %w", p, err))
		}
		if strings.HasPrefix(filepath.Base(p), temporaryMount) {
			_ = os.Remove(p) // an empty directory of the system's temporary ones
		}
	}
	return errors.Join(errs...)
}

// isLeftOver says whether a mount is an engine's that used root: it lies below it, or it is one of
// BuildKit's temporary ones over a layer that does.
func isLeftOver(m *mountinfo.Info, root string) bool {
	if isBelow(m.Mountpoint, root) {
		return true
	}
	if !strings.HasPrefix(filepath.Base(m.Mountpoint), temporaryMount) {
		return false
	}
	layers := root + "/"
	return strings.Contains(m.VFSOptions, layers) || strings.HasPrefix(m.Root, layers)
}

func isBelow(path, root string) bool { return strings.HasPrefix(path, root+"/") }

// sweepBundles removes the directories of containers that are gone, and what runc had begun to keep of one when it was killed,
// which it does not list. Those of a running one are mounts, which were taken away before: nothing of an image can be reached from here.
func sweepBundles(root string) error {
	bundles, err := filepath.Glob(filepath.Join(root, "runc-*", "executor", "*", "config.json"))
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range bundles {
		dir := filepath.Dir(b)
		errs = append(errs, sweepBegun(filepath.Base(dir)), os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}

// sweepBegun removes runc's folder of a container that it never came to know.
func sweepBegun(id string) error {
	var errs []error
	for _, root := range runtimeRoots() {
		folder := filepath.Join(root, id)
		if _, err := os.Lstat(filepath.Join(folder, stateFile)); errors.Is(err, os.ErrNotExist) {
			errs = append(errs, os.RemoveAll(folder))
		}
	}
	return errors.Join(errs...)
}
