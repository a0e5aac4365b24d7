// Command tool is the only program in the images that the engine's tests build:
// it is their shell, their application and the helper.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Println("tool ran without arguments")
		return
	}
	switch verb, args := os.Args[1], os.Args[2:]; verb {
	case "__agent":
		answer(args)
	case "sh":
		// SHELL ["/bin/tool", "sh"]: everything after it is the script.
		script(strings.Join(args, " "))
	default:
		run(verb, args)
	}
}

// script runs lines of the verbs below.
func script(text string) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 && !strings.HasPrefix(fields[0], "#!") {
			run(fields[0], fields[1:])
		}
	}
}

func run(verb string, args []string) {
	switch verb {
	case "print":
		fmt.Println(strings.Join(args, " "))
	case "count":
		n, _ := strconv.Atoi(args[0])
		for i := range n {
			fmt.Println("line", i+1)
		}
	case "write":
		must(os.WriteFile(args[0], []byte(strings.Join(args[1:], " ")+"\n"), 0o644))
	case "show":
		data, err := os.ReadFile(args[0])
		must(err)
		fmt.Print(string(data))
	case "list":
		entries, err := os.ReadDir(args[0])
		must(err)
		for _, e := range entries {
			fmt.Println("entry", e.Name())
		}
	case "stamp":
		// Differs at every execution, which tells an execution from a cached result.
		must(os.WriteFile(args[0], []byte(strconv.FormatInt(time.Now().UnixNano(), 10)), 0o644))
	case "env":
		fmt.Println(args[0] + "=" + os.Getenv(args[0]))
	case "whoami":
		dir, _ := os.Getwd()
		fmt.Println("uid", os.Getuid(), "gid", os.Getgid(), "dir", dir)
	case "sleep":
		d, err := time.ParseDuration(args[0])
		must(err)
		time.Sleep(d)
	case "end": // after a while, with last words
		d, err := time.ParseDuration(args[0])
		must(err)
		time.Sleep(d)
		fmt.Fprintln(os.Stderr, "last words")
		os.Exit(42)
	case "exit":
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	case "serve":
		serve()
	case "grow":
		megabytes, _ := strconv.Atoi(args[0])
		grown := make([]byte, megabytes<<20)
		for i := range grown {
			grown[i] = 1
		}
		fmt.Println("grown to", len(grown))
		time.Sleep(time.Hour)
	case "endless":
		endless(args[0])
	case "share":
		megabytes, _ := strconv.Atoi(args[0])
		children, _ := strconv.Atoi(args[1])
		share(megabytes, children)
	case "unwatch":
		unwatch(args[0])
	case "survive":
		survive()
	case "crash":
		var p *int
		*p = 1
	default:
		fmt.Fprintln(os.Stderr, "tool: unknown verb", verb)
		os.Exit(127)
	}
}

// serve ticks until it is told to end, and exits with 7 then.
func serve() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	fmt.Println("serving")
	for {
		select {
		case s := <-signals:
			fmt.Println("got", s)
			os.Exit(7)
		case <-time.After(10 * time.Millisecond):
			fmt.Println("tick")
		}
	}
}

// answer is the helper's part: it never exits with anything but 0.
func answer(args []string) {
	switch args[0] {
	case "echo":
		_, _ = io.Copy(os.Stdout, os.Stdin)
	case "stay": // until the container ends
		time.Sleep(time.Minute)
	case "show":
		data, err := os.ReadFile(args[1])
		fmt.Print(string(data), err)
	case "stat":
		info, err := os.Stat(args[1])
		fmt.Print(err == nil && info.Mode().IsRegular())
	case "env":
		fmt.Print(os.Getenv(args[1]))
	case "whoami":
		fmt.Print(os.Getuid(), ":", os.Getgid())
	case "write":
		fmt.Print(os.WriteFile(args[1], []byte("x"), 0o644))
	case "device":
		fmt.Print(hostDisk())
	case "state":
		fmt.Print(stateOfFirst())
	case "loopback":
		fmt.Print(loopback())
	case "interfaces":
		list, err := net.Interfaces()
		for _, i := range list {
			fmt.Print(i.Name, " ")
		}
		fmt.Print(err)
	default:
		// The verbs that engines themselves ask for.
		os.Exit(agent.Main(args, os.Stdin, os.Stdout, os.Stderr))
	}
}

// stateOfFirst is the state letter of the container's main process.
func stateOfFirst() string {
	data, err := os.ReadFile("/proc/1/stat")
	if err != nil {
		return err.Error()
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return rest[:1]
}

// hostDisk opens the disk that the helper lies on.
func hostDisk() error {
	var s syscall.Stat_t
	if err := syscall.Stat(agent.Path, &s); err != nil {
		return err
	}
	if err := syscall.Mknod("/disk", syscall.S_IFBLK|0o600, int(s.Dev)); err != nil {
		return err
	}
	_, err := os.Open("/disk")
	return err
}

// loopback talks to itself.
func loopback() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err.Error()
	}
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write([]byte("hello"))
			c.Close()
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return err.Error()
	}
	data, _ := io.ReadAll(c)
	return string(data)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "tool:", err)
		os.Exit(1)
	}
}
