package enginetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// ToolVariable names the tool, where it is built already, and for tests that can't build it where they run.
const ToolVariable = "PLIMSOLL_TEST_TOOL"

// Tool builds the program that the suite's images are made of, and returns its path.
func Tool(t *testing.T) string {
	t.Helper()
	if path := os.Getenv(ToolVariable); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "tool")
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", path, "github.com/plimsoll/plimsoll/internal/engine/enginetest/testdata/tool")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the tool: %v\n%s", err, out)
	}
	return path
}

// Bench is an engine with a context folder that holds the tool.
type Bench struct {
	*testing.T
	Engine engine.Engine
	Dir    string

	target Target
	tool   string
}

// NewBench makes a context folder for an engine. Its tool differs from that of any other by some bytes behind its end: what
// one test builds is not cached for the next.
func NewBench(t *testing.T, e engine.Engine, tool string) *Bench {
	t.Helper()
	b := &Bench{T: t, Engine: e, Dir: t.TempDir(), tool: tool}
	if err := copySalted(tool, filepath.Join(b.Dir, "tool")); err != nil {
		t.Fatal(err)
	}
	return b
}

// copySalted copies a program, with some bytes of no use behind its end.
func copySalted(from, to string) (err error) {
	program, err := os.Open(from)
	if err != nil {
		return err
	}
	defer program.Close()
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, program) // by the kernel
	if err == nil {
		_, err = io.WriteString(f, rand.Text())
	}
	return errors.Join(err, f.Close())
}

// callLimit bounds each call of an engine: one that hangs fails its test, and no other.
const callLimit = 5 * time.Minute

// Context is that of one call.
func (b *Bench) Context() context.Context {
	ctx, cancel := context.WithTimeoutCause(b.T.Context(), callLimit, fmt.Errorf("the engine has not answered for %s", callLimit))
	b.Cleanup(cancel)
	return ctx
}

// another is a bench of its own on the same engine.
func (b *Bench) another(t *testing.T) *Bench {
	t.Helper()
	other := NewBench(t, b.Engine, b.tool)
	other.target = b.target
	return other
}

// sub runs a part of a test on the same bench.
func (b *Bench) sub(name string, run func(*Bench)) {
	b.T.Run(name, func(t *testing.T) {
		part := *b
		part.T = t
		run(&part)
	})
}

// withMirrors is a bench on an engine that takes images from mirrors.
func (b *Bench) withMirrors(mirrors map[string]string) *Bench {
	b.Helper()
	other := b.another(b.T)
	other.Engine = b.target.Open(b.T, Options{Helper: b.tool, Mirrors: mirrors})
	return other
}

// Write writes a file of the context.
func (b *Bench) Write(name, text string) {
	b.Helper()
	path := filepath.Join(b.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}

const (
	// Head starts every image: the tool, as a shell.
	Head = `FROM scratch
COPY tool /bin/tool
SHELL ["/bin/tool", "sh"]
`
	// Server ends images that go on until they are told to end.
	Server = "CMD [\"/bin/tool\", \"serve\"]\n"
)

// Request is a build of Head and what follows it.
func (b *Bench) Request(rest string) engine.BuildRequest {
	return engine.BuildRequest{Name: "test", ContextDir: b.Dir, Dockerfile: []byte(Head + rest), DockerfileName: "Dockerfile"}
}

// Build builds what must build.
func (b *Bench) Build(req engine.BuildRequest) *engine.BuildResult {
	b.Helper()
	res, err := b.Engine.Build(b.Context(), req, nil)
	if err != nil {
		b.Fatalf("building: %v", err)
	}
	return res
}

// Run starts a container, which ends with the test.
func (b *Bench) Run(req engine.RunRequest) engine.Container {
	b.Helper()
	c, err := b.Engine.Run(b.Context(), req)
	if err != nil {
		b.Fatalf("running: %v", err)
	}
	b.Cleanup(func() {
		if err := c.Close(); err != nil {
			b.Errorf("closing the container: %v", err)
		}
	})
	return c
}

// Ask runs the helper in a container.
func (b *Bench) Ask(c engine.Container, args ...string) string {
	b.Helper()
	out, err := c.Exec(b.Context(), engine.ExecRequest{Args: args})
	if err != nil {
		b.Fatalf("asking %v: %v", args, err)
	}
	return string(out)
}

// Wait waits for a container to end.
func (b *Bench) Wait(c engine.Container) engine.Exit {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
	defer cancel()
	exit, err := c.Wait(ctx)
	if err != nil {
		b.Fatalf("waiting: %v", err)
	}
	return exit
}

// OutputOf builds, runs to the end and returns what was printed.
func (b *Bench) OutputOf(rest string) string {
	b.Helper()
	c := b.Run(engine.RunRequest{Image: b.Build(b.Request(rest)).Image})
	b.Wait(c)
	return c.Output()
}

// Eventually waits for a condition that a container brings about.
func (b *Bench) Eventually(what string, is func() bool) {
	b.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("never happened: %s", what)
		}
	}
}
