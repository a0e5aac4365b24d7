// Package app holds the pipelines behind the commands: check, fix, prove. Each
// turns options into a report and prints nothing.
package app

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/registry"
	"github.com/plimsoll/plimsoll/internal/report"
)

// Defaults of a proof.
const (
	DefaultRequests = 100
	DefaultSamples  = 3
	DefaultTimeout  = 30 * time.Minute
)

// CheckOptions say what to check.
type CheckOptions struct {
	// Version of plimsoll, for the report.
	Version string
	// Paths are Dockerfiles, folders with one, or trees of them; empty means the working directory.
	Paths []string
	ComposeOptions
	// Offline keeps every rule from asking a registry; sizes come from the
	// embedded table and are marked estimated.
	Offline bool
	// Mirrors map a registry's host to the address asked in its place
	// ("docker.io" → "127.0.0.1:5005").
	Mirrors map[string]string
	// Access is how registries are reached; nil asks them directly, without any login.
	Access *registry.Access
	// Platform is what images are for, "os/arch[/variant]"; empty means linux/amd64 for look-ups.
	Platform string
	// Rules limits the run to these rules; empty means all.
	Rules []string
}

// FixOptions say what to rewrite.
type FixOptions struct {
	// Version of plimsoll, for the report.
	Version string
	// Path is a Dockerfile, a compose file, or a folder with one.
	Path string
	// Safe keeps the rewrite to edits that need no proof.
	Safe bool
	// Pin writes the digests of base images.
	Pin bool
	// Write changes the files on disk.
	Write bool
	// Accept is asked for each edit before it is taken; nil takes all. It is given a report with the
	// edit's finding and with a plan of that edit alone.
	Accept func(*report.Report) (bool, error)
	// Confirm is asked at the end whether to change the files on disk, unless Write says so; nil means no.
	Confirm func(*report.Report) (bool, error)
	ComposeOptions
	// Target is the stage that is built; empty means the compose service's, or the last.
	Target    string
	BuildArgs map[string]string
	Rules     []string
	Offline   bool
	Mirrors   map[string]string
	Access    *registry.Access
	Platform  string
}

// ReplayOptions say what to replay.
type ReplayOptions struct {
	// Version of plimsoll, for the report.
	Version string
	// Path is a Dockerfile, a compose file, or a folder with one.
	Path string
	ComposeOptions
	// Commits, Since and Branch choose the commits, as history.Options has them.
	Commits       int
	Since, Branch string
	// PerCommit are build arguments that the build sets to another value at every commit.
	PerCommit []string
	// Target is the stage to build; empty means the compose service's, or the last.
	Target    string
	BuildArgs map[string]string
	Offline   bool
	Mirrors   map[string]string
	Access    *registry.Access
	Rules     []string
}

// EngineOptions say which engine is used.
type EngineOptions struct {
	// Kind is "auto", "embedded", "docker" or "remote"; empty means auto.
	Kind string
	// Builders are addresses of BuildKit daemons. Given several, before and after are built on different ones.
	Builders []string
	// Certificates is a folder with what it takes to reach them over TLS.
	Certificates string
	// Network is the network of build steps: "host", "none", or the engine's own when empty.
	Network string
}

// ProveOptions say what to prove and how.
type ProveOptions struct {
	// Version of plimsoll, for the report.
	Version string
	EngineOptions
	// OpenEngine opens the engine that builds and runs.
	OpenEngine func(context.Context, ProveOptions) (engine.Engine, error)
	// Path is a Dockerfile, a compose file, or a folder with one.
	Path string
	ComposeOptions
	// Against names a Dockerfile that is proven in place of the rewritten one.
	Against string
	// EnvFile is a file of NAME=value lines given to both containers, above those of a compose service; Env adds
	// single "NAME=value" entries and outranks it.
	EnvFile string
	Env     []string
	// Target is the stage to build; empty means the last.
	Target    string
	BuildArgs map[string]string
	// Platform is what both images are for, "os/arch[/variant]"; empty means the engine's own.
	Platform string
	// Probes are requests to send in addition to those found, as "GET /path".
	Probes []string
	// Requests is how many requests are sent before memory is read; 0 means DefaultRequests.
	Requests int
	// Samples is how often timed figures are taken; 0 means DefaultSamples.
	Samples int
	// Skip are figures that are left out, of those in Skippable. Without the one of a build from nothing,
	// both versions are built with the cache.
	Skip []measure.Metric
	// StartTimeout is how long an application may take to answer; 0 means a minute.
	StartTimeout time.Duration
	// Keep leaves the unpacked layers of both images behind for a look.
	Keep bool
	// Write changes the files on disk, to what was proven alone.
	Write bool
	// Pin writes the digests of base images.
	Pin bool
	// Delivery says where the proven image is put.
	Delivery Delivery
	// Timeout bounds the whole proof; 0 means no limit.
	Timeout time.Duration
	Mirrors map[string]string
	// Access is how registries are reached, by plimsoll's own look-ups and by the engine in this process.
	Access  *registry.Access
	Rules   []string
	Offline bool
	// State is the directory that the engine keeps its state in; empty means
	// a folder in the user's cache.
	State string
	// Limits are what containers are held to, where the engine can.
	Limits engine.Limits
	// Progress hears how far the proof is; nil is allowed.
	Progress Progress
}

// Skippable are the figures that take time of their own, and no proof rests on.
func Skippable() []measure.Metric {
	return []measure.Metric{measure.ColdBuild, measure.Rebuild, measure.Push, measure.Pull}
}

// skips tells whether a figure is left out.
func (o ProveOptions) skips(m measure.Metric) bool { return slices.Contains(o.Skip, m) }

// Delivery says where a proven image is put.
type Delivery struct {
	// Output is a folder for an OCI layout or, ending in .tar, an archive of one.
	Output string
	// Push and Load are names: in a registry, and in a Docker Engine.
	Push, Load string
	// Loader hands an archive to the Docker Engine, and says which one that was.
	Loader func(ctx context.Context, archive io.Reader) (where string, err error)
	// Attest names what must be attested about the image: "provenance", "sbom". Nil means provenance where the engine can.
	Attest []string
	// Partly puts out what is partly proven, too. Any puts out an image whatever the verdict: where no edit is
	// proven, that of the files as they are.
	Partly, Any bool
}

// Wanted says whether an image is to be put anywhere.
func (d Delivery) Wanted() bool { return d.Output != "" || d.Push != "" || d.Load != "" }

// Progress hears how far a run is. Calls may come from several goroutines.
type Progress interface {
	// Phase begins a phase of the run and ends the one before.
	Phase(name string)
	// Event is one event of a build.
	Event(engine.Event)
}
