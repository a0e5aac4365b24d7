package app

import (
	"context"
	"time"

	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/inspect"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// InspectOptions say how images that exist are looked at.
type InspectOptions struct {
	// Place is an image as image.Walk takes it.
	Place    string
	Platform string
	Mirrors  map[string]string
	Access   *registry.Access
	// Docker finds the Docker Engine that a place asks for.
	Docker func() (image.Engine, error)
	// Secrets searches the layers for credentials.
	Secrets bool
	// NoCache keeps and uses no earlier results.
	NoCache bool
	// Watch is shown the layers while they are read; nil is allowed.
	Watch *inspect.Watch
	// Progress hears how far it is; nil is allowed.
	Progress Progress
}

// quick is how long a run takes before it is told that there is one.
const quick = time.Second

// Inspect looks into one image.
func Inspect(ctx context.Context, options InspectOptions) (*inspect.Report, error) {
	if options.Progress != nil {
		timer := time.AfterFunc(quick, func() { options.Progress.Phase("reading the layers of " + options.Place) })
		defer timer.Stop()
	}
	opts := inspect.Options{
		Image:   image.Options{Mirrors: options.Mirrors, Access: options.Access, Docker: options.Docker, Platform: options.Platform, CacheDir: cacheDir("registry")},
		Secrets: options.Secrets, Watch: options.Watch,
	}
	if !options.NoCache {
		opts.CacheDir = cacheDir("inspect")
	}
	return inspect.Image(ctx, options.Place, opts)
}
