package buildkitlint

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// resolver answers for base images without asking any registry. Its images fit
// the platform asked for, so that no check is raised about something that was
// not looked at.
type resolver struct {
	env     func(ref string) ([]string, bool)
	guessed atomic.Bool // some image's variables were not known
}

func newResolver(env func(string) ([]string, bool)) *resolver {
	return &resolver{env: env}
}

// ResolveImageConfig implements BuildKit's interface of the same name.
func (r *resolver) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	img := ocispecs.Image{
		Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"},
		// An image without layers would be taken for scratch.
		RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString(ref)}},
	}
	if opt.ImageOpt != nil && opt.ImageOpt.Platform != nil {
		img.Platform = *opt.ImageOpt.Platform
	}
	known := false
	if r.env != nil {
		img.Config.Env, known = r.env(ref)
	}
	if !known {
		r.guessed.Store(true)
	}
	config, err := json.Marshal(img)
	if err != nil {
		return "", "", nil, fmt.Errorf("describing %s: %w", ref, err)
	}
	return ref, "", config, nil
}

// doubt marks the warnings about undefined variables in stages that stand on
// an image: it may well define them.
func doubt(warnings []Warning, src []byte) {
	fromImage := linesOnImages(src)
	for i, w := range warnings {
		if w.Rule == linter.RuleUndefinedVar.Name && fromImage(w.Line) {
			warnings[i].Uncertain = "the base image may define it"
		}
	}
}

// linesOnImages tells of a line whether its stage stands on an image, directly
// or through other stages, and not on scratch.
func linesOnImages(src []byte) func(line int) bool {
	parsed, err := parser.Parse(bytes.NewReader(src))
	if err != nil {
		return func(int) bool { return true }
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return func(int) bool { return true }
	}
	onScratch := map[string]bool{"scratch": true}
	var starts []int
	var scratch []bool
	for _, s := range stages {
		if len(s.Location) == 0 {
			continue
		}
		isScratch := onScratch[s.BaseName]
		onScratch[s.Name] = isScratch
		starts = append(starts, s.Location[0].Start.Line)
		scratch = append(scratch, isScratch)
	}
	return func(line int) bool {
		onImage := true
		for i, start := range starts {
			if start <= line {
				onImage = !scratch[i]
			}
		}
		return onImage
	}
}
