// Package engine defines how plimsoll drives a builder and runs containers.
// One BuildKit client API serves every engine; see the packages below this one.
package engine

import (
	"context"
	"fmt"
	"io"
	"syscall"
	"time"
)

// Engine builds images and runs containers from them.
type Engine interface {
	Info() Info
	// Build runs one build. Progress, if not nil, is called from one goroutine.
	Build(ctx context.Context, req BuildRequest, progress func(Event)) (*BuildResult, error)
	// Run starts a container from an image that this engine built; it has
	// loopback alone as network.
	Run(ctx context.Context, req RunRequest) (Container, error)
	Close() error
}

// Info describes an engine.
type Info struct {
	Name     string // "embedded"
	Version  string // of BuildKit
	Platform string // "linux/amd64"
}

// BuildRequest describes one build.
type BuildRequest struct {
	// Name says which build this is, in progress and errors: "before", "after".
	Name string
	// ContextDir is the directory that is sent to the builder.
	ContextDir string
	// Dockerfile is the text to build, wherever it came from.
	Dockerfile []byte
	// DockerfileName is shown in messages.
	DockerfileName string
	// Ignore is the text of the .dockerignore in force; nil means none.
	Ignore []byte
	// Overrides replaces or adds context files (path → text), for the
	// rebuild after a code change, without touching the disk.
	Overrides map[string][]byte
	Target    string
	BuildArgs map[string]string
	// NoCache executes every step, whatever the cache holds, with empty cache
	// mounts. Base images are pulled and unpacked before the clock starts.
	NoCache bool
	// Push is a reference on a plain-HTTP loopback registry that the image is pushed to; empty means none.
	Push string
	// SourceDateEpoch, when not nil, makes timestamps and digests repeatable.
	SourceDateEpoch *time.Time
}

// BuildResult is what a build produced.
type BuildResult struct {
	// Image identifies the result for Run, on this engine.
	Image string
	// Config is the OCI image config (JSON) as the Dockerfile determines it; the
	// layers' digests are added when it is pushed.
	Config []byte
	// Digest of the pushed manifest, "sha256:…", when Push was given.
	Digest string
	Steps  []Step
	// Solve is the wall time of all steps, without exporting.
	Solve time.Duration
	// Export is the wall time of exporting (compression) and, of it, Push that of pushing.
	Export, Push time.Duration
}

// Step is one vertex of the build.
type Step struct {
	Name      string // as BuildKit shows it: "[builder 2/4] RUN …"
	Stage     string
	Lines     [][2]int // ranges of Dockerfile lines, 1-based, inclusive
	Cached    bool
	Started   time.Time
	Completed time.Time
	Error     string
	// Internal marks steps that are not in the Dockerfile ("[internal] load build context").
	Internal bool
}

// Event is one step of progress.
type Event struct {
	Build string // BuildRequest.Name
	Step  Step   // Completed is zero while it runs
	Log   []byte // output of the step since the last event
}

// BuildError is a build that failed because of the project, not of the engine.
type BuildError struct {
	Build  string
	Line   int    // of the Dockerfile, 1-based; 0 if not known
	Step   string // the failing step's name
	Output string // the last lines that it printed
	Hint   string // what to try; empty if there is nothing to say beyond the error
	Err    error
}

// RunRequest describes one container.
type RunRequest struct {
	Image string
	// Env is added to the image's own ("NAME=value").
	Env []string
	// Cmd replaces the image's entrypoint and command when not nil.
	Cmd []string
	// User replaces the image's user when not empty.
	User string
}

// Container is a running container.
type Container interface {
	// Exec runs plimsoll's static helper inside the container, as root
	// unless a user is given, with stdin, and returns what it wrote to stdout. The
	// helper never exits non-zero: see ENGINE.md's trap.
	Exec(ctx context.Context, req ExecRequest) ([]byte, error)
	// Signal sends a signal to the main process, from outside: SIGSTOP works.
	Signal(ctx context.Context, sig syscall.Signal) error
	// Wait returns when the main process has ended.
	Wait(ctx context.Context) (Exit, error)
	// Output is what the main process has written so far, stdout and stderr interleaved, bounded to the last 64 KiB.
	Output() string
	// Started is when the main process was started.
	Started() time.Time
	// Close kills the container and releases what it held.
	Close() error
}

// ExecRequest runs the helper: plimsoll's own static binary with these arguments.
type ExecRequest struct {
	Args  []string
	Stdin io.Reader
	User  string // "" means root
	Env   []string
	Dir   string
}

// Exit is how a main process ended.
type Exit struct {
	Code   int            // as a shell reports it: 128 + signal when killed
	Signal syscall.Signal // 0 unless killed by a signal
	At     time.Time
}

func (e *BuildError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("building %s: Dockerfile line %d: %s: %v", e.Build, e.Line, e.Step, e.Err)
	}
	return fmt.Sprintf("building %s: %v", e.Build, e.Err)
}

func (e *BuildError) Unwrap() error { return e.Err }
