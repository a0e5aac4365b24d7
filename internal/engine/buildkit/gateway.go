package buildkit

import (
	"context"
	"fmt"
	"sync"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// recorder is a gateway client that notes what the Dockerfile frontend asks to be solved: the
// definition, its lines, and the time that solving took.
type recorder struct {
	gateway.Client
	prepull bool
	seen    *solved
}

// solved is what a recorder saw. It is shared with the reader of the progress.
type solved struct {
	mu         sync.Mutex
	lines      map[digest.Digest][][2]int
	definition *pb.Definition
	took       time.Duration
}

// Solve solves the image's definition to the end, so that what follows is exporting alone;
// other requests (for the Dockerfile) pass through.
func (r *recorder) Solve(ctx context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	if !hasLines(req.Definition) {
		return r.Client.Solve(ctx, req)
	}
	r.seen.note(req.Definition)
	if r.prepull {
		if err := pullBases(ctx, r.Client, req.Definition); err != nil {
			return nil, err
		}
	}
	req.Evaluate = true
	start := time.Now()
	res, err := r.Client.Solve(ctx, req)
	r.seen.addTime(time.Since(start))
	return res, err
}

func (s *solved) note(def *pb.Definition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.definition = def
	if s.lines == nil {
		s.lines = map[digest.Digest][][2]int{}
	}
	for dgst, locations := range def.Source.Locations {
		if lines := mergeLines(locations.Locations); len(lines) > 0 {
			s.lines[digest.Digest(dgst)] = lines
			s.lines[uncached(dgst)] = lines
		}
	}
}

// uncached is what BuildKit calls a step that must not use the cache while another session holds the
// cached step: there the step's own digest is taken.
func uncached(dgst string) digest.Digest { return digest.FromString(dgst + "-ignorecache") }

func (s *solved) addTime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took += d
}

// linesOf says which lines a vertex stands for, and whether it is of the Dockerfile at all.
func (s *solved) linesOf(dgst digest.Digest) ([][2]int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines, ok := s.lines[dgst]
	return lines, ok
}

// pullBases has the definition's images pulled and unpacked: looking at a file
// of one is what makes the daemon do so.
func pullBases(ctx context.Context, c gateway.Client, def *pb.Definition) error {
	for _, base := range imageSources(def) {
		res, err := c.Solve(ctx, gateway.SolveRequest{Definition: base.definition, Evaluate: true})
		if err != nil {
			return fmt.Errorf("pulling %s: %w", base.name, err)
		}
		ref, err := res.SingleRef()
		if err != nil || ref == nil {
			return err
		}
		if _, err := ref.StatFile(ctx, gateway.StatRequest{Path: "/"}); err != nil {
			return fmt.Errorf("unpacking %s: %w", base.name, err)
		}
	}
	return nil
}
