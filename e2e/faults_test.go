package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// failsWith holds how a run has to fail: exit code 3, these words, the project untouched.
func failsWith(t *testing.T, res result, words ...string) {
	t.Helper()
	t.Logf("after %.1f s:\n%s", res.took.Seconds(), res.stderr)
	if res.code != 3 {
		t.Errorf("exit code %d, want 3", res.code)
	}
	for _, want := range words {
		if !strings.Contains(res.stderr, want) {
			t.Errorf("the message lacks %q", want)
		}
	}
}

// mountAt mounts for the length of a test. That it can be unmounted at the end shows that nobody uses it any more.
func mountAt(t *testing.T, dir string, args ...string) {
	t.Helper()
	if out, err := exec.Command("mount", append(args, dir)...).CombinedOutput(); err != nil {
		t.Fatalf("mount %v: %v\n%s", args, err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
	})
}

// TestFullDisk has the engine's state on a disk that the base image does not fit on.
func TestFullDisk(t *testing.T) {
	needSuite(t)
	image, state := filepath.Join(t.TempDir(), "disk"), t.TempDir()
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 100<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("/sbin/mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs: %v\n%s", err, out)
	}
	mountAt(t, state, "-o", "loop", image)
	dir := project(t, quickToProve())
	before := treeOf(t, dir)
	res := run(t, dir, "prove", "--engine", "embedded", "--state", state, "--mirror", mirror())
	failsWith(t, res, "no room is left on the disk that the engine builds on", "--state")
	untouched(t, dir, before)
}

// TestHugeContext has a context that is larger than any disk: it is told before a byte of it is sent.
func TestHugeContext(t *testing.T) {
	needSuite(t)
	dir := project(t, quickToProve())
	data := filepath.Join(dir, "data.bin")
	if err := os.WriteFile(data, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(data, 8<<40); err != nil {
		t.Skipf("this file system has no files of 8 TB: %v", err)
	}
	res := run(t, dir, proveArgs(quick()...)...)
	failsWith(t, res, "no room for the build context", "are free in", ".dockerignore")
	nothingLeft(t)
}

// TestNoRuntime has no runc on the machine.
func TestNoRuntime(t *testing.T) {
	needSuite(t)
	t.Setenv("PATH", t.TempDir())
	res := run(t, project(t, quickToProve()), proveArgs(quick()...)...)
	failsWith(t, res, "runc is not installed", "apt-get install runc")
}

// TestNoPermission runs as a user who may do nothing but read: check works, and what does not says what is missing.
func TestNoPermission(t *testing.T) {
	needSuite(t)
	if os.Getuid() != 0 {
		t.Fatal("only root can become another user")
	}
	dir := readable(t, project(t, quickToProve()))
	before := treeOf(t, dir)
	program := filepath.Join(readable(t, t.TempDir()), "plimsoll")
	copyFile(t, suite.program, program, 0o755)
	as := func(args ...string) result {
		t.Helper()
		const nobody = 65534
		r := command(t, dir, program, args...)
		r.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		r.cmd.Env = []string{"HOME=/nonexistent", "PATH=" + os.Getenv("PATH")}
		r.begin(t)
		return r.wait(t)
	}
	if res := as("check", "--offline"); res.code != 1 || !strings.Contains(res.stdout, "root-user") {
		t.Errorf("check: exit code %d\n%s%s", res.code, res.stdout, res.stderr)
	}
	failsWith(t, as("fix", "--offline", "--write"), ".dockerignore", "permission denied")
	failsWith(t, as("prove", "--engine", "embedded", "--offline"), "neither root nor in a user namespace", "unshare")
	untouched(t, dir, before)
}

// TestReadOnlyProject proves a project that can't be written, and says so before anything is built where it is to be.
func TestReadOnlyProject(t *testing.T) {
	needSuite(t)
	files, dir := project(t, quickToProve()), t.TempDir()
	mountAt(t, dir, "--bind", files)
	if out, err := exec.Command("mount", "-o", "remount,ro,bind", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v\n%s", err, out)
	}
	res := run(t, dir, proveArgs(quick("--write")...)...)
	failsWith(t, res, "can't be written, and nothing was built", "read-only file system")
	if strings.Contains(res.stderr, "building") {
		t.Error("it was built all the same")
	}
	d, res := prove(t, dir, quick("--rule", "root-user,missing-env")...)
	d.want(t, res, "proven", 0)
}

// readable lets all users into a folder, and those above it that are the test's own.
func readable(t *testing.T, dir string) string {
	t.Helper()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, mode); err != nil {
		t.Fatal(err)
	}
}
