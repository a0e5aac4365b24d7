package engines

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be a daemon, and a test that starts one and is killed.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "__daemon":
		l, err := net.Listen("unix", os.Args[2])
		if err != nil {
			panic(err)
		}
		for {
			if _, err := l.Accept(); err != nil {
				panic(err)
			}
		}
	case len(os.Args) == 2 && os.Args[1] == "__owner":
		d, err := startFake(context.Background())
		if err != nil {
			panic(err)
		}
		os.Stdout.WriteString(d.Dir + "\n")
		select {}
	}
	os.Exit(m.Run())
}

func startFake(ctx context.Context) (*Daemon, error) {
	dir, name := filepath.Split(os.Args[0])
	return start(ctx, dir, Setup{}, func(d *Daemon) ([]string, error) {
		return []string{name, "__daemon", strings.TrimPrefix(d.Address, "unix://")}, nil
	})
}

// startOwner is another process with a daemon, in dir.
func startOwner(t *testing.T) (cmd *exec.Cmd, dir string) {
	t.Helper()
	cmd = exec.Command(os.Args[0], "__owner")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(line)
}

func listens(dir string) bool {
	c, err := net.Dial("unix", filepath.Join(dir, "socket"))
	if err == nil {
		c.Close()
	}
	return err == nil
}

// A daemon ends with the test that started it, and what is left of it is removed with the next start.
func TestADaemonEndsWithItsOwner(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	killed, left := startOwner(t)
	_, used := startOwner(t)
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	for deadline := time.Now().Add(10 * time.Second); listens(left); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("the daemon of a killed test goes on")
			break
		}
	}
	mounted := filepath.Join(left, "data")
	if err := os.Mkdir(mounted, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", mounted, "tmpfs", 0, "size=64k"); err != nil {
		t.Log("without a mount:", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(mounted, syscall.MNT_DETACH) })

	d, err := startFake(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Errorf("%s is still there", left)
	}
	if !listens(used) || !listens(d.Dir) {
		t.Errorf("daemons that are in use: %v, %v", listens(used), listens(d.Dir))
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.Dir); err == nil {
		t.Errorf("%s is still there", d.Dir)
	}
}

// A folder of which it is not known whose it is, is left alone.
func TestAFolderOfNobodyIsLeftAlone(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	other, err := os.MkdirTemp("", "plimsoll-d-")
	if err != nil {
		t.Fatal(err)
	}
	d, err := startFake(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
}
