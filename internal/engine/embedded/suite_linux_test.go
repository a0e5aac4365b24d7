package embedded

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/enginetest"
)

// needEngine skips a test unless real engines are asked for. With "require", an engine
// that can't start fails the test; with any other value, it skips.
func needEngine(t *testing.T) {
	t.Helper()
	enginetest.Need(t)
	if os.Getenv("PLIMSOLL_E2E") == "require" {
		return
	}
	var missing *Missing
	if _, err := probe(t.Context(), t.TempDir()); errors.As(errors.Join(mayMount(), err), &missing) {
		t.Skip(missing)
	}
}

func logOf(t *testing.T) io.Writer {
	if os.Getenv("PLIMSOLL_ENGINE_LOG") != "" {
		return t.Output()
	}
	return nil
}

// open opens an engine that is closed with the test, and leaves nothing.
func open(t *testing.T, opts Options) engine.Engine {
	t.Helper()
	opts.Log = logOf(t)
	e, err := New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing the engine: %v", err)
		}
		noTraces(t, opts.Root)
	})
	return e
}

func TestSuite(t *testing.T) {
	needEngine(t)
	var roots []string
	enginetest.Run(t, enginetest.Target{
		Open: func(t *testing.T, o enginetest.Options) engine.Engine {
			opts := Options{Root: t.TempDir(), HelperPath: o.Helper, Limits: o.Limits, Mirrors: map[string][]string{}}
			for host, mirror := range o.Mirrors {
				opts.Mirrors[host] = []string{mirror}
			}
			roots = append(roots, opts.Root)
			return open(t, opts)
		},
		Left: func(t *testing.T) (left []string) {
			for _, root := range roots {
				left = append(left, containersBelow(t, root)...)
				left = append(left, mountsOf(t, root)...)
			}
			return left
		},
		Repeatable: true,
		Scans:      true,
	})
}

// newBench is an engine for a test of its own.
func newBench(t *testing.T) (b *enginetest.Bench, tool string) {
	t.Helper()
	needEngine(t)
	tool = enginetest.Tool(t)
	return enginetest.NewBench(t, open(t, Options{Root: t.TempDir(), HelperPath: tool}), tool), tool
}
