package agent

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// gate is a socket without a file, in the container's own network: the program that a container is for waits at it until it is
// watched.
const gate = "@plimsoll-gate"

// gateLimit bounds how long one waits for the other.
const gateLimit = 2 * time.Minute

// waitAtGate returns when the watcher has come.
func waitAtGate() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: gate}); err != nil {
		return err
	}
	if err := unix.Listen(fd, 1); err != nil {
		return err
	}
	for deadline := time.Now().Add(gateLimit); ; {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(time.Until(deadline).Milliseconds()))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return fmt.Errorf("nobody came to watch it within %s", gateLimit)
		}
		return nil
	}
}

// release lets the program start, and says when, since boot.
func release() (time.Duration, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	for deadline := time.Now().Add(gateLimit); ; time.Sleep(time.Millisecond) {
		now, err := sinceBoot()
		if err != nil {
			return 0, err
		}
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: gate})
		if err == nil || time.Now().After(deadline) {
			return now, err
		}
	}
}

func startedByEnv() time.Duration {
	n, _ := strconv.ParseInt(os.Getenv(StartedVariable), 10, 64)
	return time.Duration(n)
}
