package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// verb answers one request; ctx ends at the request's time-out.
type verb func(ctx context.Context, request json.RawMessage) (any, error)

// Main is the agent: args are those after Command. It always returns 0, unless it can't launch a program; what
// went wrong is in the answer (see the package comment for why).
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == Launch || len(args) > 0 && args[0] == LaunchWatched {
		return launch(args[0], args[1:], stderr)
	}
	if len(args) == 2 && args[0] == Watch {
		return watch(args[1], stderr)
	}
	if len(args) > 0 && args[0] == watching {
		return beWatcher(args[1:], stdout, stderr)
	}
	if len(args) == 1 && args[0] == Hold {
		time.Sleep(maxHold)
		return 0
	}
	if len(args) > 0 && args[0] == VerbKill {
		// The container may end with the signal: that it is sent is said before.
		fmt.Fprintln(stdout)
	}
	out, err := json.Marshal(serve(args, stdin, readTimeout))
	if err != nil {
		out = []byte(`{"error":"encoding the answer failed"}`)
	}
	if _, err := stdout.Write(append(out, '\n')); err != nil {
		fmt.Fprintf(stderr, "plimsoll agent: writing the answer: %v\n", err)
	}
	return 0
}

// serve reads the request, runs the verb under its time-out and never panics.
func serve(args []string, stdin io.Reader, readLimit time.Duration) reply {
	if len(args) == 0 || len(args) > 2 {
		return failure("want one verb and at most one request, got %d arguments", len(args))
	}
	if len(args) == 2 {
		stdin = strings.NewReader(args[1])
	}
	run, ok := verbs()[args[0]]
	if !ok {
		return failure("unknown verb %q", args[0])
	}
	request, err := within(readLimit, func() (json.RawMessage, error) { return readRequest(stdin) })
	if err != nil {
		return failure("reading the request: %v", err)
	}
	timeout, err := timeoutOf(request)
	if err != nil {
		return failure("reading the request: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	answer, err := within(timeout+grace, func() (json.RawMessage, error) {
		a, err := run(ctx, request)
		if err != nil {
			return nil, err
		}
		return json.Marshal(a)
	})
	if err != nil {
		return failure("%v", err)
	}
	return reply{Answer: answer}
}

func failure(format string, args ...any) reply {
	return reply{Error: fmt.Sprintf(format, args...)}
}

// timeoutOf is the time-out that a request names.
func timeoutOf(request json.RawMessage) (time.Duration, error) {
	var l limits
	if err := json.Unmarshal(request, &l); err != nil {
		return 0, err
	}
	if l.Timeout <= 0 {
		return defaultTimeout, nil
	}
	return l.Timeout, nil
}

// readRequest reads one JSON value, up to a limit; stdin need not end after it.
func readRequest(stdin io.Reader) (q json.RawMessage, err error) {
	limited := &io.LimitedReader{R: stdin, N: maxRequest}
	err = json.NewDecoder(limited).Decode(&q)
	switch {
	case err != nil && limited.N <= 0:
		return q, fmt.Errorf("it has more than %d bytes", maxRequest)
	case errors.Is(err, io.EOF):
		return q, errors.New("stdin is empty")
	}
	return q, err
}

// within runs f and gives up on it after limit; a panic becomes an error. What was
// given up on goes on running until the process ends, which is right after.
func within[T any](limit time.Duration, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- result{err: fmt.Errorf("internal error: %v", p)}
			}
		}()
		v, err := f()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-time.After(limit):
		var none T
		return none, fmt.Errorf("no answer within %v", limit)
	}
}

// handle makes a verb out of a typed function.
func handle[Req, Ans any](f func(context.Context, Req) (Ans, error)) verb {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var req Req
		if err := json.Unmarshal(raw, &req); err != nil {
			return nil, fmt.Errorf("reading the request: %w", err)
		}
		return f(ctx, req)
	}
}

// mainPID is the process that a request means by its main process.
func mainPID(pid int) int {
	if pid <= 0 {
		return 1
	}
	return pid
}
