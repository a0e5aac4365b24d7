package embedded

import (
	"context"
	"io"
	"os/exec"
	"testing"
	"time"

	"github.com/moby/buildkit/executor"
	"github.com/moby/buildkit/executor/resources/types"
)

// shortLived is an executor whose containers write a line and are gone from the runtime at once.
type shortLived struct{ executor.Executor }

func (shortLived) Run(_ context.Context, _ string, _ executor.Mount, _ []executor.Mount, process executor.ProcessInfo, started chan<- struct{}) (types.Recorder, error) {
	close(started)
	_, err := io.WriteString(process.Stdout, "done\n")
	return nil, err
}

// A container that ends before it was met is announced all the same: its output is read only then, and it
// ends only when its output was read.
func TestContainerThatEndsAtOnceIsAnnounced(t *testing.T) {
	nothing, err := exec.LookPath("false") // a runtime that knows no container
	if err != nil {
		t.Fatal(err)
	}
	output, stdout := io.Pipe()
	started, ended := make(chan struct{}), make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	defer output.Close()
	go func() {
		_, err := watch(shortLived{}, nothing).Run(ctx, "", executor.Mount{}, nil, executor.ProcessInfo{Stdout: stdout}, started)
		ended <- err
	}()
	select {
	case <-started:
	case <-ctx.Done():
		t.Fatal("the container was never announced")
	}
	if line, err := io.ReadAll(io.LimitReader(output, 5)); err != nil || string(line) != "done\n" {
		t.Errorf("read %q, %v", line, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
