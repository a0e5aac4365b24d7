package e2e

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/plimsoll/plimsoll/internal/engine/embedded"
)

// nothingLeft asserts that no container, mount, control group or temporary file of the suite's engine outlives a run.
func nothingLeft(t *testing.T) {
	t.Helper()
	for _, id := range containers(t) {
		t.Errorf("left-over container %s", id)
	}
	for _, point := range mounts(t) {
		t.Errorf("left-over mount %s", point)
	}
	for _, group := range controlGroups(t) {
		t.Errorf("left-over control group %s", group)
	}
	files, err := filepath.Glob(filepath.Join(suite.state, "tmp", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Errorf("left-over temporary file %s", file)
	}
}

// controlGroups are those of either version, in all hierarchies.
func controlGroups(t *testing.T) (groups []string) {
	t.Helper()
	state, err := filepath.EvalSymlinks(suite.state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // no engine has run yet
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		found, err := filepath.Glob(filepath.Join(at, embedded.CgroupPrefix(state)+"*"))
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, found...)
	}
	return groups
}

func containers(t *testing.T) (ids []string) {
	t.Helper()
	// runc fails when a container, of whomever, ends while it is looked at.
	out, err := exec.Command("runc", "list", "--format", "json").Output()
	for try := 0; err != nil && try < 100; try++ {
		time.Sleep(50 * time.Millisecond)
		out, err = exec.Command("runc", "list", "--format", "json").Output()
	}
	if err != nil {
		t.Fatalf("listing containers: %v", err)
	}
	var all []struct{ ID, Bundle string }
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("reading the list of containers: %v\n%s", err, out)
	}
	for _, c := range all {
		if strings.HasPrefix(c.Bundle, suite.state) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// mounts are those below the state, and those elsewhere whose layers lie there.
func mounts(t *testing.T) (points []string) {
	t.Helper()
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		t.Fatalf("listing mounts: %v", err)
	}
	for _, m := range all {
		if strings.HasPrefix(m.Mountpoint, suite.state) || strings.Contains(m.VFSOptions, suite.state) || strings.HasPrefix(m.Root, suite.state) {
			points = append(points, m.Mountpoint)
		}
	}
	return points
}
