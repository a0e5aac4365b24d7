package enginetest

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/engine"
)

func containerOfAnImage(b *Bench) {
	res := b.Build(b.Request("ENV KIND=image OTHER=kept\nWORKDIR /work\nUSER 1234:5678\nVOLUME /bin /kept/deep\n" + Server))
	asked := time.Now()
	c := b.Run(engine.RunRequest{Image: res.Image, Env: []string{"KIND=request"}})
	b.Logf("first container up after %v", time.Since(asked).Round(time.Millisecond))
	b.Eventually("it serves", func() bool { return strings.Contains(c.Output(), "serving") })
	if c.Started().Before(asked) || c.Started().After(time.Now()) {
		b.Errorf("started %v", c.Started())
	}
	for _, q := range []struct {
		name, want string
		args       []string
	}{
		{"the request's environment wins", "request", []string{"env", "KIND"}},
		{"the image's environment is there", "kept", []string{"env", "OTHER"}},
		{"the helper runs as root", "0:0", []string{"whoami"}},
		{"loopback works", "hello", []string{"loopback"}},
		{"there is no other interface", "lo <nil>", []string{"interfaces"}},
		{"the root file system is writable", "<nil>", []string{"write", "/file"}},
		{"the helper is not writable", "open /.plimsoll/plimsoll: read-only file system", []string{"write", "/.plimsoll/plimsoll"}},
		{"a volume is there that no step made", "<nil>", []string{"write", "/kept/deep/file"}},
		{"shared memory is there", "<nil>", []string{"write", "/dev/shm/x"}},
		{"it knows its own name", "127.0.0.1\tlocalhost", []string{"show", "/etc/hosts"}},
	} {
		if got := b.Ask(c, q.args...); !strings.Contains(got, q.want) {
			b.Errorf("%s: got %q, want %q", q.name, got, q.want)
		}
	}
	if out, err := c.Exec(b.Context(), engine.ExecRequest{Args: []string{"echo"}, Stdin: strings.NewReader("in")}); err != nil || string(out) != "in" {
		b.Errorf("standard input: %q, %v", out, err)
	}
	if out, err := c.Exec(b.Context(), engine.ExecRequest{Args: []string{"whoami"}, User: "77:88", Env: []string{"A=b"}}); err != nil || string(out) != "77:88" {
		b.Errorf("user of the helper: %q, %v", out, err)
	}
	other := b.Run(engine.RunRequest{Image: res.Image, Cmd: []string{"/bin/tool", "whoami"}})
	b.Wait(other)
	if got := other.Output(); got != "uid 1234 gid 5678 dir /work\n" {
		b.Errorf("the image's user and directory: %q", got)
	}
	other = b.Run(engine.RunRequest{Image: res.Image, Cmd: []string{"/bin/tool", "whoami"}, User: "9:9"})
	b.Wait(other)
	if got := other.Output(); got != "uid 9 gid 9 dir /work\n" {
		b.Errorf("the request's user: %q", got)
	}
}

func helperIsNotInTheImage(b *Bench) {
	if got := b.OutputOf("RUN list /\nCMD [\"/bin/tool\", \"list\", \"/\"]\n"); !strings.Contains(got, "entry .plimsoll\n") {
		b.Errorf("not in the container: %q", got)
	}
	_, err := b.Engine.Build(b.Context(), b.Request("RUN show /.plimsoll/plimsoll\n"), nil)
	var failed *engine.BuildError
	if !errors.As(err, &failed) || !strings.Contains(failed.Output, "no such file") {
		b.Errorf("a step of the build sees the helper: %v", err)
	}
}

func exits(b *Bench) {
	res := b.Build(b.Request(Server))
	for name, c := range map[string]struct {
		cmd  []string
		want engine.Exit
	}{
		"zero":         {[]string{"/bin/tool", "print", "x"}, engine.Exit{}},
		"a code":       {[]string{"/bin/tool", "exit", "42"}, engine.Exit{Code: 42}},
		"255":          {[]string{"/bin/tool", "exit", "255"}, engine.Exit{Code: 255}},
		"a fault":      {[]string{"/bin/tool", "crash"}, engine.Exit{Code: 2}},
		"a chosen 143": {[]string{"/bin/tool", "exit", "143"}, engine.Exit{Code: 143}},
		"no such file": {[]string{"/absent"}, engine.Exit{Code: 1}},
	} {
		b.sub(name, func(b *Bench) {
			container := b.Run(engine.RunRequest{Image: res.Image, Cmd: c.cmd})
			exit, err := container.Wait(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			if exit.Code != c.want.Code || exit.Signal != c.want.Signal || exit.At.IsZero() {
				b.Errorf("got %+v, want %+v; output %q", exit, c.want, container.Output())
			}
		})
	}
}

// endsWhileHelped ends containers at any moment of the helper's life: how they ended is known all the same or, where the
// containers are another daemon's, said to be lost. It is never told wrongly.
func endsWhileHelped(b *Bench) {
	res := b.Build(b.Request(Server))
	known := 0
	for after := time.Duration(0); after < 150*time.Millisecond; after += 25 * time.Millisecond {
		c := b.Run(engine.RunRequest{Image: res.Image, Cmd: []string{"/bin/tool", "end", after.String()}})
		_, helped := c.Exec(b.Context(), engine.ExecRequest{Args: []string{"stay"}})
		exit, err := c.Wait(b.Context())
		if errors.Is(err, engine.ErrEndLost) && b.Engine.Info().Name != "embedded" {
			b.Logf("ended after %v: %v", after, err)
			continue
		}
		if err != nil || exit.Code != 42 || !strings.Contains(c.Output(), "last words") {
			b.Errorf("ended after %v: %+v, %v, output %q; the helper: %v", after, exit, err, c.Output(), helped)
		}
		known++
		if helped == nil {
			b.Errorf("ended after %v: the helper stayed on", after)
		}
	}
	if known == 0 {
		b.Error("how they ended is never known")
	}
}

func signals(b *Bench) {
	res := b.Build(b.Request(Server))

	c := b.Run(engine.RunRequest{Image: res.Image})
	b.Eventually("it serves", func() bool { return strings.Contains(c.Output(), "tick") })
	if _, err := c.Signal(b.Context(), syscall.SIGSTOP); err != nil {
		b.Fatal(err)
	}
	b.Eventually("it is frozen", func() bool { return b.Ask(c, "state") == "T" })
	if _, err := c.Signal(b.Context(), syscall.SIGCONT); err != nil {
		b.Fatal(err)
	}
	b.Eventually("it goes on", func() bool { return b.Ask(c, "state") != "T" })
	if _, err := c.Signal(b.Context(), syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if exit := b.Wait(c); exit.Code != 7 || exit.Signal != 0 {
		b.Errorf("after SIGTERM: %+v", exit)
	}
	if !strings.Contains(c.Output(), "got terminated") {
		b.Errorf("output %q", c.Output())
	}
	if _, err := c.Signal(b.Context(), syscall.SIGTERM); err == nil {
		b.Error("a signal to a container that ended was sent")
	}
	if _, err := c.Exec(b.Context(), engine.ExecRequest{Args: []string{"echo"}}); err == nil {
		b.Error("the helper ran in a container that ended")
	}

	killed := b.Run(engine.RunRequest{Image: res.Image})
	if _, err := killed.Signal(b.Context(), syscall.SIGKILL); err != nil {
		b.Fatal(err)
	}
	if exit := b.Wait(killed); exit.Code != 137 || exit.Signal != syscall.SIGKILL {
		b.Errorf("after SIGKILL: %+v", exit)
	}
}

func frozenContainerIsClosed(b *Bench) {
	c := b.Run(engine.RunRequest{Image: b.Build(b.Request(Server)).Image})
	if _, err := c.Signal(b.Context(), syscall.SIGSTOP); err != nil {
		b.Fatal(err)
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	b.gone("the container")
}

// gone waits until the engine has no container.
func (b *Bench) gone(what string) {
	b.Helper()
	if b.target.Left != nil {
		b.Eventually(what+" is gone", func() bool { return len(b.target.Left(b.T)) == 0 })
	}
}

// memory reads the peak of the main process, whoever it runs as.
func memory(b *Bench) {
	const megabytes = 64
	image := b.Build(b.Request(Server)).Image
	for _, user := range []string{"", "1234:5678"} {
		c := b.Run(engine.RunRequest{Image: image, User: user, Cmd: []string{"/bin/tool", "grow", strconv.Itoa(megabytes)}})
		b.Eventually("it has grown", func() bool { return strings.Contains(c.Output(), "grown") })
		client := agent.NewClient(func(ctx context.Context, args []string, stdin io.Reader) ([]byte, error) {
			return c.Exec(ctx, engine.ExecRequest{Args: args, Stdin: stdin})
		})
		a, err := client.Processes(b.Context(), agent.ProcessesRequest{Timeout: 10 * time.Second})
		if err != nil {
			b.Fatal(err)
		}
		if got := a.PeakBytes >> 20; got < megabytes || got > 2*megabytes || len(a.Processes) != 1 {
			b.Errorf("user %q: %d MiB in %d processes, want some more than %d in one", user, got, len(a.Processes), megabytes)
		}
		if err := c.Close(); err != nil {
			b.Error(err)
		}
	}
}

func manyContainers(b *Bench) {
	image := b.Build(b.Request(Server)).Image
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			c, err := b.Engine.Run(b.Context(), engine.RunRequest{Image: image})
			if err != nil {
				b.Error(err)
				return
			}
			if out, err := c.Exec(b.Context(), engine.ExecRequest{Args: []string{"loopback"}}); err != nil || string(out) != "hello" {
				b.Errorf("%q, %v", out, err)
			}
			if err := c.Close(); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	for range 3 {
		start := time.Now()
		c := b.Run(engine.RunRequest{Image: image})
		up := time.Since(start)
		asked := time.Now()
		b.Ask(c, "env", "X")
		took := time.Since(asked)
		closing := time.Now()
		if err := c.Close(); err != nil {
			b.Error(err)
		}
		b.Logf("up in %v, helper answered in %v, closed in %v", up.Round(time.Millisecond), took.Round(time.Millisecond), time.Since(closing).Round(time.Millisecond))
	}
}

func eachContainerStartsFresh(b *Bench) {
	image := b.Build(b.Request(Server)).Image
	first := b.Run(engine.RunRequest{Image: image})
	b.Ask(first, "write", "/left")
	second := b.Run(engine.RunRequest{Image: image})
	if got := b.Ask(second, "stat", "/left"); got != "false" {
		b.Error("a file of one container is in the next")
	}
}

func imageIsWhatWasBuilt(b *Bench) {
	b.Write("app.txt", "one")
	req := b.Request("RUN stamp /s\nCOPY app.txt /app.txt\nRUN stamp /t\nCMD [\"/bin/tool\", \"show\", \"/app.txt\"]\n")
	one := b.Build(req)
	b.Write("app.txt", "two")
	two := b.Build(req)
	b.Write("app.txt", "six")
	for image, want := range map[string]string{one.Image: "one", two.Image: "two"} {
		c := b.Run(engine.RunRequest{Image: image})
		b.Wait(c)
		if c.Output() != want {
			b.Errorf("the image of %q holds %q", want, c.Output())
		}
	}
}

func runOfNoImage(b *Bench) {
	if _, err := b.Engine.Run(b.Context(), engine.RunRequest{Image: "absent"}); err == nil {
		b.Error("no error")
	}
	if _, err := b.Engine.Run(b.Context(), engine.RunRequest{Image: b.Build(b.Request("")).Image}); err == nil || !strings.Contains(err.Error(), "CMD") {
		b.Errorf("an image without a command: %v", err)
	}
}

// closedEngineSaysSo comes last: nothing can be done with the engine any more.
func closedEngineSaysSo(b *Bench) {
	image := b.Build(b.Request(Server)).Image
	for range 2 {
		if err := b.Engine.Close(); err != nil {
			b.Error(err)
		}
	}
	if _, err := b.Engine.Run(b.Context(), engine.RunRequest{Image: image}); err == nil || !strings.Contains(err.Error(), "closed") {
		b.Errorf("got %v", err)
	}
}
