package buildkit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	// complaintLimit bounds what is kept of what a failing helper says.
	complaintLimit = 4 << 10
	// startLimit bounds how long a process may take to start; it takes less than a second on an idle machine.
	startLimit = 2 * time.Minute
	// closeLimit bounds how long a killed container may take to go.
	closeLimit = 20 * time.Second
)

// container is a running container.
type container struct {
	engine   *Engine
	session  *imageSession
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

	watch *watch // nil where nothing has to be watched from inside

	full atomic.Bool // the helper, or the program by its own words, could not start a process

	helpers atomic.Int32 // that run
	failed  atomic.Bool  // one has

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
	c := &container{engine: e, session: s, hostname: newHostname(), output: &tail{limit: outputLimit}, ended: make(chan struct{})}
	c.env = mergeEnv(append([]string{"HOSTNAME=" + c.hostname}, img.config.Env...), req.Env)
	c.dir = img.config.WorkingDir
	user := img.config.User
	if req.User != "" {
		user = req.User
	}
	if e.opts.Watch != nil && !e.opts.Watch.None() {
		c.watch = newWatch()
	}
	if e.opts.Signal == nil {
		args = append([]string{agent.Path, agent.Command, c.launcher()}, args...)
	}
	if err := c.start(ctx, s, gateway.StartRequest{Args: args, Env: c.env, User: user, Cwd: c.dir}); err != nil {
		return nil, fmt.Errorf("starting a container of %s: %w", img.build, err)
	}
	e.track(c)
	return c, nil
}

// launcher is what the helper does before it becomes the program.
func (c *container) launcher() string {
	if c.watch != nil {
		return agent.LaunchWatched
	}
	return agent.Launch
}

func (c *container) start(ctx context.Context, s *imageSession, req gateway.StartRequest) error {
	var err error
	c.gateway, err = s.gateway.NewContainer(ctx, gateway.NewContainerRequest{
		Hostname: c.hostname,
		NetMode:  pb.NetMode_NONE,
		Mounts: []gateway.Mount{
			{Dest: "/", MountType: pb.MountType_BIND, Ref: s.root},
			{Dest: path.Dir(agent.Path), MountType: pb.MountType_BIND, Ref: s.helper, Readonly: true},
		},
	})
	if err != nil {
		return err
	}
	req.Stdout, req.Stderr = c.output, c.output
	c.process, err = startProcess(ctx, c.gateway, req, nil)
	if err != nil {
		release, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		return errors.Join(err, c.gateway.Release(release))
	}
	c.started = time.Now()
	go c.wait()
	if c.watch == nil {
		return nil
	}
	if err := c.startWatch(ctx); err != nil {
		return errors.Join(err, c.Close())
	}
	return nil
}

// startProcess starts a process that outlives the call. BuildKit's gateway has lost the answer to a start
// for ever, and gives none of one beside a main process that ends: both end as errors, and an interrupt is heeded meanwhile.
func startProcess(ctx context.Context, in gateway.Container, req gateway.StartRequest, ended <-chan struct{}) (gateway.ContainerProcess, error) {
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
	case <-ended:
	}
	select {
	case a := <-answered: // it may have come first
		return a.process, a.err
	case <-time.After(goneLimit):
		return nil, errEnded
	}
}

func (c *container) wait() {
	err := c.processEnd()
	if c.exit, err = exitOf(err); err != nil && len(c.watch.hit()) > 0 {
		c.exit = engine.Exit{Code: 128 + int(syscall.SIGKILL), Signal: syscall.SIGKILL} // it was closed for what it ran into
	} else if (err != nil || c.exit.Code == gatewaypb.UnknownExitStatus) && c.helperFailed() {
		c.fault = engine.ErrEndLost
	} else if err != nil {
		c.fault = fmt.Errorf("running the container: %w", c.engine.blame(context.Background(), err))
	}
	c.exit.At = time.Now()
	if c.engine.opts.LooksOnly && c.exit.Code != 0 && refused.MatchString(c.Output()) {
		c.full.Store(true)
	}
	close(c.ended)
}

// helperFailed reports whether a helper failed, for which the container may have been ended, once none runs any more.
// Where containers are run in this process, its executor sees to it that the main process is told first.
func (c *container) helperFailed() bool {
	if c.engine.opts.Signal != nil {
		return false
	}
	for limit := time.Now().Add(goneLimit); c.helpers.Load() > 0 && time.Now().Before(limit); time.Sleep(time.Millisecond) {
	}
	return c.failed.Load() || c.helpers.Load() > 0 // which ends with its container
}

// goneLimit bounds how long a process may take to say how it ended once its session is over.
const goneLimit = time.Second

// processEnd waits for the main process. A daemon that was killed never says that it ended, but its session ends.
func (c *container) processEnd() error {
	said := make(chan error, 1)
	go func() { said <- c.process.Wait() }()
	select {
	case err := <-said:
		return err
	case <-c.session.stopped:
	}
	select {
	case err := <-said:
		return err
	case <-time.After(goneLimit):
	}
	if c.session.err != nil {
		return c.session.err
	}
	return errors.New("its session is over")
}

// exitOf reads how a process ended out of what waiting for it returned.
func exitOf(err error) (engine.Exit, error) {
	if err == nil {
		return engine.Exit{}, nil
	}
	if strings.HasSuffix(err.Error(), unknownStatus) {
		// A process that exited with the number that stands for "not known" elsewhere. Old daemons say no more than this.
		return engine.Exit{Code: gatewaypb.UnknownExitStatus}, nil
	}
	var exit *gatewaypb.ExitError
	if !errors.As(err, &exit) || exit.ExitCode == gatewaypb.UnknownExitStatus || exit.ExitCode > math.MaxUint8 { // -1 is a runtime that was killed
		return engine.Exit{Code: -1}, err
	}
	code := int(exit.ExitCode)
	return engine.Exit{Code: code, Signal: signalOf(code)}, nil
}

// unknownStatus ends what is said of a process that exited with 255. Of one whose status is not known, the reason is said.
const unknownStatus = "exit code: 255"

// signalOf reads a signal out of a status above 128. Runtimes report "exited with 143" and "killed
// by SIGTERM" alike, but the first process of a pid namespace is only ever killed by
// SIGKILL or by a fault of its own: any other such status is one that it chose.
func signalOf(code int) syscall.Signal {
	// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGSEGV and SIGSYS by their numbers on Linux, where containers run.
	if sig := code - 128; slices.Contains([]int{4, 5, 6, 7, 8, 9, 11, 31}, sig) {
		return syscall.Signal(sig)
	}
	return 0
}

// Exec runs the helper in the container.
func (c *container) Exec(ctx context.Context, req engine.ExecRequest) ([]byte, error) {
	answer := &bounded{limit: answerLimit}
	if err := c.help(ctx, req, answer); err != nil {
		return nil, fmt.Errorf("running the helper: %w", err)
	}
	if answer.cut {
		return nil, fmt.Errorf("running the helper: its answer is longer than %d bytes", answerLimit)
	}
	return answer.buf.Bytes(), nil
}

// help runs the helper and writes to answer what it says.
func (c *container) help(ctx context.Context, req engine.ExecRequest, answer io.WriteCloser) error {
	c.helpers.Add(1)
	defer c.helpers.Add(-1)
	if !c.running() {
		return errEnded
	}
	var stdin io.ReadCloser
	if req.Stdin != nil {
		stdin = io.NopCloser(req.Stdin)
	}
	complaint := &bounded{limit: complaintLimit}
	process, err := startProcess(ctx, c.gateway, gateway.StartRequest{
		Args:   append([]string{agent.Path, agent.Command}, req.Args...),
		Env:    mergeEnv(c.env, append(c.watch.started(), req.Env...)),
		User:   cmpOr(req.User, "0:0"),
		Cwd:    cmpOr(req.Dir, c.dir),
		Stdin:  stdin,
		Stdout: answer,
		Stderr: complaint,
	}, c.ended)
	if err != nil {
		c.failed.Store(true)
		c.heed(err.Error())
		return c.engine.blame(ctx, err)
	}
	done := make(chan error, 1)
	go func() { done <- process.Wait() }()
	select {
	case err = <-done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err != nil {
		c.failed.Store(true)
		text := complaint.buf.String()
		c.heed(text)
		return fmt.Errorf("%w%s", c.engine.blame(ctx, err), suffix(text))
	}
	return nil
}

// noMore is how Go's runtime and the container's say that no thread or process can be started.
var noMore = regexp.MustCompile(`(?i)failed to create new OS thread|resource temporarily unavailable`)

// refused is how programs say that the kernel started no process or thread for them: shells, Python, Java, Node.js, Ruby, Go
// and what says it with the system's own words.
var refused = regexp.MustCompile(`(?i)can(no|')t (fork|start new thread)|unable to create (new )?native thread|failed to create new OS thread|` +
	`(fork|spawn|clone|thread)[^\n]{0,200}(resource temporarily unavailable|EAGAIN)|` +
	`fork\w*\(([^\n]*\n){1,3}BlockingIOError`)

// heed notes whether the helper failed because the container has too many processes.
func (c *container) heed(complaint string) {
	if noMore.MatchString(complaint) {
		c.full.Store(true)
	}
}

// errEnded is a container that can't be asked any more.
var errEnded = errors.New("the container has ended")

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

// Started is when the runtime was asked to start the main process and had begun to, or when the watcher let that become the program.
func (c *container) Started() time.Time { return c.started }

// Reached are the limits that the daemon says the container ran into. One of processes may bring the helper to its end, or the
// program, and the container with it, before the daemon notices.
func (c *container) Reached() (all []engine.Reached) {
	if c.engine.opts.Reached != nil {
		all = c.engine.opts.Reached(c.hostname)
	}
	all = append(all, c.watch.hit()...)
	limit := c.engine.opts.Limits.Processes
	if c.full.Load() && limit > 0 && !slices.ContainsFunc(all, func(r engine.Reached) bool { return r.Resource == engine.Processes }) {
		all = append(all, engine.Reached{Resource: engine.Processes, Limit: limit})
	}
	return all
}

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
