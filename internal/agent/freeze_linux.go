package agent

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
)

// freeze stops the processes that the main one has started, children before their parents, so that no parent reacts to a
// child's end before it stands still. thaw, which is never nil, lets those that were stopped go on.
func freeze(main int) (thaw func(), err error) {
	var stopped []int
	thaw = func() {
		for _, pid := range slices.Backward(stopped) {
			_ = syscall.Kill(pid, syscall.SIGCONT) // it may have been ended
		}
	}
	members, err := family(main)
	if err != nil {
		return thaw, err
	}
	for _, pid := range slices.Backward(members[1:]) {
		switch failed := syscall.Kill(pid, syscall.SIGSTOP); {
		case failed == nil:
			stopped = append(stopped, pid)
		case !errors.Is(failed, syscall.ESRCH): // it has ended by itself
			return thaw, fmt.Errorf("stopping process %d: %w", pid, failed)
		}
	}
	return thaw, nil
}
