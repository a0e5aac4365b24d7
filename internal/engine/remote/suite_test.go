package remote

import (
	"testing"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/enginetest"
	"github.com/plimsoll/plimsoll/testbase/engines"
)

// daemon starts a BuildKit daemon that ends with the test.
func daemon(t *testing.T, how engines.Setup) *engines.Daemon {
	t.Helper()
	enginetest.Need(t)
	store, err := engines.Default()
	if err != nil {
		t.Fatal(err)
	}
	programs, err := engines.Buildkitd(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	d, err := engines.StartBuildkitd(t.Context(), programs, how)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the daemon's log:\n%s", d.Log())
		}
		if err := d.Close(); err != nil {
			t.Errorf("ending the daemon: %v", err)
		}
	})
	return d
}

// open opens an engine that is closed with the test.
func open(t *testing.T, addresses []string, opts Options) engine.Engine {
	t.Helper()
	e, err := NewFarm(t.Context(), addresses, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing the engine: %v", err)
		}
	})
	return e
}

func TestSuite(t *testing.T) {
	d := daemon(t, engines.Setup{})
	enginetest.Run(t, enginetest.Target{
		Open: func(t *testing.T, o enginetest.Options) engine.Engine {
			return open(t, []string{d.Address}, Options{Helper: o.Helper, Mirrors: o.Mirrors, Limits: o.Limits})
		},
		Left:       func(t *testing.T) []string { return d.Containers() },
		Repeatable: true,
		Scans:      true,
	})
}
