// Package embedded is the engine that needs nothing but runc: BuildKit, in
// this process, with its state below one directory.
//
// A state directory has one user at a time, which a lock file says, and can be opened
// once in a process: libraries keep parts of it in memory by name. What an
// engine that was killed left behind (containers, mounts) is swept up
// at the next start. While an engine is open, the log of the libraries that it is
// made of, which is one for the process, goes to Options.Log.
package embedded

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// Options says where an engine lives and how it reaches registries.
type Options struct {
	// Root is the state directory; empty means plimsoll/engine below the user's cache directory.
	Root string
	// Mirrors says where to ask in a registry's place:
	// "docker.io" → "127.0.0.1:5005". Mirrors are taken at their word: what they do not have
	// does not exist.
	Mirrors map[string][]string
	// Access is how registries are reached; nil takes all from the surroundings.
	Access *registry.Access
	// Chosen says why this engine serves, for the report.
	Chosen string
	// HelperPath is the static binary that is run inside containers; empty means this executable.
	HelperPath string
	// Limits are what containers are held to.
	Limits engine.Limits
	// Log gets what BuildKit logs; nil discards it.
	Log io.Writer
	// OwnProcess says that this process is there for one engine. Its temporary files, those of the runtime and of
	// BuildKit among them, then go below Root (by TMPDIR), from where the next engine sweeps what a killed one left.
	OwnProcess bool
	// Wait makes New wait while another process uses the state directory; OnWait,
	// if not nil, is called once with a message that says for whom.
	Wait   bool
	OnWait func(message string)

	patience *registry.Patience // of tests
}

// withDefaults fills in what was left empty.
func (o Options) withDefaults() (Options, error) {
	if o.Root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return o, fmt.Errorf("looking for a place for the engine's state: %w (name one with its option)", err)
		}
		o.Root = filepath.Join(cache, "plimsoll", "engine")
	}
	if o.HelperPath == "" {
		self, err := os.Executable()
		if err != nil {
			return o, fmt.Errorf("looking for plimsoll's own binary, which is run inside containers: %w", err)
		}
		o.HelperPath = self
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Access == nil {
		var err error
		if o.Access, err = registry.New(registry.Options{}); err != nil {
			return o, err
		}
	}
	return o, checkMirrors(o.Mirrors)
}

// Missing is something that the host lacks.
type Missing struct {
	What   string // "runc is not installed"
	Remedy string // "install it: apt-get install runc"
}

func (m *Missing) Error() string {
	return fmt.Sprintf("the embedded engine can't start: %s; %s", m.What, m.Remedy)
}

// Locked is a state directory that another process uses.
type Locked struct {
	Root string
	PID  int // 0 if it could not be read
}

func (l *Locked) Error() string {
	holder := "another process"
	if l.PID > 0 {
		holder = fmt.Sprintf("process %d", l.PID)
	}
	return fmt.Sprintf("the engine's state in %s is in use by %s: wait for it to end, or use another state directory", l.Root, holder)
}
