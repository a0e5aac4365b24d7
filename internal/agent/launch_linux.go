package agent

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// launch becomes the program that a container is for, as a runtime would have started it. Before that it allows itself to be
// traced by the agent, which stops it so (see kill): kernels with Yama in its usual setting allow that to ancestors alone, and
// the first process of a container has none in there. The permission stays with the process as long as its main thread does.
func launch(how string, argv []string, stderr io.Writer) int {
	if len(argv) == 0 {
		fmt.Fprintln(stderr, "plimsoll agent: nothing to launch")
		return 1
	}
	if unix.Gettid() != os.Getpid() {
		// Whatever thread calls exec is the main one afterwards.
		err := syscall.Exec(Path, append([]string{Path, Command, how}, argv...), os.Environ())
		fmt.Fprintf(stderr, "plimsoll agent: %v\n", err)
		return 1
	}
	_ = unix.Prctl(unix.PR_SET_PTRACER, unix.PR_SET_PTRACER_ANY, 0, 0, 0) // fails where there is no Yama, and no need
	if how == LaunchWatched {
		if err := waitAtGate(); err != nil {
			fmt.Fprintf(stderr, "plimsoll agent: waiting to be watched: %v\n", err)
			return 1
		}
	}
	path, err := findProgram(argv[0], os.Environ())
	if err == nil {
		err = syscall.Exec(path, argv, os.Environ())
	}
	fmt.Fprintf(stderr, "exec %s: %v\n", argv[0], err)
	return 1
}
