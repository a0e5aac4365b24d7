package buildkit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/tonistiigi/fsutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// helperLocal is the name under which the helper's tree is sent.
const helperLocal = "plimsoll-helper"

// image is what is needed to start containers from a build's result.
type image struct {
	engine     *Engine
	build      string
	definition *pb.Definition
	config     ocispecs.ImageConfig
	helper     fsutil.FS
	secrets    map[string][]byte // for steps that have to run again

	mu      sync.Mutex
	session *imageSession
}

func newImage(e *Engine, req engine.BuildRequest, def *pb.Definition, config []byte) (*image, error) {
	var parsed ocispecs.Image
	if err := json.Unmarshal(config, &parsed); err != nil {
		return nil, fmt.Errorf("building %s: reading the image's config: %w", req.Name, err)
	}
	img := &image{engine: e, build: req.Name, config: parsed.Config, secrets: req.Secrets}
	if def != nil {
		img.definition = cacheable(def)
	}
	helper, err := diskFile(path.Base(agent.Path), e.opts.Helper)
	if err != nil {
		return nil, fmt.Errorf("reading the helper that runs inside containers: %w", err)
	}
	img.helper = helper
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
	ready := make(chan struct{})
	broken := img.engine.opts.Line.broken()
	hold := func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		if err := s.solve(ctx, c, img.definition, volumesOf(img.config)); err != nil {
			return nil, err
		}
		close(ready)
		select {
		case <-s.stop:
		case <-ctx.Done():
		case <-broken:
			return nil, status.Error(codes.Unavailable, "the connection ended")
		}
		return gateway.NewResult(), nil
	}
	go func() {
		defer close(s.stopped)
		opt := client.SolveOpt{
			LocalMounts:   map[string]fsutil.FS{helperLocal: img.helper},
			SharedKey:     helperLocal,
			Session:       img.engine.attachables(img.secrets),
			FrontendAttrs: map[string]string{},

			AllowedEntitlements: img.engine.entitlements(),
		}
		_, s.err = img.engine.client.Build(own, opt, product, hold, nil)
	}()

	select {
	case <-ready:
	case <-s.stopped:
		return nil, fmt.Errorf("%w (if its layers were removed from the engine's cache in between, build it again)", s.err)
	case <-ctx.Done():
		cancel(context.Cause(ctx))
		<-s.stopped
		return nil, context.Cause(ctx)
	}
	return s, nil
}

func (s *imageSession) solve(ctx context.Context, c gateway.Client, def *pb.Definition, volumes []string) error {
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
	if len(volumes) > 0 {
		s.root, err = withDirectories(ctx, c, s.root, volumes)
	}
	return err
}

// volumesOf are the directories that the image declares as volumes, in a fixed order.
func volumesOf(config ocispecs.ImageConfig) (dirs []string) {
	for dir := range config.Volumes {
		if dir = path.Clean(dir); path.IsAbs(dir) && dir != "/" {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// withDirectories makes those directories that are not there. A Docker Engine does so for volumes when a container starts,
// as root's and for others to read; BuildKit knows no volumes.
func withDirectories(ctx context.Context, c gateway.Client, root gateway.Reference, dirs []string) (gateway.Reference, error) {
	state, err := root.ToState()
	if err != nil {
		return nil, fmt.Errorf("making the image's volumes: %w", err)
	}
	for _, dir := range dirs {
		state = state.File(llb.Mkdir(dir, 0o755, llb.WithParents(true)), llb.WithCustomName("[internal] volume "+dir))
	}
	def, err := state.Marshal(ctx)
	if err != nil {
		return nil, fmt.Errorf("making the image's volumes: %w", err)
	}
	with, err := solveRef(ctx, c, def.ToPB())
	if err != nil {
		return nil, fmt.Errorf("making the image's volumes: %w", err)
	}
	return with, nil
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
