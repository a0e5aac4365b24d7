package buildkit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/moby/buildkit/solver/errdefs"
	digest "github.com/opencontainers/go-digest"
	"github.com/plimsoll/plimsoll/internal/engine"
)

const shownLines = 20

// engineError is a build that failed for a reason outside of the project: it was
// cancelled, or the daemon or the registry that is pushed to did not do its part.
func engineError(ctx context.Context, req engine.BuildRequest, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("building %s: %w", req.Name, context.Cause(ctx))
	}
	return fmt.Errorf("building %s: %w", req.Name, &shortened{text: headline(err), err: err})
}

// buildError says what is wrong with the project, or with the base image that it names.
func buildError(req engine.BuildRequest, t *tracker, err error) error {
	out := &engine.BuildError{Build: req.Name, Line: failedLine(err), Err: &shortened{text: headline(err), err: err}}
	s := t.failed(failedVertex(err))
	if s == nil {
		out.Step = lineOf(req.Dockerfile, out.Line)
		return out
	}
	if base := baseFailure(s.Name, err.Error()); base != nil {
		out.Step, out.Err, out.Hint = base.ref, &shortened{text: base.what, err: err}, base.hint
		return out
	}
	out.Step = s.Name
	out.Output = s.output.lastLines(shownLines)
	if out.Line == 0 && len(s.Lines) > 0 {
		out.Line = s.Lines[0][0]
	}
	if isContextMiss(err) {
		out.Hint = "is the file in the build context, and not left out by the .dockerignore?"
	}
	return out
}

// isContextMiss says whether a COPY found nothing to copy.
func isContextMiss(err error) bool {
	return strings.Contains(err.Error(), "failed to calculate checksum of ref") && strings.HasSuffix(err.Error(), "not found")
}

// shortened is an error with a shorter text than its cause, which stays reachable.
type shortened struct {
	text string
	err  error
}

func (e *shortened) Error() string { return e.text }
func (e *shortened) Unwrap() error { return e.err }

// wrappers are what each layer between the fault and here puts before it.
var wrappers = regexp.MustCompile(`^(?:failed to solve: |failed to run Build function: |rpc error: code = \w+ desc = |failed to compute cache key: |failed to calculate checksum of ref \S+: )`)

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

// missingBase is an image that can't be had.
type missingBase struct{ ref, what, hint string }

// loadMetadata is the step in which the daemon asks a registry for an image.
const loadMetadata = "[internal] load metadata for "

func baseFailure(step, reason string) *missingBase {
	ref, ok := strings.CutPrefix(step, loadMetadata)
	if !ok {
		return nil
	}
	host, _, _ := strings.Cut(ref, "/")
	if isAbsent(reason) {
		return &missingBase{ref: ref,
			what: "the image " + ref + " does not exist, or needs a login",
			hint: "check the name and the tag; for a private image, log in to " + host + " first"}
	}
	return &missingBase{ref: ref,
		what: "the registry " + host + " could not be asked for " + ref + ": " + lastPart(reason),
		hint: "check the network, or name a mirror: --mirror " + host + "=HOST:PORT"}
}

func isAbsent(reason string) bool {
	for _, sign := range []string{": not found", "pull access denied", "insufficient_scope", "authorization failed", "401 Unauthorized", "repository does not exist"} {
		if strings.Contains(reason, sign) {
			return true
		}
	}
	return false
}

// lastPart is the innermost reason in a chain of wrapped ones: "dial tcp …: connection refused".
func lastPart(reason string) string {
	if i := strings.LastIndex(reason, "dial tcp"); i >= 0 {
		return reason[i:]
	}
	if i := strings.LastIndex(reason, "unexpected status"); i >= 0 {
		return reason[i:]
	}
	return reason
}
