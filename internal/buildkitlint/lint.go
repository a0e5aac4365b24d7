// Package buildkitlint runs BuildKit's own checks of a Dockerfile through
// BuildKit's library. Nothing is resolved over the network.
package buildkitlint

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/subrequests/lint"
	"github.com/moby/buildkit/solver/pb"
)

// maxSource bounds what is handed to the library. Dockerfiles have kilobytes.
const maxSource = 4 << 20

// Warning is what one check of BuildKit says.
type Warning struct {
	Rule        string // BuildKit's name: "StageNameCasing"
	Line        int    // first line, from 1; 0 when the check names none
	EndLine     int    // last line, included
	Message     string // about this place
	Description string // about the rule
	URL         string // of BuildKit's page on the rule; may be empty
	// Uncertain says why the warning may be unfounded, empty if it is not
	// in doubt: a variable that the base image may set, say.
	Uncertain string
}

// Rejected is the error for a Dockerfile that BuildKit would not build.
type Rejected struct {
	Name    string
	Line    int // 0 when BuildKit names none
	Message string
}

func (e *Rejected) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Name, e.Message)
	}
	return fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.Message)
}

// Checker runs the checks. The zero value is ready for use.
type Checker struct {
	// BaseEnv tells which variables an image sets, as NAME=value, for the
	// images whose config is known. Those not known count as setting none,
	// and what follows from that is marked as uncertain. It is called from
	// several goroutines.
	BaseEnv func(ref string) (env []string, known bool)
}

// Run checks src with a zero Checker.
func Run(ctx context.Context, name string, src []byte) ([]Warning, error) {
	return Checker{}.Run(ctx, name, src)
}

// Run checks the Dockerfile src; name is used in errors. Warnings come in the
// order of their lines. They may be incomplete when there is an error: it is a
// *Rejected when BuildKit would not build the file.
//
// BuildKit's "# check=" comments are honoured.
func (c Checker) Run(ctx context.Context, name string, src []byte) (warnings []Warning, err error) {
	if len(src) > maxSource {
		return nil, fmt.Errorf("%s: checking: %d bytes are too many for a Dockerfile", name, len(src))
	}
	defer recovered(name, &err)
	bases := newResolver(c.BaseEnv)
	sourceMap := llb.NewSourceMap(nil, name, "Dockerfile", src)
	sourceMap.Definition = &llb.Definition{} // the library dereferences it
	results, err := dockerfile2llb.DockerfileLint(ctx, src, dockerfile2llb.ConvertOpt{
		SourceMap:    sourceMap,
		MetaResolver: bases,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: running BuildKit's checks: %w", name, err)
	}
	warnings = collect(results.Warnings)
	if bases.guessed.Load() {
		doubt(warnings, src)
	}
	return warnings, rejected(name, results.Error)
}

// recovered makes an error of a panic in the library, which is not written for
// arbitrary input. It is deferred.
func recovered(name string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%s: BuildKit's checks broke down: %v", name, r)
	}
}

func collect(in []lint.Warning) []Warning {
	var out []Warning
	for _, w := range in {
		first, last := lines(w.Location)
		out = append(out, Warning{
			Rule: w.RuleName, Line: first, EndLine: last,
			Message: w.Detail, Description: w.Description, URL: w.URL,
		})
	}
	slices.SortFunc(out, func(a, b Warning) int {
		return cmp.Or(a.Line-b.Line, strings.Compare(a.Rule, b.Rule), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(out) // a stage used twice is walked twice
}

func lines(at *pb.Location) (first, last int) {
	for _, r := range at.GetRanges() {
		start, end := int(r.GetStart().GetLine()), int(r.GetEnd().GetLine())
		if first == 0 || start < first {
			first = start
		}
		last = max(last, start, end)
	}
	return first, last
}

func rejected(name string, e *lint.BuildError) error {
	if e == nil {
		return nil
	}
	first, _ := lines(&e.Location)
	message, _, _ := bytes.Cut([]byte(e.Message), []byte("\n"))
	return &Rejected{Name: name, Line: first, Message: string(message)}
}
