package buildkit

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/plimsoll/plimsoll/internal/engine"
)

// mobyExporter leaves an image in a daemon's own store.
const mobyExporter = "moby"

// exports is what BuildKit does with a result.
func (e *Engine) exports(req engine.BuildRequest, stored string) (out []client.ExportEntry) {
	if e.opts.Images != nil {
		if stored != "" {
			out = append(out, client.ExportEntry{Type: mobyExporter, Attrs: map[string]string{"name": stored}})
		}
		return out
	}
	if req.Push != "" {
		out = append(out, client.ExportEntry{Type: client.ExporterImage, Attrs: pushAttrs(req)})
	}
	if req.Archive != nil {
		out = append(out, client.ExportEntry{
			Type: client.ExporterOCI, Attrs: map[string]string{},
			Output: func(map[string]string) (io.WriteCloser, error) { return unclosed{req.Archive}, nil },
		})
	}
	return out
}

// unclosed leaves the closing of a writer to whoever opened it.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// storedAs is the name under which a result passes through a daemon's store; empty if it does not. No two builds share one.
func (e *Engine) storedAs(req engine.BuildRequest) string {
	switch {
	case e.opts.Images == nil:
	case req.Push != "":
		return req.Push
	case req.Archive != nil:
		return e.opts.Images.ArchiveName()
	}
	return ""
}

// discard removes from a daemon's store what passed through it, if it came so far.
func (e *Engine) discard(ctx context.Context, stored string) error {
	if stored == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
	defer cancel()
	if err := e.opts.Images.Remove(ctx, stored); err != nil {
		return fmt.Errorf("removing %s from the %s engine: %w", stored, e.opts.Name, err)
	}
	return nil
}

func pushAttrs(req engine.BuildRequest) map[string]string {
	attrs := map[string]string{
		"name":              req.Push,
		"push":              "true",
		"registry.insecure": "true",
		"oci-mediatypes":    "true",
		// A daemon that has a store of images keeps none of this one.
		"store": "false",
	}
	if req.SourceDateEpoch != nil {
		attrs["source-date-epoch"] = epoch(*req.SourceDateEpoch)
		attrs["rewrite-timestamp"] = "true"
	}
	return attrs
}

// handOver has a daemon's store push and save what BuildKit left there.
func (e *Engine) handOver(ctx context.Context, req engine.BuildRequest, stored string, out *engine.BuildResult) (err error) {
	if stored == "" {
		return nil
	}
	if req.Push != "" {
		begin := time.Now()
		if out.Digest, err = e.opts.Images.Push(ctx, stored); err != nil {
			return e.pushError(ctx, req, err)
		}
		out.Push = time.Since(begin)
		out.Export += out.Push
		out.Compressed = true
	}
	if req.Archive != nil {
		if err := e.opts.Images.Save(ctx, stored, req.Archive); err != nil {
			return e.engineError(ctx, req, fmt.Errorf("saving the image: %w", err))
		}
	}
	return nil
}

// exportError is what went wrong outside of the project. What went wrong after all steps were done is the push's
// fault, if there was one.
func (e *Engine) exportError(ctx context.Context, req engine.BuildRequest, fault, err error) error {
	if fault == nil && req.Push != "" && !isLost(err) {
		return e.pushError(ctx, req, err)
	}
	return e.engineError(ctx, req, err)
}

func (e *Engine) pushError(ctx context.Context, req engine.BuildRequest, err error) error {
	if ctx.Err() != nil || isLost(err) {
		return e.engineError(ctx, req, err)
	}
	return &engine.PushError{Build: req.Name, Engine: e.opts.Name, Ref: req.Push, Err: &shortened{text: lastPart(headline(err)), err: err}}
}
