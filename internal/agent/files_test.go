//go:build linux

package agent

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/procfs"
)

func TestWritable(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	for p := dir; p != "/tmp" && p != "/"; p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "closed"), "x")
	write(t, filepath.Join(dir, "own"), "x")
	write(t, filepath.Join(dir, "data/db"), "x")
	for _, p := range []string{"own", "data"} {
		if err := os.Chown(filepath.Join(dir, p), 10001, 10001); err != nil {
			t.Fatal(err)
		}
	}
	want := []PathAccess{
		{Path: "data", Tried: "data", Exists: true, Dir: true, UID: 10001, GID: 10001, Mode: "drwxr-xr-x", Writable: true},
		{Path: "data/db", Tried: "data/db", Exists: true, Mode: "-rw-r--r--", Reason: "permission denied"},
		{Path: "data/new/deeper", Tried: "data", UID: -1, GID: -1, Writable: true},
		{Path: "closed", Tried: "closed", Exists: true, Mode: "-rw-r--r--", Reason: "permission denied"},
		{Path: "own", Tried: "own", Exists: true, UID: 10001, GID: 10001, Mode: "-rw-r--r--", Writable: true},
		{Path: "new", Tried: "", UID: -1, GID: -1, Reason: "permission denied"},
		{Path: "own/below", Tried: "own", UID: -1, GID: -1, Reason: filepath.Join(dir, "own") + " is not a directory"},
	}
	r := WritableRequest{User: "10001:10001"}
	for i := range want {
		want[i].Path = filepath.Join(dir, want[i].Path)
		want[i].Tried = filepath.Join(dir, want[i].Tried)
		r.Paths = append(r.Paths, want[i].Path)
	}
	a, err := local().Writable(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range a.Paths {
		if got != want[i] {
			t.Errorf("got  %+v\nwant %+v", got, want[i])
		}
	}
	left, err := os.ReadDir(filepath.Join(dir, "data"))
	if err != nil || len(left) != 1 {
		t.Errorf("files were left behind: %v, %v", left, err)
	}
	if _, err := local().Writable(t.Context(), WritableRequest{Paths: []string{"relative"}}); err == nil {
		t.Error("a relative path was accepted")
	}
}

func TestWhatLiesInAnotherHomeIsLookedForInTheUsersOwn(t *testing.T) {
	id := identity{Home: "/home/app"}
	for path, want := range map[string]string{"/root/.cache/x": "/home/app/.cache/x", "/root": "/root", "/rooted/x": "/rooted/x", "/srv/root/x": "/srv/root/x"} {
		if got := inOwnHome(id, "/root", path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := inOwnHome(id, "", "/srv/x"); got != "/srv/x" {
		t.Errorf("without a home: %s", got)
	}
}

// waitForTicks lets several of the kernel's clock ticks go by.
func waitForTicks() { time.Sleep(5 * procfs.ClockTick) }

func TestChangedSinceTheStart(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "before/old"), "old")
	write(t, filepath.Join(dir, "before/kept"), "old")
	// ctime can't be set: the application has to start measurably later than the files above were made.
	waitForTicks()
	cmd, _ := startApplication(t, "0s")
	waitForTicks()
	write(t, filepath.Join(dir, "before/old"), "changed")
	write(t, filepath.Join(dir, "new/file"), "four")
	r := ChangedRequest{Dirs: []string{dir}, Main: cmd.Process.Pid}
	a, err := local().Changed(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range a.Changes {
		rel, _ := filepath.Rel(dir, c.Path)
		got = append(got, rel)
		if rel == "new/file" && (c.Size != 4 || c.Dir || c.UID != os.Geteuid() || c.Mode != "-rw-r--r--") {
			t.Errorf("got %+v", c)
		}
	}
	want := []string{".", "before/old", "new", "new/file"}
	if len(got) != len(want) || a.Incomplete != "" {
		t.Fatalf("got %q (%s), want %q", got, a.Incomplete, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	r.Limit = 2
	if a, err = local().Changed(t.Context(), r); err != nil || len(a.Changes) != 2 || a.Incomplete != "more than 2 changes" {
		t.Errorf("with a limit of 2: %+v, %v", a, err)
	}
}
