// Package observe builds a version of a project, runs it, asks it, and takes
// its measure, through an engine. It decides nothing: what it saw is compared elsewhere.
package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/engine"
)

// Trial is how one container is run and asked.
type Trial struct {
	Image string
	// Env is given to the container in addition to the image's own.
	Env []string
	// Cmd replaces the image's entry point and command when not nil.
	Cmd []string
	// Port and Path are asked until the application answers. An empty path
	// means a TCP connection, port 0 whatever port it listens on.
	Port int
	Path string
	// Serves says that the application listens on some port, though none is known: one that goes on without has not come up.
	Serves bool
	// Elsewhere is how long it may listen on other ports alone until one of these is taken for Port; 0 means never.
	Elsewhere time.Duration
	// Requests are sent in order; Load repeats those that only read, that many in all.
	Requests []agent.HTTPRequest
	Load     int
	// Health is the image's health check; nil leaves the check out.
	Health *HealthCheck
	// Libraries are directories whose shared libraries must all be found.
	Libraries []string
	// Evidence, if not nil, is given what the running container showed, before it is stopped.
	Evidence func(*ecosystem.Observed)
	// Limits.
	StartTimeout time.Duration
	StopTimeout  time.Duration
	// StopSignal is the image's; 0 means SIGTERM.
	StopSignal syscall.Signal
	// Stopping, if not nil, is called when the stop signal has been sent; up says whether the application
	// answered, or is a worker, which does not.
	Stopping func(up bool)
	// KeepRunning leaves the stop out: the container is only killed.
	KeepRunning bool
}

// Outcome is what one container did.
type Outcome struct {
	Up bool
	// Start is seconds from the start of the main process to the first answer;
	// Late says that it was up before it was first asked. Of a process that ended by itself, Start is until its end.
	Start float64
	Late  bool
	Port  int
	// Ended is set when the main process ended by itself before it answered.
	Ended *engine.Exit
	// Output is the last that the application wrote.
	Output  string
	User    string // "uid:gid" of the main process
	Answers []agent.HTTPAnswer
	Load    *agent.Load
	// Memory is the peak of the process tree in bytes, 0 when not known.
	Memory    int64
	Processes int
	Health    *HealthStates
	Missing   []agent.MissingLibrary
	// Stop is seconds from the stop signal to the end; Killed says that it had to be forced.
	Stop   float64
	Killed bool
	Kept   bool // it was not stopped
	// Lost says that it ended on the stop signal, and that nobody knows with which code.
	Lost bool
	// Reached are the limits that the container ran into. Midway says that it had answered, and was ended for one of them
	// while it was asked: it counts as not up.
	Reached []engine.Reached
	Midway  bool
	Exit    engine.Exit
}

// Asker decides what to ask once the application is up, when that is not known before.
type Asker func(ctx context.Context, a *agent.Client, port int) ([]agent.HTTPRequest, error)

// endTries is how often a program is run that ends before it answers, until it is told how.
const endTries = 6

// Run runs one trial. ask, if not nil, adds requests to those of the trial. An
// application that does not start, or runs into a limit, is an Outcome, not an error. A program whose end is lost before
// it was up or was asked to stop is run again.
func Run(ctx context.Context, e engine.Engine, t Trial, ask Asker) (out *Outcome, err error) {
	for range endTries {
		out, err = runOnce(ctx, e, t, ask)
		if !errors.Is(err, engine.ErrEndLost) || out.Up {
			break
		}
	}
	return out, err
}

func runOnce(ctx context.Context, e engine.Engine, t Trial, ask Asker) (*Outcome, error) {
	c, err := e.Run(ctx, engine.RunRequest{Image: t.Image, Env: t.Env, Cmd: t.Cmd})
	if err != nil {
		return nil, fmt.Errorf("starting the container: %w", err)
	}
	defer c.Close()
	r := &runner{Trial: t, container: c, out: &Outcome{}}
	r.agent = agent.NewClient(func(ctx context.Context, args []string, stdin io.Reader) ([]byte, error) {
		return c.Exec(ctx, engine.ExecRequest{Args: args, Stdin: stdin})
	})
	err = r.run(ctx, ask)
	r.out.Output, r.out.Reached = c.Output(), c.Reached()
	if err != nil && r.brokenOff(ctx) {
		return r.out, nil
	}
	return r.out, err
}

// brokenOff puts down that a container came to its end for a limit, whatever could not be asked of it then.
func (r *runner) brokenOff(ctx context.Context) bool {
	if len(r.out.Reached) == 0 || ctx.Err() != nil {
		return false
	}
	exit, ended, _ := r.ended(ctx)
	if ended {
		r.out.Midway, r.out.Up = r.out.Up, false
		r.out.end(exit, r.container.Started())
	}
	return ended
}

type runner struct {
	Trial
	container engine.Container
	agent     *agent.Client
	out       *Outcome
	family    *agent.ProcessesAnswer // as the look at the container for evidence had them; nil without one
}

func (r *runner) run(ctx context.Context, ask Asker) error {
	if err := r.wait(ctx); err != nil || r.out.Ended != nil {
		return err
	}
	if !r.out.Up && (r.Port != 0 || r.Serves) {
		return nil
	}
	if !r.out.Up { // a worker: it goes on and listens nowhere
		for _, step := range []func(context.Context, []agent.HTTPRequest) error{r.evidence, r.processes, r.libraries, r.stop} {
			if err := step(ctx, nil); err != nil {
				return err
			}
		}
		return nil
	}
	requests := r.Requests
	if ask != nil {
		more, err := ask(ctx, r.agent, r.out.Port)
		if err != nil {
			return err
		}
		requests = append(requests, more...)
	}
	for _, step := range []func(context.Context, []agent.HTTPRequest) error{r.ask, r.load, r.evidence, r.processes, r.libraries, r.health, r.stop} {
		if err := step(ctx, requests); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) wait(ctx context.Context) error {
	timeout := orDefault(r.StartTimeout, 60*time.Second)
	answer, err := r.agent.Wait(ctx, agent.WaitRequest{Port: r.Port, Path: r.Path, Elsewhere: r.Elsewhere, Timeout: timeout})
	if err != nil {
		// The container is gone, and the agent with it, when the main process ended.
		exit, ended, lost := r.ended(ctx)
		if lost != nil {
			return lost
		}
		if ended {
			r.out.end(exit, r.container.Started())
			return nil
		}
		return err
	}
	r.out.Up, r.out.Start, r.out.Late, r.out.Port = answer.Up, answer.Seconds, answer.Late, answer.Port
	if r.Port != 0 && answer.Port != r.Port {
		r.out.Start = 0 // it was looked for elsewhere first
	}
	if answer.Up {
		return nil
	}
	if !answer.Ended { // it goes on: a moment later at most, it may have ended all the same
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, endMoment)
		defer cancel()
	}
	exit, ended, lost := r.ended(ctx)
	if ended {
		r.out.end(exit, r.container.Started())
	}
	return lost
}

// endMoment is how long an end may take to be told of a program that was there a moment before.
const endMoment = 100 * time.Millisecond

// end puts down that the main process ended by itself.
func (o *Outcome) end(exit engine.Exit, started time.Time) {
	o.Ended, o.Exit = &exit, exit
	o.Start = max(exit.At.Sub(started).Seconds(), 0)
}

// ended reports whether the main process has ended. lost is engine.ErrEndLost where it has, nobody knows how.
func (r *runner) ended(ctx context.Context) (exit engine.Exit, ended bool, lost error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	exit, err := r.container.Wait(ctx)
	if errors.Is(err, engine.ErrEndLost) {
		lost = err
	}
	return exit, err == nil, lost
}

func (r *runner) ask(ctx context.Context, requests []agent.HTTPRequest) error {
	if len(requests) == 0 {
		return nil
	}
	a, err := r.agent.Ask(ctx, agent.AskRequest{Port: r.out.Port, Requests: requests, Timeout: 2 * time.Minute})
	if err != nil {
		return fmt.Errorf("asking the application: %w", err)
	}
	r.out.Answers = a.Answers
	return nil
}

// load repeats the requests that only read, so that memory is read after the
// same work on both sides.
func (r *runner) load(ctx context.Context, requests []agent.HTTPRequest) error {
	var reads []agent.HTTPRequest
	for _, q := range requests {
		if q.Method == "GET" || q.Method == "HEAD" {
			reads = append(reads, q)
		}
	}
	if len(reads) == 0 || r.Load <= 0 {
		return nil
	}
	a, err := r.agent.Ask(ctx, agent.AskRequest{
		Port: r.out.Port, Requests: reads, Repeat: (r.Load + len(reads) - 1) / len(reads), Timeout: 2 * time.Minute,
	})
	if err != nil {
		return fmt.Errorf("asking the application repeatedly: %w", err)
	}
	r.out.Load = a.Load
	return nil
}

func (r *runner) processes(ctx context.Context, _ []agent.HTTPRequest) error {
	a := r.family
	if a == nil {
		read, err := r.agent.Processes(ctx, agent.ProcessesRequest{Timeout: 10 * time.Second})
		if err != nil {
			return fmt.Errorf("reading the application's processes: %w", err)
		}
		a = &read
	}
	r.out.Memory, r.out.Processes = a.PeakBytes, len(a.Processes)
	if len(a.Processes) > 0 {
		r.out.User = strconv.Itoa(a.Processes[0].UID) + ":" + strconv.Itoa(a.Processes[0].GID)
	}
	return nil
}

func (r *runner) libraries(ctx context.Context, _ []agent.HTTPRequest) error {
	if len(r.Libraries) == 0 {
		return nil
	}
	a, err := r.agent.ELF(ctx, agent.ELFRequest{Dirs: r.Libraries, Timeout: time.Minute})
	if err != nil {
		return fmt.Errorf("looking for shared libraries: %w", err)
	}
	r.out.Missing = a.Missing
	return nil
}

// stop sends the stop signal and waits for the end; after the time that Docker
// grants too, the container is killed.
func (r *runner) stop(ctx context.Context, _ []agent.HTTPRequest) error {
	if r.out.Kept = r.KeepRunning; r.KeepRunning {
		return nil
	}
	limit := orDefault(r.StopTimeout, 10*time.Second)
	begin, err := r.container.Signal(ctx, cmp.Or(r.StopSignal, syscall.SIGTERM))
	if err != nil {
		return fmt.Errorf("stopping the container: %w", err)
	}
	if r.Stopping != nil {
		r.Stopping(r.out.Up)
	}
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	exit, err := r.container.Wait(waiting)
	switch {
	case err == nil, errors.Is(err, engine.ErrEndLost):
		r.out.Exit, r.out.Stop, r.out.Lost = exit, max(exit.At.Sub(begin).Seconds(), 0), err != nil
	case errors.Is(waiting.Err(), context.DeadlineExceeded) && ctx.Err() == nil:
		r.out.Killed, r.out.Stop = true, limit.Seconds()
	default:
		return fmt.Errorf("waiting for the container to stop: %w", err)
	}
	return nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
