package buildkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/tonistiigi/fsutil"
)

// helperLocal is the name under which the helper's tree is sent.
const helperLocal = "plimsoll-helper"

// image is what is needed to start containers from a build's result.
type image struct {
	engine     *Engine
	build      string
	key        string // of the context, so that only changes are sent again
	definition *pb.Definition
	config     ocispecs.ImageConfig
	locals     map[string]fsutil.FS

	mu      sync.Mutex
	session *imageSession
}

func newImage(e *Engine, req engine.BuildRequest, locals map[string]fsutil.FS, def *pb.Definition, config []byte) (*image, error) {
	var parsed ocispecs.Image
	if err := json.Unmarshal(config, &parsed); err != nil {
		return nil, fmt.Errorf("building %s: reading the image's config: %w", req.Name, err)
	}
	img := &image{engine: e, build: req.Name, key: req.ContextDir, config: parsed.Config, locals: maps.Clone(locals)}
	if def != nil {
		img.definition = cacheable(def)
	}
	helper, err := diskFile(helperName, e.opts.Helper)
	if err != nil {
		return nil, fmt.Errorf("reading the helper that runs inside containers: %w", err)
	}
	img.locals[helperLocal] = helper
	return img, nil
}

// imageSession is an open build session that holds an image's file system for containers.
type imageSession struct {
	gateway gateway.Client
	root    gateway.Reference
	helper  gateway.Reference
	cancel  context.CancelCauseFunc
	stop    chan struct{}
	stopped chan struct{}
	err     error // valid once stopped is closed
}

// errReleased ends a session that is no longer needed.
var errReleased = errors.New("released")

// open returns the image's session, opening it if need be.
func (img *image) open(ctx context.Context) (*imageSession, error) {
	img.mu.Lock()
	defer img.mu.Unlock()
	if s := img.session; s != nil && s.alive() {
		return s, nil
	}
	s, err := img.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("making the image of %s ready to run: %w", img.build, err)
	}
	img.session = s
	return s, nil
}

func (img *image) close() {
	img.mu.Lock()
	defer img.mu.Unlock()
	if img.session != nil {
		img.session.close()
		img.session = nil
	}
}

func (s *imageSession) alive() bool {
	select {
	case <-s.stopped:
		return false
	default:
		return true
	}
}

func (s *imageSession) close() {
	close(s.stop)
	select {
	case <-s.stopped:
	case <-time.After(5 * time.Second):
		s.cancel(errReleased)
		<-s.stopped
	}
}

// start opens a session and waits until the image's file system is there.
func (img *image) start(ctx context.Context) (*imageSession, error) {
	own, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	s := &imageSession{cancel: cancel, stop: make(chan struct{}), stopped: make(chan struct{})}
	again := &reruns{watched: produced(img.definition), ran: map[digest.Digest]string{}}
	statuses := make(chan *client.SolveStatus)
	go again.follow(statuses)

	ready := make(chan struct{})
	hold := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		if err := s.solve(ctx, c, img.definition); err != nil {
			return nil, err
		}
		close(ready)
		select {
		case <-s.stop:
		case <-ctx.Done():
		}
		return gateway.NewResult(), nil
	}
	go func() {
		defer close(s.stopped)
		opt := client.SolveOpt{LocalMounts: img.locals, SharedKey: img.key, Session: []session.Attachable{credentials{}}, FrontendAttrs: map[string]string{}, Internal: true}
		_, s.err = img.engine.client.Build(own, opt, product, hold, statuses)
	}()

	select {
	case <-ready:
	case <-s.stopped:
		return nil, s.err
	case <-ctx.Done():
		cancel(context.Cause(ctx))
		<-s.stopped
		return nil, context.Cause(ctx)
	}
	if name := again.any(img.definition); name != "" {
		s.close()
		return nil, fmt.Errorf("step %q had to run again: the build context changed since the image was built", name)
	}
	return s, nil
}

func (s *imageSession) solve(ctx context.Context, c gateway.Client, def *pb.Definition) error {
	helper, err := llb.Local(helperLocal, llb.SharedKeyHint(helperLocal), llb.WithCustomName("[internal] load helper")).Marshal(ctx)
	if err != nil {
		return err
	}
	s.gateway = c
	if s.helper, err = solveRef(ctx, c, helper.ToPB()); err != nil {
		return err
	}
	if s.helper == nil {
		return errors.New("the helper is empty")
	}
	if s.root, err = solveRef(ctx, c, def); err != nil {
		return err
	}
	if s.root == nil {
		return errors.New("the image holds no file at all")
	}
	return nil
}

func solveRef(ctx context.Context, c gateway.Client, def *pb.Definition) (gateway.Reference, error) {
	if def == nil {
		return nil, nil
	}
	res, err := c.Solve(ctx, gateway.SolveRequest{Definition: def, Evaluate: true})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

// reruns watches whether steps run that the cache should have answered.
type reruns struct {
	watched map[digest.Digest]bool

	mu   sync.Mutex
	ran  map[digest.Digest]string
	done map[digest.Digest]bool
}

func (r *reruns) follow(statuses <-chan *client.SolveStatus) {
	for status := range statuses {
		r.mu.Lock()
		for _, v := range status.Vertexes {
			if v.Completed == nil || !r.watched[v.Digest] {
				continue
			}
			if r.done == nil {
				r.done = map[digest.Digest]bool{}
			}
			r.done[v.Digest] = true
			if v.Cached {
				delete(r.ran, v.Digest)
			} else {
				r.ran[v.Digest] = v.Name
			}
		}
		r.mu.Unlock()
	}
}

// any names a step that ran. Progress arrives a little after the result, so the last step is waited for, but
// not for long: one that another session holds is never reported.
func (r *reruns) any(def *pb.Definition) string {
	last := lastProduced(def, r.watched)
	for deadline := time.Now().Add(200 * time.Millisecond); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		seen := r.done[last]
		r.mu.Unlock()
		if seen || last == "" {
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range r.ran {
		return name
	}
	return ""
}

// lastProduced is the last operation that makes something, in the definition's order.
func lastProduced(def *pb.Definition, watched map[digest.Digest]bool) digest.Digest {
	for i := len(def.GetDef()) - 1; i >= 0; i-- {
		if dgst := digest.FromBytes(def.Def[i]); watched[dgst] {
			return dgst
		}
	}
	return ""
}
