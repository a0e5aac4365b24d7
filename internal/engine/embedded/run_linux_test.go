package embedded

import (
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

const server = "CMD [\"/bin/tool\", \"serve\"]\n"

func TestContainerOfAnImage(t *testing.T) {
	b := newBench(t, nil)
	res := b.build(b.request("ENV KIND=image OTHER=kept\nWORKDIR /work\nUSER 1234:5678\n" + server))
	asked := time.Now()
	c := b.run(engine.RunRequest{Image: res.Image, Env: []string{"KIND=request"}})
	t.Logf("first container up after %v", time.Since(asked).Round(time.Millisecond))
	b.eventually("it serves", func() bool { return strings.Contains(c.Output(), "serving") })
	if c.Started().Before(asked) || c.Started().After(time.Now()) {
		t.Errorf("started %v", c.Started())
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
		{"shared memory is there", "<nil>", []string{"write", "/dev/shm/x"}},
		{"it knows its own name", "127.0.0.1\tlocalhost", []string{"show", "/etc/hosts"}},
	} {
		if got := b.ask(c, q.args...); !strings.Contains(got, q.want) {
			t.Errorf("%s: got %q, want %q", q.name, got, q.want)
		}
	}
	if out, err := c.Exec(t.Context(), engine.ExecRequest{Args: []string{"echo"}, Stdin: strings.NewReader("in")}); err != nil || string(out) != "in" {
		t.Errorf("standard input: %q, %v", out, err)
	}
	if out, err := c.Exec(t.Context(), engine.ExecRequest{Args: []string{"whoami"}, User: "77:88", Env: []string{"A=b"}}); err != nil || string(out) != "77:88" {
		t.Errorf("user of the helper: %q, %v", out, err)
	}
	other := b.run(engine.RunRequest{Image: res.Image, Cmd: []string{"/bin/tool", "whoami"}})
	b.wait(other)
	if got := other.Output(); got != "uid 1234 gid 5678 dir /work\n" {
		t.Errorf("the image's user and directory: %q", got)
	}
	other = b.run(engine.RunRequest{Image: res.Image, Cmd: []string{"/bin/tool", "whoami"}, User: "9:9"})
	b.wait(other)
	if got := other.Output(); got != "uid 9 gid 9 dir /work\n" {
		t.Errorf("the request's user: %q", got)
	}
}

func TestHelperIsNotInTheImage(t *testing.T) {
	b := newBench(t, nil)
	if got := b.outputOf("RUN list /\nCMD [\"/bin/tool\", \"list\", \"/\"]\n"); !strings.Contains(got, "entry .plimsoll\n") {
		t.Errorf("not in the container: %q", got)
	}
	_, err := b.engine.Build(t.Context(), b.request("RUN show /.plimsoll/plimsoll\n"), nil)
	var failed *engine.BuildError
	if !errors.As(err, &failed) || !strings.Contains(failed.Output, "no such file") {
		t.Errorf("a step of the build sees the helper: %v", err)
	}
}

func TestExits(t *testing.T) {
	b := newBench(t, nil)
	res := b.build(b.request(server))
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
		t.Run(name, func(t *testing.T) {
			container := b.run(engine.RunRequest{Image: res.Image, Cmd: c.cmd})
			exit, err := container.Wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if exit.Code != c.want.Code || exit.Signal != c.want.Signal || exit.At.IsZero() {
				t.Errorf("got %+v, want %+v; output %q", exit, c.want, container.Output())
			}
		})
	}
}

func TestSignals(t *testing.T) {
	b := newBench(t, nil)
	res := b.build(b.request(server))

	c := b.run(engine.RunRequest{Image: res.Image})
	b.eventually("it serves", func() bool { return strings.Contains(c.Output(), "tick") })
	if err := c.Signal(t.Context(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	b.eventually("it is frozen", func() bool { return b.ask(c, "state") == "T" })
	if err := c.Signal(t.Context(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	b.eventually("it goes on", func() bool { return b.ask(c, "state") != "T" })
	if err := c.Signal(t.Context(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if exit := b.wait(c); exit.Code != 7 || exit.Signal != 0 {
		t.Errorf("after SIGTERM: %+v", exit)
	}
	if !strings.Contains(c.Output(), "got terminated") {
		t.Errorf("output %q", c.Output())
	}
	if err := c.Signal(t.Context(), syscall.SIGTERM); err == nil {
		t.Error("a signal to a container that ended was sent")
	}
	if _, err := c.Exec(t.Context(), engine.ExecRequest{Args: []string{"echo"}}); err == nil {
		t.Error("the helper ran in a container that ended")
	}

	killed := b.run(engine.RunRequest{Image: res.Image})
	if err := killed.Signal(t.Context(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit := b.wait(killed); exit.Code != 137 || exit.Signal != syscall.SIGKILL {
		t.Errorf("after SIGKILL: %+v", exit)
	}
}

func TestFrozenContainerIsClosed(t *testing.T) {
	b := newBench(t, nil)
	c := b.run(engine.RunRequest{Image: b.build(b.request(server)).Image})
	if err := c.Signal(t.Context(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if left := containersBelow(t, b.root); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if left := mountsOf(t, b.root); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestManyContainers(t *testing.T) {
	b := newBench(t, nil)
	image := b.build(b.request(server)).Image
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			c, err := b.engine.Run(t.Context(), engine.RunRequest{Image: image})
			if err != nil {
				t.Error(err)
				return
			}
			if out, err := c.Exec(t.Context(), engine.ExecRequest{Args: []string{"loopback"}}); err != nil || string(out) != "hello" {
				t.Errorf("%q, %v", out, err)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for range 3 {
		start := time.Now()
		c := b.run(engine.RunRequest{Image: image})
		up := time.Since(start)
		asked := time.Now()
		b.ask(c, "env", "X")
		took := time.Since(asked)
		closing := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		t.Logf("up in %v, helper answered in %v, closed in %v", up.Round(time.Millisecond), took.Round(time.Millisecond), time.Since(closing).Round(time.Millisecond))
	}
}

func TestEachContainerStartsFresh(t *testing.T) {
	b := newBench(t, nil)
	image := b.build(b.request(server)).Image
	first := b.run(engine.RunRequest{Image: image})
	b.ask(first, "write", "/left")
	second := b.run(engine.RunRequest{Image: image})
	if got := b.ask(second, "stat", "/left"); got != "false" {
		t.Error("a file of one container is in the next")
	}
}

func TestImageIsWhatWasBuilt(t *testing.T) {
	b := newBench(t, nil)
	b.write("app.txt", "one")
	req := b.request("RUN stamp /s\nCOPY app.txt /app.txt\nRUN stamp /t\nCMD [\"/bin/tool\", \"show\", \"/app.txt\"]\n")
	one := b.build(req)
	b.write("app.txt", "two")
	two := b.build(req)
	b.write("app.txt", "six")
	for image, want := range map[string]string{one.Image: "one", two.Image: "two"} {
		c := b.run(engine.RunRequest{Image: image})
		b.wait(c)
		if c.Output() != want {
			t.Errorf("the image of %q holds %q", want, c.Output())
		}
	}
}

func TestRunOfNoImage(t *testing.T) {
	b := newBench(t, nil)
	if _, err := b.engine.Run(t.Context(), engine.RunRequest{Image: "absent"}); err == nil {
		t.Error("no error")
	}
	if _, err := b.engine.Run(t.Context(), engine.RunRequest{Image: b.build(b.request("")).Image}); err == nil || !strings.Contains(err.Error(), "CMD") {
		t.Errorf("an image without a command: %v", err)
	}
}

func TestClosedEngineSaysSo(t *testing.T) {
	b := newBench(t, nil)
	image := b.build(b.request(server)).Image
	for range 2 {
		if err := b.engine.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.engine.Run(t.Context(), engine.RunRequest{Image: image}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("got %v", err)
	}
}
