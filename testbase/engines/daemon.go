package engines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/testbase/cache"
)

const (
	startLimit = 60 * time.Second
	stopLimit  = 20 * time.Second
)

// Daemon is an engine that runs, with all that it keeps below Dir.
type Daemon struct {
	Dir     string
	Address string // "unix:///…"

	env   []string // besides this process's own
	cmd   *exec.Cmd
	owner *os.File // is locked while this process lives
	log   *os.File
	ended chan struct{}
}

// Setup says how a daemon is started.
type Setup struct {
	// Args are added to its command line.
	Args []string
	// Apart gives it a network of its own, with nothing in it: it reaches nobody but through its socket.
	Apart bool
}

// Default is the store of programs that all tests share.
func Default() (*cache.Store, error) {
	dir, err := cache.DefaultDir()
	if err != nil {
		return nil, err
	}
	return &cache.Store{Dir: dir, Logf: func(format string, args ...any) { fmt.Fprintf(os.Stderr, "engines: "+format+"\n", args...) }}, nil
}

// StartDocker starts a Docker Engine without a network of its own: it changes nothing on the machine.
func StartDocker(ctx context.Context, programs string, how Setup) (*Daemon, error) {
	return start(ctx, programs, how, func(d *Daemon) ([]string, error) {
		config := filepath.Join(d.Dir, "daemon.json")
		if err := os.WriteFile(config, []byte("{}\n"), 0o644); err != nil {
			return nil, err
		}
		return append([]string{"dockerd", "--config-file", config, "--host", d.Address,
			"--data-root", filepath.Join(d.Dir, "data"), "--exec-root", filepath.Join(d.Dir, "exec"), "--pidfile", filepath.Join(d.Dir, "pid"),
			"--bridge", "none", "--iptables=false", "--ip6tables=false", "--userland-proxy=false"}, how.Args...), nil
	})
}

// StartBuildkitd starts BuildKit's own daemon.
func StartBuildkitd(ctx context.Context, programs string, how Setup) (*Daemon, error) {
	return start(ctx, programs, how, func(d *Daemon) ([]string, error) {
		config := filepath.Join(d.Dir, "buildkitd.toml")
		if err := os.WriteFile(config, nil, 0o644); err != nil {
			return nil, err
		}
		return append([]string{"buildkitd", "--config", config, "--addr", d.Address, "--root", filepath.Join(d.Dir, "data"),
			"--oci-worker-net", "host", "--allow-insecure-entitlement", "network.host"}, how.Args...), nil
	})
}

// StartPodman starts podman's service. It reads none of the machine's settings but its defaults.
func StartPodman(ctx context.Context, programs string, how Setup) (*Daemon, error) {
	return start(ctx, programs, how, func(d *Daemon) ([]string, error) {
		settings := filepath.Join(d.Dir, ".config", "containers")
		if err := os.MkdirAll(settings, 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(settings, "policy.json"), []byte(`{"default":[{"type":"insecureAcceptAnything"}]}`), 0o644); err != nil {
			return nil, err
		}
		d.env = []string{"HOME=" + d.Dir, "LD_LIBRARY_PATH=" + filepath.Join(programs, "..", "lib")}
		args := append([]string{"podman", "--conmon", filepath.Join(programs, "conmon"), "--cgroup-manager", "cgroupfs",
			"--root", filepath.Join(d.Dir, "data"), "--runroot", filepath.Join(d.Dir, "exec"), "--tmpdir", filepath.Join(d.Dir, "tmp")}, how.Args...)
		return append(args, "system", "service", "--time", "0", d.Address), nil
	})
}

// start starts a daemon and waits until it listens.
func start(ctx context.Context, programs string, how Setup, command func(*Daemon) ([]string, error)) (*Daemon, error) {
	sweep()
	// Sockets have short names.
	dir, err := os.MkdirTemp("", daemonFolder)
	if err != nil {
		return nil, err
	}
	d := &Daemon{Dir: dir, Address: "unix://" + filepath.Join(dir, "socket"), ended: make(chan struct{})}
	args, err := d.prepare(command)
	if err != nil {
		return nil, errors.Join(err, d.remove())
	}
	d.cmd = exec.Command(filepath.Join(programs, args[0]), args[1:]...)
	d.cmd.Env = append(append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "TMPDIR="+dir), d.env...)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if how.Apart {
		d.cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWNET
	}
	if err := d.run(); err != nil {
		return nil, errors.Join(err, d.remove())
	}
	if err := d.listening(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w\n%s", args[0], err, d.Log()), d.Close())
	}
	return d, nil
}

// prepare makes what the daemon needs in its folder, and returns its command.
func (d *Daemon) prepare(command func(*Daemon) ([]string, error)) (args []string, err error) {
	if d.owner, err = own(d.Dir); err != nil {
		return nil, err
	}
	if d.log, err = os.Create(filepath.Join(d.Dir, "log")); err != nil {
		return nil, err
	}
	return command(d)
}

// run starts the daemon's process, which is told to end when the thread that started it does: with this process, and no sooner.
func (d *Daemon) run() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := d.cmd.Start()
		started <- err
		if err == nil {
			_ = d.cmd.Wait() // how it ended is in its log
			close(d.ended)
		}
	}()
	return <-started
}

func (d *Daemon) listening(ctx context.Context) error {
	for deadline := time.Now().Add(startLimit); ; time.Sleep(50 * time.Millisecond) {
		if c, err := net.Dial("unix", strings.TrimPrefix(d.Address, "unix://")); err == nil {
			return c.Close()
		}
		select {
		case <-d.ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not listen after %s", startLimit)
		}
	}
}

// Log is the last of what the daemon wrote.
func (d *Daemon) Log() string {
	text, _ := os.ReadFile(d.log.Name())
	return string(text[max(0, len(text)-4000):])
}

// Kill ends the daemon as a crash would.
func (d *Daemon) Kill() {
	_ = d.cmd.Process.Kill()
	<-d.ended
}

// Close ends the daemon, and removes all that it kept and left behind.
func (d *Daemon) Close() error {
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(stopLimit):
		d.Kill()
	}
	return d.remove()
}

// remove takes away all that a daemon kept and left behind that has ended.
func (d *Daemon) remove() error {
	var errs []error
	for range 20 {
		errs = []error{d.deleteContainers(), d.endProcesses(), d.unmount()}
		if errors.Join(errs...) == nil {
			errs = []error{os.RemoveAll(d.Dir)}
		}
		if errors.Join(errs...) == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, file := range []*os.File{d.log, d.owner} {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}

// deleteContainers takes away what a killed daemon left at runc: also those that were not started yet, whose processes do not
// name its folder.
func (d *Daemon) deleteContainers() error {
	var errs []error
	for _, id := range d.Containers() {
		if out, err := exec.Command("runc", "delete", "--force", id).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("deleting the container %s: %w: %s", id, err, bytes.TrimSpace(out)))
		}
	}
	return errors.Join(errs...)
}

// endProcesses ends what a killed daemon left running: its containerd and its containers, which have its folder in their
// command lines.
func (d *Daemon) endProcesses() error {
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	left := 0
	for _, file := range processes {
		text, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(text, []byte(d.Dir+"/")) {
			continue
		}
		var pid int
		if _, err := fmt.Sscanf(file, "/proc/%d/cmdline", &pid); err == nil && pid != os.Getpid() {
			left++
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if left > 0 {
		return fmt.Errorf("%d processes of the daemon in %s go on", left, d.Dir)
	}
	return nil
}

// unmount lets go of what the daemon mounted, the deepest first.
func (d *Daemon) unmount() error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	var points []string
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], d.Dir+"/") {
			points = append(points, fields[4])
		}
	}
	slices.SortFunc(points, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	var errs []error
	for _, p := range points {
		if err := syscall.Unmount(p, syscall.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmounting %s: %w", p, err))
		}
	}
	return errors.Join(errs...)
}

// Containers lists the containers that run, of builds as well: the bundles that runc has open below the daemon's folder.
func (d *Daemon) Containers() (ids []string) {
	states, err := filepath.Glob("/run/runc/*/state.json")
	if err != nil {
		return nil
	}
	for _, file := range states {
		// Read in part, and by its text: what it holds differs between versions of runc.
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(d.Dir+"/")) {
			ids = append(ids, filepath.Base(filepath.Dir(file)))
		}
	}
	return ids
}
