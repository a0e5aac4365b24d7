package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// asUser runs f with the file system identity of another user: permission
// checks, of the kernel's /proc as well, are those of that user without capabilities.
//
// Linux holds these credentials per thread. The thread that f runs on is given up
// afterwards, so that they never leak to other work.
func asUser(id identity, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("internal error: %v", p)
			}
		}()
		if err := becomeOnThread(id); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// becomeOnThread changes the thread's supplementary groups, file system group and user.
func becomeOnThread(id identity) error {
	if os.Geteuid() == id.UID && id.UID != 0 {
		return nil
	}
	if err := unix.Setgroups(id.Groups); err != nil {
		return fmt.Errorf("taking on the groups of user %d: %w", id.UID, err)
	}
	// These calls report no errors; asking with -1 changes nothing and tells the present value.
	_ = unix.Setfsgid(id.GID)
	_ = unix.Setfsuid(id.UID)
	gid, _ := unix.SetfsgidRetGid(-1)
	uid, _ := unix.SetfsuidRetUid(-1)
	if uid != id.UID || gid != id.GID {
		return fmt.Errorf("taking on user %d and group %d: not permitted", id.UID, id.GID)
	}
	return nil
}

// readAsOwner reads a file of /proc/PID that the kernel shows to those alone
// who may trace the process: root inside a container mostly may not, the process's own user may.
func readAsOwner(pid int, read func() error) error {
	err := read()
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	status, statusErr := readStatus(pid)
	if statusErr != nil {
		return err
	}
	return asUser(identity{UID: status.UID, GID: status.GID, Groups: status.Groups}, read)
}
