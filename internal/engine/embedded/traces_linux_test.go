package embedded

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/moby/sys/mountinfo"
)

// noTraces checks that no container, mount or control group of an engine's state is left.
func noTraces(t *testing.T, root string) {
	t.Helper()
	for _, id := range containersBelow(t, root) {
		t.Errorf("left-over container %s", id)
	}
	for _, m := range mountsOf(t, root) {
		t.Errorf("left-over mount %s", m)
	}
	for _, group := range groupsOf(t, root) {
		t.Errorf("left-over control group %s", group)
	}
}

func containersBelow(t *testing.T, root string) []string {
	t.Helper()
	// Traces are looked for when a test is over, and its own context with it.
	all, err := listContainers(context.WithoutCancel(t.Context()), "runc")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range all {
		if isBelow(c.Bundle, resolved(t, root)) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func mountsOf(t *testing.T, root string) []string {
	t.Helper()
	all, err := mountinfo.GetMounts(nil)
	if err != nil {
		t.Fatal(err)
	}
	var points []string
	for _, m := range all {
		if isLeftOver(m, resolved(t, root)) {
			points = append(points, m.Mountpoint)
		}
	}
	return points
}

func resolved(t *testing.T, root string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(root)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// groupsOf are the control groups of an engine.
func groupsOf(t *testing.T, root string) (left []string) {
	t.Helper()
	mounts, err := hierarchies()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		found, err := filepath.Glob(filepath.Join(m.Mountpoint, CgroupPrefix(resolved(t, root))+"*"))
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, found...)
	}
	return left
}
