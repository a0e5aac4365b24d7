package buildkit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/util/grpcerrors"
	digest "github.com/opencontainers/go-digest"
	"github.com/plimsoll/plimsoll/internal/engine"
	"google.golang.org/grpc/codes"
)

const shownLines = 20

// engineError is a build that failed for a reason outside of the project: it was
// cancelled, or the daemon or the registry that is pushed to did not do its part.
func (e *Engine) engineError(ctx context.Context, req engine.BuildRequest, err error) error {
	return fmt.Errorf("building %s: %w", req.Name, e.blame(ctx, err))
}

// blame says whose fault an error of the daemon's is: the caller's who gave up, the daemon's that is gone, or what it says.
func (e *Engine) blame(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case isLost(err):
		return &engine.LostError{Engine: e.opts.Name, Err: &shortened{text: lastPart(headline(err)), err: err}}
	}
	return &shortened{text: headline(err), err: err}
}

// isLost says whether an error is that of a connection which broke off.
func isLost(err error) bool { return grpcerrors.Code(err) == codes.Unavailable }

// buildError says what is wrong with the project, or with the base image that it names.
func buildError(req engine.BuildRequest, t *tracker, err error) error {
	out := &engine.BuildError{Build: req.Name, Line: failedLine(err), Err: &shortened{text: headline(err), err: err}}
	if diskFull.MatchString(err.Error()) {
		out.DiskFull, out.Err = true, &shortened{text: "no room is left on the disk that the engine builds on", err: err}
		out.Hint = "make room there; the embedded engine builds elsewhere with --state DIR"
	}
	s := t.failed(failedVertex(err))
	if s == nil {
		out.Step = lineOf(req.Dockerfile, out.Line)
		return out
	}
	if base := baseFailure(s.Name, err.Error()); base != nil && !out.DiskFull {
		out.Step, out.Err, out.Hint, out.Registry = base.ref, &shortened{text: base.what, err: err}, base.hint, base.registry
		return out
	}
	out.Step = s.Name
	out.Output = s.output.lastLines(shownLines)
	if out.Line == 0 && len(s.Lines) > 0 {
		out.Line = s.Lines[0][0]
	}
	if contextMiss.MatchString(err.Error()) {
		out.Hint = "is the file in the build context, and not left out by the .dockerignore?"
	}
	return out
}

// contextMiss is how a COPY says that it found nothing to copy; old daemons say "not found" twice.
var contextMiss = regexp.MustCompile(`failed to (?:calculate checksum of ref|compute cache key).*"[^"]*"(?::)? not found(?:: not found)?$`)

// diskFull is how the daemon's own work fails for want of space; a command that writes too much says so in its output.
var diskFull = regexp.MustCompile(`no space left on device|disk quota exceeded`)

// shortened is an error with a shorter text than its cause, which stays reachable.
type shortened struct {
	text string
	err  error
}

func (e *shortened) Error() string { return e.text }
func (e *shortened) Unwrap() error { return e.err }

// wrappers are what each layer between the fault and here puts before it.
var wrappers = regexp.MustCompile(`^(?:failed to solve: |failed to receive status: |failed to run Build function: |rpc error: code = \w+ desc = |failed to compute cache key: |failed to calculate checksum of ref \S+: )`)

func headline(err error) string {
	text := err.Error()
	for {
		cut := wrappers.ReplaceAllString(text, "")
		if cut == text {
			return text
		}
		text = cut
	}
}

func failedVertex(err error) digest.Digest {
	var v *errdefs.VertexError
	if errors.As(err, &v) {
		return digest.Digest(v.Digest)
	}
	return ""
}

// failedLine is the first line of the innermost place that the error names.
func failedLine(err error) int {
	for _, source := range errdefs.Sources(err) {
		for _, r := range source.Ranges {
			if line := int(r.GetStart().GetLine()); line > 0 {
				return line
			}
		}
	}
	return 0
}

func lineOf(text []byte, line int) string {
	lines := strings.Split(string(text), "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[line-1])
}
