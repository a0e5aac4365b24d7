package buildkit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/engine"
)

const (
	// answerLimit bounds what the helper may write; what it says comes from an untrusted container.
	answerLimit = 32 << 20
	// startLimit bounds how long a process may take to start; it takes less than a second on an idle machine.
	startLimit = 2 * time.Minute
	// closeLimit bounds how long a killed container may take to go.
	closeLimit = 20 * time.Second
)

// container is a running container.
type container struct {
	engine   *Engine
	gateway  gateway.Container
	process  gateway.ContainerProcess
	hostname string
	env      []string
	dir      string
	output   *tail
	started  time.Time

	ended chan struct{}
	exit  engine.Exit
	fault error // of the engine, not of the process

	closing   sync.Once
	closeFail error
}

// Run starts a container. Its working directory, user, entrypoint, command and
// environment are the image's unless the request says otherwise.
func (e *Engine) Run(ctx context.Context, req engine.RunRequest) (engine.Container, error) {
	img, err := e.image(req.Image)
	if err != nil {
		return nil, fmt.Errorf("starting a container: %w", err)
	}
	args := req.Cmd
	if args == nil {
		args = slices.Concat(img.config.Entrypoint, img.config.Cmd)
	}
	if len(args) == 0 {
		return nil, fmt.Errorf("starting a container of %s: the image has neither ENTRYPOINT nor CMD", img.build)
	}
	s, err := img.open(ctx)
	if err != nil {
		return nil, err
	}
	c := &container{engine: e, hostname: newHostname(), output: &tail{limit: outputLimit}, ended: make(chan struct{})}
	c.env = mergeEnv(append([]string{"HOSTNAME=" + c.hostname}, img.config.Env...), req.Env)
	c.dir = img.config.WorkingDir
	user := img.config.User
	if req.User != "" {
		user = req.User
	}
	if err := c.start(ctx, s, gateway.StartRequest{Args: args, Env: c.env, User: user, Cwd: c.dir}); err != nil {
		return nil, fmt.Errorf("starting a container of %s: %w", img.build, err)
	}
	e.track(c)
	return c, nil
}

func (c *container) start(ctx context.Context, s *imageSession, req gateway.StartRequest) error {
	var err error
	c.gateway, err = s.gateway.NewContainer(ctx, gateway.NewContainerRequest{
		Hostname: c.hostname,
		NetMode:  pb.NetMode_NONE,
		Mounts: []gateway.Mount{
			{Dest: "/", MountType: pb.MountType_BIND, Ref: s.root},
			{Dest: HelperDir, MountType: pb.MountType_BIND, Ref: s.helper, Readonly: true},
		},
	})
	if err != nil {
		return err
	}
	req.Stdout, req.Stderr = c.output, c.output
	c.process, err = startProcess(ctx, c.gateway, req)
	if err != nil {
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		return errors.Join(err, c.gateway.Release(release))
	}
	c.started = time.Now()
	go c.wait()
	return nil
}

// startProcess starts a process that outlives the call. BuildKit's gateway has lost the answer to a start
// for ever: that ends as an error, and an interrupt is heeded meanwhile.
func startProcess(ctx context.Context, in gateway.Container, req gateway.StartRequest) (gateway.ContainerProcess, error) {
	type answer struct {
		process gateway.ContainerProcess
		err     error
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not started after %s", startLimit))
	defer cancel()
	answered := make(chan answer, 1)
	go func() {
		process, err := in.Start(context.WithoutCancel(ctx), req)
		answered <- answer{process, err}
	}()
	select {
	case a := <-answered:
		return a.process, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (c *container) wait() {
	err := c.process.Wait()
	c.exit, c.fault = exitOf(err)
	c.exit.At = time.Now()
	close(c.ended)
}

// exitOf reads how a process ended out of what waiting for it returned.
func exitOf(err error) (engine.Exit, error) {
	if err == nil {
		return engine.Exit{}, nil
	}
	var exit *gatewaypb.ExitError
	if !errors.As(err, &exit) || isUnknown(exit) {
		return engine.Exit{Code: -1}, fmt.Errorf("running the container: %w", err)
	}
	code := int(exit.ExitCode)
	return engine.Exit{Code: code, Signal: signalOf(code)}, nil
}

// isUnknown tells "the status is not known" from a process that exited with the
// same number: of the latter nothing but the status is said.
func isUnknown(exit *gatewaypb.ExitError) bool {
	return exit.ExitCode == gatewaypb.UnknownExitStatus && !strings.HasSuffix(exit.Error(), "exit code: 255")
}

// signalOf reads a signal out of a status above 128. Runtimes report "exited with 143" and "killed
// by SIGTERM" alike, but the first process of a pid namespace is only ever killed by
// SIGKILL or by a fault of its own: any other such status is one that it chose.
func signalOf(code int) syscall.Signal {
	sig := syscall.Signal(code - 128)
	switch sig {
	case syscall.SIGKILL, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE, syscall.SIGABRT, syscall.SIGTRAP, syscall.SIGSYS:
		return sig
	default:
		return 0
	}
}

// Exec runs the helper in the container.
func (c *container) Exec(ctx context.Context, req engine.ExecRequest) ([]byte, error) {
	if !c.running() {
		return nil, errors.New("running the helper: the container has ended")
	}
	var stdin io.ReadCloser
	if req.Stdin != nil {
		stdin = io.NopCloser(req.Stdin)
	}
	answer := &bounded{limit: answerLimit}
	complaint := &tail{limit: 4 << 10}
	process, err := startProcess(ctx, c.gateway, gateway.StartRequest{
		Args:   append([]string{HelperPath, agent.Command}, req.Args...),
		Env:    mergeEnv(c.env, req.Env),
		User:   cmpOr(req.User, "0:0"),
		Cwd:    cmpOr(req.Dir, c.dir),
		Stdin:  stdin,
		Stdout: answer,
		Stderr: complaint,
	})
	if err != nil {
		return nil, fmt.Errorf("running the helper: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- process.Wait() }()
	select {
	case err = <-done:
	case <-ctx.Done():
		return nil, fmt.Errorf("running the helper: %w", context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("running the helper: %w%s", err, suffix(complaint.String()))
	}
	if answer.cut {
		return nil, fmt.Errorf("running the helper: its answer is longer than %d bytes", answerLimit)
	}
	return answer.buf.Bytes(), nil
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func suffix(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return ""
	}
	return ": " + text
}

func (c *container) running() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// Signal sends a signal to the main process.
func (c *container) Signal(ctx context.Context, sig syscall.Signal) error {
	if !c.running() {
		return fmt.Errorf("sending %v: the container has ended", sig)
	}
	if send := c.engine.opts.Signal; send != nil {
		return send(ctx, c.hostname, sig)
	}
	if sig == syscall.SIGSTOP || sig == syscall.SIGCONT {
		return fmt.Errorf("sending %v: the %s engine can't freeze a process from outside", sig, c.engine.opts.Name)
	}
	return c.process.Signal(ctx, sig)
}

// Wait waits for the main process to end.
func (c *container) Wait(ctx context.Context) (engine.Exit, error) {
	select {
	case <-c.ended:
		return c.exit, c.fault
	case <-ctx.Done():
		return engine.Exit{}, context.Cause(ctx)
	}
}

// Output is the last of what the main process wrote.
func (c *container) Output() string { return c.output.String() }

// Started is when the runtime was asked to start the main process and had begun to.
func (c *container) Started() time.Time { return c.started }

// Close kills the container if it runs, waits until it is gone and lets go of its file system.
func (c *container) Close() error {
	c.closing.Do(func() {
		defer c.engine.forget(c)
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		err := c.gateway.Release(ctx)
		select {
		case <-c.ended:
			return // Release reports how the process ended, which is no failure of closing
		case <-ctx.Done():
			c.closeFail = fmt.Errorf("closing a container: %w", errors.Join(context.Cause(ctx), err))
		}
	})
	return c.closeFail
}

// mergeEnv lays assignments over others, by name, in order.
func mergeEnv(base, over []string) []string {
	var out []string
	at := map[string]int{}
	for _, assignment := range slices.Concat(base, over) {
		name, _, _ := strings.Cut(assignment, "=")
		if i, ok := at[name]; ok {
			out[i] = assignment
			continue
		}
		at[name] = len(out)
		out = append(out, assignment)
	}
	return out
}

func newHostname() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// bounded keeps what is written up to a limit and notes whether there was more.
type bounded struct {
	limit int
	buf   bytes.Buffer
	cut   bool
}

func (b *bounded) Write(p []byte) (int, error) {
	keep := min(len(p), b.limit-b.buf.Len())
	b.buf.Write(p[:keep])
	b.cut = b.cut || keep < len(p)
	return len(p), nil
}

func (b *bounded) Close() error { return nil }
