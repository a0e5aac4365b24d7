package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// endless takes without end: processes, memory, disk space, or the attention of who reads what it prints. For each process, and each
// MiB, it prints a "+".
func endless(what string) {
	switch what {
	case "processes":
		fmt.Print("+")
		for {
			child := exec.Command("/bin/tool", "endless", "processes")
			child.Stdout = os.Stdout
			_ = child.Start()
		}
	case "forks": // until one is refused, which ends the program
		for {
			pid, _, fault := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
			for pid == 0 && fault == 0 { // the child, in which nothing of Go's works any more
				syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
			}
			if fault != 0 {
				fmt.Println("fork:", fault)
				os.Exit(1)
			}
		}
	case "memory":
		var kept [][]byte
		for {
			chunk := make([]byte, 1<<20)
			for i := 0; i < len(chunk); i += 4096 {
				chunk[i] = 1
			}
			kept = append(kept, chunk)
			fmt.Print("+")
		}
	case "disk":
		f, err := os.Create("/endless")
		must(err)
		for chunk := make([]byte, 1<<20); ; {
			_, err := f.Write(chunk)
			must(err)
			fmt.Print("+")
		}
	case "hidden": // on disk, in a file that no directory has
		f, err := os.Create("/endless")
		must(err)
		must(os.Remove("/endless"))
		for chunk := make([]byte, 1<<20); ; {
			_, err := f.Write(chunk)
			must(err)
		}
	case "output":
		for out := bufio.NewWriter(os.Stdout); ; {
			fmt.Fprintln(out, "y")
		}
	}
}

// share has memory in common with children, and serves.
func share(megabytes, children int) {
	grown, err := syscall.Mmap(-1, 0, megabytes<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	must(err)
	for i := range grown {
		grown[i] = 1
	}
	for range children {
		pid, _, fault := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		for pid == 0 && fault == 0 { // the child, in which nothing of Go's works any more
			syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
		}
	}
	fmt.Println("shared by", children)
	serve()
}

// unwatch sends a signal to whatever watches this container from inside, and serves.
func unwatch(name string) {
	sig := map[string]syscall.Signal{"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM}[name]
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(err)
	for _, file := range lines {
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), "watching") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			fmt.Println("sent", sig, "to", pid, syscall.Kill(pid, sig))
		}
	}
	serve()
}

// survive goes on after a child of its own took memory without end.
func survive() {
	err := exec.Command("/bin/tool", "endless", "memory").Run()
	fmt.Println("the child ended:", err)
	serve()
}
