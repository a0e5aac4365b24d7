package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lock is the hold on a state directory. The kernel lets go of it when its
// process ends, however it ends. It is a number, since an *os.File is closed once nothing refers to it any more:
// an engine that its owner forgets goes on all the same.
type lock struct{ fd int }

// takeLock takes the hold on a state directory, or says who has it.
func takeLock(ctx context.Context, opts Options) (*lock, error) {
	l, err := tryLock(opts.Root)
	var locked *Locked
	if !opts.Wait || !errors.As(err, &locked) {
		return l, err
	}
	if opts.OnWait != nil {
		opts.OnWait("waiting: " + locked.Error())
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the engine's state: %w", context.Cause(ctx))
		case <-tick.C:
		}
		if l, err := tryLock(opts.Root); !errors.As(err, &locked) {
			return l, err
		}
	}
}

func tryLock(root string) (*lock, error) {
	f, err := os.OpenFile(filepath.Join(root, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the engine's lock: %w", err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &Locked{Root: root, PID: readPID(f)}
		}
		return nil, fmt.Errorf("locking the engine's state in %s: %w", root, err)
	}
	if err := writePID(f); err != nil {
		return nil, fmt.Errorf("writing the engine's lock: %w", err)
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0) // both numbers hold it, until both are closed
	if err != nil {
		return nil, fmt.Errorf("keeping the engine's lock: %w", err)
	}
	return &lock{fd}, nil
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func readPID(f *os.File) int {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	return pid
}

func (l *lock) release() error { return unix.Close(l.fd) }
