package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// signalByName knows the signals that plimsoll sends.
func signalByName(name string) (syscall.Signal, error) {
	switch strings.TrimPrefix(strings.ToUpper(name), "SIG") {
	case "STOP":
		return syscall.SIGSTOP, nil
	case "CONT":
		return syscall.SIGCONT, nil
	case "TERM":
		return syscall.SIGTERM, nil
	case "KILL":
		return syscall.SIGKILL, nil
	case "INT":
		return syscall.SIGINT, nil
	case "HUP":
		return syscall.SIGHUP, nil
	case "QUIT":
		return syscall.SIGQUIT, nil
	case "USR1":
		return syscall.SIGUSR1, nil
	case "USR2":
		return syscall.SIGUSR2, nil
	}
	return 0, fmt.Errorf("unknown signal %q", name)
}

// sendSignal signals the application's processes, children before their parents,
// so that no parent reacts to a child's end before it has its own signal.
func sendSignal(_ context.Context, r SignalRequest) (SignalAnswer, error) {
	sig, err := signalByName(r.Signal)
	if err != nil {
		return SignalAnswer{}, err
	}
	members, err := family(mainPID(r.Main))
	if err != nil {
		return SignalAnswer{}, err
	}
	if !r.WithMain {
		members = members[1:]
	}
	a := SignalAnswer{PIDs: []int{}}
	for i := len(members) - 1; i >= 0; i-- {
		err := syscall.Kill(members[i], sig)
		switch {
		case err == nil:
			a.PIDs = append(a.PIDs, members[i])
		case !errors.Is(err, syscall.ESRCH): // it has ended by itself
			a.Errors = append(a.Errors, fmt.Sprintf("process %d: %v", members[i], err))
		}
	}
	return a, nil
}
