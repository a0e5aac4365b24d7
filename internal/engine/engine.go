// Package engine defines how plimsoll drives a builder and runs containers.
// One BuildKit client API serves every engine; see the packages below this one.
package engine

import (
	"context"
	"errors"
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
	Name     string // "embedded", "docker", "remote"
	Version  string // of BuildKit; empty where it is not told
	Platform string // "linux/amd64"
	// Platforms are those whose programs it runs, its own and emulated ones; empty where it does not tell.
	Platforms []string
	// Daemon is what serves, where that is another process: "Docker Engine 29.1", "buildkitd at tcp://builder:1234".
	Daemon string
	// Chosen says why this engine serves: "BUILDKIT_HOST is set".
	Chosen string
	// Limits are what it holds containers to. Watched says that the helper does that, from inside of each: what is 0 then is left
	// to the machine, and not known before a container was started.
	Limits  Limits
	Watched bool
	// Disk is what was free where it builds when it was opened; zero for one that does not tell.
	Disk DiskSpace
	// Caveat is what it can't do as it should on this host, in one sentence; empty means nothing.
	Caveat string
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
	// Secrets are what steps may mount (RUN --mount=type=secret), by id. They are in no layer, log or cache key unless a
	// step puts them there.
	Secrets map[string][]byte
	// Platform is what the image is for, "os/arch[/variant]"; empty means the engine's own.
	Platform string
	// NoCache executes every step, whatever the cache holds, with empty cache
	// mounts. Base images are pulled and unpacked before the clock starts.
	NoCache bool
	// Push is a reference on a plain-HTTP loopback registry that the image is pushed to; empty means none. An engine
	// that can't push there fails with a *PushError.
	Push string
	// Archive, if not nil, is written the image: an OCI layout in a tar file, or what "docker save" writes where
	// the engine has no other.
	Archive io.Writer
	// Attest names what is attested about the image and pushed beside it: "provenance", "sbom". An engine that can't
	// attest leaves it out.
	Attest []string
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
	// ClockSet says that the machine's clock was set during the build. Steps then have no times, and Export and Push
	// are zero where they come from the daemon, which stamps its work with the clock.
	ClockSet bool
	// Solve is the wall time of all steps, without exporting.
	Solve time.Duration
	// Export is the wall time of exporting (compression) and, of it, Push that of pushing.
	Export, Push time.Duration
	// Compressed says that compressing the layers is a part of Push: the engine keeps them as they are.
	Compressed bool
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

// BuildError is a build that failed because of the project or of what it is made from, not of the engine.
type BuildError struct {
	Build  string
	Line   int    // of the Dockerfile, 1-based; 0 if not known
	Step   string // the failing step's name
	Output string // the last lines that it printed
	Hint   string // what to try; empty if there is nothing to say beyond the error
	// Registry is the host of a registry that did not do its part: nothing is known about the project then.
	Registry string
	// DiskFull says that the engine had no room left: nothing is known about the project then.
	DiskFull bool
	Err      error
}

// Unrelated tells that it failed for a reason that has nothing to do with what was built.
func (e *BuildError) Unrelated() bool { return e.Registry != "" || e.DiskFull }

// PushError is an image that the engine built and could not push.
type PushError struct {
	Build, Engine string
	Ref           string
	Err           error
}

func (e *PushError) Error() string {
	return fmt.Sprintf("pushing %s to %s: the %s engine could not: %v", e.Build, e.Ref, e.Engine, e.Err)
}

func (e *PushError) Unwrap() error { return e.Err }

// LostError is an engine that went away in the middle of something.
type LostError struct {
	Engine string
	Err    error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the %s engine went away: %v", e.Engine, e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }

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
	// Signal sends a signal to the main process as from outside of its container, SIGSTOP and SIGKILL included,
	// and returns when it was sent.
	Signal(ctx context.Context, sig syscall.Signal) (sent time.Time, err error)
	// Wait returns when the main process has ended. ErrEndLost says that how it did can't be told.
	Wait(ctx context.Context) (Exit, error)
	// Output is what the main process has written so far, stdout and stderr interleaved, bounded to the last 64 KiB.
	Output() string
	// Started is when the main process was started.
	Started() time.Time
	// Reached are the limits that the container has run into so far, as far as the engine knows.
	Reached() []Reached
	// Close kills the container and releases what it held.
	Close() error
}

// ErrEndLost is a container that has ended, and nobody knows how. BuildKit ends a container in which a second process fails, as
// one does that is started just when the main process ends, and may then kill the runtime while that tells the exit code.
var ErrEndLost = errors.New("how the program ended is lost: a helper failed in its container at that moment, for which BuildKit ends a container")

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
