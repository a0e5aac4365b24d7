package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
)

// HealthCheck is an image's HEALTHCHECK with what its command runs with.
type HealthCheck struct {
	Argv    []string
	Timeout time.Duration // the image's own; 30 s when it names none, as Docker has it
	Env     []string      // the whole environment of the container
	Dir     string
	User    string
}

// HealthStates are the answers of a health check in three states of the application.
type HealthStates struct {
	Up     bool // it passes while the application is up
	Frozen bool // it fails while all its processes are stopped
	Again  bool // it passes after they continue
	// Unfrozen says that they could not be stopped: nothing is known but Up.
	Unfrozen bool
	// Reason says what went otherwise.
	Reason string
}

// Proven reports whether the check tells a healthy application from a frozen one.
func (h *HealthStates) Proven() bool { return h != nil && h.Up && h.Frozen && h.Again }

func (h *HealthStates) String() string {
	word := func(ok bool, yes, no string) string {
		if ok {
			return yes
		}
		return no
	}
	if h.Unfrozen {
		return word(h.Up, "healthy", "unhealthy") + ", not seen frozen"
	}
	return word(h.Up, "healthy", "unhealthy") + " → " +
		word(h.Frozen, "unhealthy", "healthy") + " when frozen → " +
		word(h.Again, "healthy", "unhealthy")
}

// maxProbe bounds one health check, whatever time-out the image names: a
// frozen application makes it run into that time-out.
const maxProbe = 10 * time.Second

// imageConfig is the part of an OCI image config that observing needs.
type imageConfig struct {
	Config struct {
		User       string
		Env        []string
		WorkingDir string
		Entrypoint []string
		Cmd        []string
		StopSignal string
		Shell      []string
		// ExposedPorts are written "8080/tcp".
		ExposedPorts map[string]struct{}
		Healthcheck  *struct {
			Test    []string
			Timeout time.Duration
		}
	} `json:"config"`
}

func parseConfig(raw []byte) (imageConfig, error) {
	var c imageConfig
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("reading the image's config: %w", err)
	}
	return c, nil
}

// healthCheck reads the check out of a config; nil when there is none.
func (c imageConfig) healthCheck(env []string) *HealthCheck {
	h := c.Config.Healthcheck
	if h == nil || len(h.Test) < 2 {
		return nil
	}
	check := &HealthCheck{
		Timeout: min(orDefault(h.Timeout, 30*time.Second), maxProbe),
		Env:     append(append([]string{}, c.Config.Env...), env...),
		Dir:     c.Config.WorkingDir,
		User:    c.Config.User,
	}
	switch h.Test[0] {
	case "CMD":
		check.Argv = h.Test[1:]
	case "CMD-SHELL":
		shell := c.Config.Shell
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		check.Argv = append(append([]string{}, shell...), h.Test[1])
	default: // NONE
		return nil
	}
	return check
}

// health runs the check while the application is up, while it is frozen, and after.
func (r *runner) health(ctx context.Context, _ []agent.HTTPRequest) error {
	if r.Health == nil {
		return nil
	}
	states := &HealthStates{}
	r.out.Health = states
	ok, why, err := r.passes(ctx, 1)
	if err != nil {
		return err
	}
	if states.Up = ok; !ok {
		states.Reason = "it fails while the application is up: " + why
		return nil
	}
	ok, unfrozen, err := r.frozenCheck(ctx)
	if err != nil {
		return err
	}
	if unfrozen != nil {
		states.Unfrozen, states.Reason = true, unfrozen.Error()
		return nil
	}
	if states.Frozen = !ok; ok {
		states.Reason = "it passes while the application is frozen"
	}
	if states.Again, why, err = r.passes(ctx, 5); err == nil && !states.Again {
		states.Reason = "it still fails after the application continues: " + why
	}
	return err
}

// checkPatience is how long a check that should pass is tried again where it has no result in its time: on a busy machine it
// may start slowly.
const checkPatience = 45 * time.Second

// passes grants a check some tries.
func (r *runner) passes(ctx context.Context, tries int) (ok bool, why string, err error) {
	began := time.Now()
	for try := 1; ; try++ {
		ok, why, err = r.check(ctx)
		slow := why == noResult(r.Health.Timeout) && time.Since(began) < checkPatience
		if err != nil || ok || try >= tries && !slow {
			return ok, why, err
		}
	}
}

func noResult(within time.Duration) string { return fmt.Sprintf("no result within %s", within) }

// frozenCheck runs the check while every process of the application stands still: the main one is stopped from outside,
// because its own namespace can't, the others by the agent. unfrozen says why they could not be.
func (r *runner) frozenCheck(ctx context.Context) (ok bool, unfrozen, err error) {
	if _, unfrozen = r.container.Signal(ctx, syscall.SIGSTOP); unfrozen != nil {
		return false, fmt.Errorf("stopping the application: %w", unfrozen), ctx.Err()
	}
	a, err := r.exec(ctx, true)
	if _, failed := r.container.Signal(ctx, syscall.SIGCONT); err == nil && failed != nil {
		err = fmt.Errorf("letting the application go on: %w", failed)
	}
	if err == nil && a.Unfrozen != "" {
		return false, errors.New(a.Unfrozen), nil
	}
	ok, _ = r.verdict(a)
	return ok, nil, err
}

func (r *runner) check(ctx context.Context) (ok bool, why string, err error) {
	a, err := r.exec(ctx, false)
	if err != nil {
		return false, "", err
	}
	ok, why = r.verdict(a)
	return ok, why, nil
}

// exec runs the command of the check.
func (r *runner) exec(ctx context.Context, frozen bool) (agent.ExecAnswer, error) {
	h := r.Health
	a, err := r.agent.Exec(ctx, agent.ExecRequest{Argv: h.Argv, Env: h.Env, Dir: h.Dir, User: h.User, Timeout: h.Timeout, Frozen: frozen})
	if err != nil {
		return a, fmt.Errorf("running the health check: %w", err)
	}
	return a, nil
}

// verdict is what the end of the check's command means.
func (r *runner) verdict(a agent.ExecAnswer) (ok bool, why string) {
	switch {
	case a.Error != "":
		return false, a.Error
	case a.TimedOut:
		return false, noResult(r.Health.Timeout)
	case a.Exit != 0:
		return false, fmt.Sprintf("exit %d: %s", a.Exit, lastLine(a.Stderr+a.Stdout))
	}
	return true, ""
}
