package buildkit

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/buildkit/client/llb/sourceresolver"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// imageScheme begins the identifier of a source that is an image.
const imageScheme = "docker-image://"

// mirrored is a gateway client that asks mirrors in place of registries: the daemon is told the mirror's name of an
// image, and the frontend never learns of it.
type mirrored struct {
	gateway.Client
	mirrors map[string]string
}

func throughMirrors(c gateway.Client, mirrors map[string]string) gateway.Client {
	if len(mirrors) == 0 {
		return c
	}
	return &mirrored{c, mirrors}
}

// place is what an image is called on the mirror of its registry.
func place(ref string, mirrors map[string]string) string {
	host, rest, ok := strings.Cut(ref, "/")
	if mirror := mirrors[host]; ok && mirror != "" {
		return mirror + "/" + rest
	}
	return ref
}

// ResolveImageConfig asks the mirror, and answers with the name that was asked for.
func (m *mirrored) ResolveImageConfig(ctx context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	_, dgst, config, err := m.Client.ResolveImageConfig(ctx, place(ref, m.mirrors), opt)
	return ref, dgst, config, err
}

// ResolveSourceMetadata asks the mirror for an image, and answers with the source that was asked for.
func (m *mirrored) ResolveSourceMetadata(ctx context.Context, op *pb.SourceOp, opt sourceresolver.Opt) (*sourceresolver.MetaResponse, error) {
	ref, ok := strings.CutPrefix(op.Identifier, imageScheme)
	if !ok {
		return m.Client.ResolveSourceMetadata(ctx, op, opt)
	}
	asked := op.CloneVT()
	asked.Identifier = imageScheme + place(ref, m.mirrors)
	resp, err := m.Client.ResolveSourceMetadata(ctx, asked, opt)
	if err != nil {
		return nil, err
	}
	if resp.Op != nil && resp.Op.Identifier == asked.Identifier {
		resp.Op = op
	}
	return resp, nil
}

// Solve has the images of a definition taken from the mirrors.
func (m *mirrored) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if req.Definition != nil {
		def, err := relocated(req.Definition, m.mirrors)
		if err != nil {
			return nil, err
		}
		req.Definition = def
	}
	return m.Client.Solve(ctx, req)
}

// relocated is a definition whose images are taken from mirrors. An operation is named by the digest of its text, which
// holds the digests of those before it: from the first that changes on, all change their names.
func relocated(def *pb.Definition, mirrors map[string]string) (*pb.Definition, error) {
	out := def.CloneVT()
	renamed := map[string]string{}
	for i, data := range out.Def {
		var op pb.Op
		if err := op.Unmarshal(data); err != nil {
			return nil, fmt.Errorf("reading the build's definition: %w", err)
		}
		if !relocate(&op, mirrors, renamed) {
			continue
		}
		changed, err := op.Marshal()
		if err != nil {
			return nil, fmt.Errorf("writing the build's definition: %w", err)
		}
		out.Def[i] = changed
		renamed[digest.FromBytes(data).String()] = digest.FromBytes(changed).String()
	}
	rename(out.Metadata, renamed)
	if out.Source != nil {
		rename(out.Source.Locations, renamed)
	}
	return out, nil
}

// relocate changes one operation, and says whether it did.
func relocate(op *pb.Op, mirrors, renamed map[string]string) (changed bool) {
	for _, in := range op.Inputs {
		if to := renamed[in.Digest]; to != "" {
			in.Digest, changed = to, true
		}
	}
	source := op.GetSource()
	ref, ok := strings.CutPrefix(source.GetIdentifier(), imageScheme)
	if !ok {
		return changed
	}
	if to := place(ref, mirrors); to != ref {
		source.Identifier, changed = imageScheme+to, true
	}
	return changed
}

func rename[V any](m map[string]V, renamed map[string]string) {
	for from, to := range renamed {
		if v, ok := m[from]; ok {
			delete(m, from)
			m[to] = v
		}
	}
}
