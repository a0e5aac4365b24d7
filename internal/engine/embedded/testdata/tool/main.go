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
	case "exit":
		code, _ := strconv.Atoi(args[0])
		os.Exit(code)
	case "serve":
		serve()
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
