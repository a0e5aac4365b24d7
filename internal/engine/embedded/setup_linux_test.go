package embedded

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// needEngine skips a test unless real engines are asked for. With "require", an engine
// that can't start fails the test; with any other value, it skips.
func needEngine(t *testing.T) {
	t.Helper()
	switch os.Getenv("PLIMSOLL_E2E") {
	case "":
		t.Skip("PLIMSOLL_E2E is not set: tests with a real engine are skipped")
	case "require":
	default:
		var missing *Missing
		if _, err := probe(t.Context(), t.TempDir()); errors.As(err, &missing) {
			t.Skip(missing)
		}
	}
}

// tool builds the program that the images are made of.
func tool(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tool")
	cmd := exec.Command("go", "build", "-o", path, "./testdata/tool")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the tool: %v\n%s", err, out)
	}
	return path
}

// bench is an engine with a context directory that holds the tool.
type bench struct {
	*testing.T
	engine engine.Engine
	dir    string
	root   string
}

func newBench(t *testing.T, mirrors map[string][]string) *bench {
	t.Helper()
	needEngine(t)
	b := &bench{T: t, dir: t.TempDir(), root: t.TempDir()}
	program := tool(t)
	b.copyTool(program)
	b.engine = b.open(Options{Root: b.root, HelperPath: program, Mirrors: mirrors, Log: logOf(t)})
	return b
}

func logOf(t *testing.T) io.Writer {
	if os.Getenv("PLIMSOLL_ENGINE_LOG") != "" {
		return t.Output()
	}
	return nil
}

func (b *bench) open(opts Options) engine.Engine {
	b.Helper()
	start := time.Now()
	e, err := New(b.Context(), opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("engine started in %v", time.Since(start).Round(time.Millisecond))
	b.Cleanup(func() {
		if err := e.Close(); err != nil {
			b.Errorf("closing the engine: %v", err)
		}
		noTraces(b.T, opts.Root)
	})
	return e
}

func (b *bench) copyTool(program string) {
	b.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "tool"), data, 0o755); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) write(name, text string) {
	b.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
}

// head starts every image: the tool, as a shell.
const head = `FROM scratch
COPY tool /bin/tool
SHELL ["/bin/tool", "sh"]
`

func (b *bench) request(rest string) engine.BuildRequest {
	return engine.BuildRequest{Name: "test", ContextDir: b.dir, Dockerfile: []byte(head + rest), DockerfileName: "Dockerfile"}
}

func (b *bench) build(req engine.BuildRequest) *engine.BuildResult {
	b.Helper()
	res, err := b.engine.Build(b.Context(), req, nil)
	if err != nil {
		b.Fatalf("building: %v", err)
	}
	return res
}

func (b *bench) run(req engine.RunRequest) engine.Container {
	b.Helper()
	c, err := b.engine.Run(b.Context(), req)
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

func (b *bench) ask(c engine.Container, args ...string) string {
	b.Helper()
	out, err := c.Exec(b.Context(), engine.ExecRequest{Args: args})
	if err != nil {
		b.Fatalf("asking %v: %v", args, err)
	}
	return string(out)
}

func (b *bench) wait(c engine.Container) engine.Exit {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
	defer cancel()
	exit, err := c.Wait(ctx)
	if err != nil {
		b.Fatalf("waiting: %v", err)
	}
	return exit
}

// outputOf builds, runs to the end and returns what was printed.
func (b *bench) outputOf(rest string) string {
	b.Helper()
	c := b.run(engine.RunRequest{Image: b.build(b.request(rest)).Image})
	b.wait(c)
	return c.Output()
}

// eventually waits for a condition that a container brings about.
func (b *bench) eventually(what string, is func() bool) {
	b.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("never happened: %s", what)
		}
	}
}
