package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
)

// nothingLeft asserts that no container and no mount of the suite's engine outlives a run.
func nothingLeft(t *testing.T) {
	t.Helper()
	for _, id := range containers(t) {
		t.Errorf("left-over container %s", id)
	}
	for _, point := range mounts(t) {
		t.Errorf("left-over mount %s", point)
	}
}

func containers(t *testing.T) (ids []string) {
	t.Helper()
	out, err := exec.Command("runc", "list", "--format", "json").Output()
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
