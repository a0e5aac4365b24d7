package buildkit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// mergeLines joins the ranges of all locations that overlap or touch.
func mergeLines(locations []*pb.Location) [][2]int {
	var ranges [][2]int
	for _, location := range locations {
		for _, r := range location.GetRanges() {
			start := int(r.GetStart().GetLine())
			ranges = append(ranges, [2]int{start, max(start, int(r.GetEnd().GetLine()))})
		}
	}
	slices.SortFunc(ranges, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	var merged [][2]int
	for _, r := range ranges {
		if last := len(merged) - 1; last >= 0 && r[0] <= merged[last][1]+1 {
			merged[last][1] = max(merged[last][1], r[1])
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// hasLines says whether a definition stands for lines of a Dockerfile; the one that fetches the
// Dockerfile itself does not.
func hasLines(def *pb.Definition) bool {
	for _, locations := range def.GetSource().GetLocations() {
		if len(mergeLines(locations.GetLocations())) > 0 {
			return true
		}
	}
	return false
}

// baseImage is an image that a definition starts from, as a definition of its own.
type baseImage struct {
	name       string
	definition *pb.Definition
}

// imageSources lists the images that a definition starts from.
func imageSources(def *pb.Definition) []baseImage {
	var out []baseImage
	for _, data := range def.Def {
		var op pb.Op
		if op.Unmarshal(data) != nil {
			continue
		}
		name, ok := strings.CutPrefix(op.GetSource().GetIdentifier(), imageScheme)
		if !ok {
			continue
		}
		if single, err := definitionOf(data, def); err == nil {
			out = append(out, baseImage{name: name, definition: single})
		}
	}
	return out
}

// definitionOf is a definition whose result is one operation without inputs.
func definitionOf(data []byte, from *pb.Definition) (*pb.Definition, error) {
	dgst := digest.FromBytes(data)
	last, err := (&pb.Op{Inputs: []*pb.Input{{Digest: dgst.String()}}}).Marshal()
	if err != nil {
		return nil, err
	}
	def := &pb.Definition{Def: [][]byte{data, last}, Metadata: map[string]*pb.OpMetadata{}}
	if md := from.Metadata[dgst.String()]; md != nil {
		def.Metadata[dgst.String()] = md
	}
	return def, nil
}

// cacheable is a copy of a definition that is answered from the cache.
func cacheable(def *pb.Definition) *pb.Definition {
	out := def.CloneVT()
	for _, md := range out.Metadata {
		md.IgnoreCache = false
	}
	return out
}
