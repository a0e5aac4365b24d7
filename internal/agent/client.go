package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Exec starts the agent inside a container (Path, Command, then args) with
// the stdin given, none when it is nil, and returns what it wrote to stdout.
type Exec func(ctx context.Context, args []string, stdin io.Reader) ([]byte, error)

// Client asks the agent of one container. Each call starts the agent anew; calls may run in parallel.
type Client struct{ exec Exec }

// NewClient returns a client that starts the agent with exec.
func NewClient(exec Exec) *Client { return &Client{exec} }

// Wait waits until the application answers. Not being up is an answer, not an error.
func (c *Client) Wait(ctx context.Context, r WaitRequest) (WaitAnswer, error) {
	return call[WaitAnswer](ctx, c.exec, VerbWait, r)
}

// Ask sends HTTP requests to the application.
func (c *Client) Ask(ctx context.Context, r AskRequest) (AskAnswer, error) {
	return call[AskAnswer](ctx, c.exec, VerbAsk, r)
}

// Exec runs a command. A command that fails is an answer, not an error.
func (c *Client) Exec(ctx context.Context, r ExecRequest) (ExecAnswer, error) {
	return call[ExecAnswer](ctx, c.exec, VerbExec, r)
}

// Processes lists the application's processes and their memory.
func (c *Client) Processes(ctx context.Context, r ProcessesRequest) (ProcessesAnswer, error) {
	return call[ProcessesAnswer](ctx, c.exec, VerbProcesses, r)
}

// Sockets lists the TCP ports on which the container listens.
func (c *Client) Sockets(ctx context.Context, r SocketsRequest) (SocketsAnswer, error) {
	return call[SocketsAnswer](ctx, c.exec, VerbSockets, r)
}

// Kill signals the main process alone. The agent writes a first byte at the moment when it sends the signal, and its
// answer after that, which is lost where the container ends with the signal.
func (c *Client) Kill(ctx context.Context, r KillRequest) error {
	_, err := call[KillAnswer](ctx, c.exec, VerbKill, r)
	return err
}

// ELF looks for missing shared libraries.
func (c *Client) ELF(ctx context.Context, r ELFRequest) (ELFAnswer, error) {
	return call[ELFAnswer](ctx, c.exec, VerbELF, r)
}

// Writable finds out which paths a user can write to.
func (c *Client) Writable(ctx context.Context, r WritableRequest) (WritableAnswer, error) {
	return call[WritableAnswer](ctx, c.exec, VerbWritable, r)
}

// Changed lists what was written since the application started.
func (c *Client) Changed(ctx context.Context, r ChangedRequest) (ChangedAnswer, error) {
	return call[ChangedAnswer](ctx, c.exec, VerbChanged, r)
}

// Env lists the names of the application's environment variables.
func (c *Client) Env(ctx context.Context, r EnvRequest) (EnvAnswer, error) {
	return call[EnvAnswer](ctx, c.exec, VerbEnv, r)
}

// Loaded lists the programs and shared libraries that the application's processes have in memory.
func (c *Client) Loaded(ctx context.Context, r LoadedRequest) (LoadedAnswer, error) {
	return call[LoadedAnswer](ctx, c.exec, VerbLoaded, r)
}

// Lacks tells which directories and packages an image does not have.
func (c *Client) Lacks(ctx context.Context, r LacksRequest) (LacksAnswer, error) {
	return call[LacksAnswer](ctx, c.exec, VerbLacks, r)
}

// Trace runs a command and lists the files that were opened meanwhile. A command that fails is an answer, not an error.
func (c *Client) Trace(ctx context.Context, r TraceRequest) (TraceAnswer, error) {
	return call[TraceAnswer](ctx, c.exec, VerbTrace, r)
}

// Look lists all that the running application shows of itself.
func (c *Client) Look(ctx context.Context, r LookRequest) (LookAnswer, error) {
	return call[LookAnswer](ctx, c.exec, VerbLook, r)
}

// answerGrace is how long the agent may take beyond the limit of its request, which it keeps by itself: to be started, on a
// machine that does much else, and to read and write. One that was stopped keeps nothing.
const answerGrace = 3 * time.Minute

// call starts the agent with one request and decodes its answer.
func call[Ans any](ctx context.Context, exec Exec, verb string, req any) (ans Ans, err error) {
	in, err := json.Marshal(req)
	if err != nil {
		return ans, fmt.Errorf("asking the agent to %s: encoding the request: %w", verb, err)
	}
	args, stdin := []string{verb, string(in)}, io.Reader(nil)
	if len(in) > maxArgument {
		args, stdin = args[:1], bytes.NewReader(in)
	}
	limit, err := timeoutOf(in)
	if err != nil {
		return ans, fmt.Errorf("asking the agent to %s: reading its time limit: %w", verb, err)
	}
	limit += answerGrace
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer after %s", limit))
	defer cancel()
	out, err := exec(ctx, args, stdin)
	if err != nil {
		return ans, fmt.Errorf("asking the agent to %s: %w", verb, err)
	}
	if err := decode(out, &ans); err != nil {
		return ans, fmt.Errorf("asking the agent to %s: %w", verb, err)
	}
	return ans, nil
}

// decode reads a reply and, if it is an answer, the answer.
func decode(out []byte, ans any) error {
	if len(out) > maxAnswer {
		return fmt.Errorf("its answer has %d bytes, over the limit of %d", len(out), maxAnswer)
	}
	if len(bytes.TrimSpace(out)) == 0 {
		return errors.New("it wrote nothing: it was ended, or the container was")
	}
	var r reply
	if err := json.Unmarshal(out, &r); err != nil {
		return fmt.Errorf("reading its answer %.80q: %w", out, err)
	}
	if r.Error != "" {
		return errors.New(r.Error)
	}
	if err := json.Unmarshal(r.Answer, ans); err != nil {
		return fmt.Errorf("reading its answer: %w", err)
	}
	return nil
}
