package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/defaults"
	"github.com/containerd/containerd/v2/plugins/snapshots/native"
	"github.com/containerd/containerd/v2/plugins/snapshots/overlay"
	"github.com/moby/buildkit/client"
	bkconfig "github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/executor/oci"
	"github.com/moby/buildkit/frontend"
	dockerfile "github.com/moby/buildkit/frontend/dockerfile/builder"
	"github.com/moby/buildkit/frontend/gateway/forwarder"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/db/boltutil"
	"github.com/moby/buildkit/util/disk"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/moby/buildkit/util/network/netproviders"
	"github.com/moby/buildkit/version"
	"github.com/moby/buildkit/worker"
	"github.com/moby/buildkit/worker/base"
	"github.com/moby/buildkit/worker/runc"
	bolt "go.etcd.io/bbolt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
)

// daemon is BuildKit's server half, reachable over memory alone.
type daemon struct {
	root       string // of its state
	controller *control.Controller
	server     *grpc.Server
	listener   *bufconn.Listener
	executor   *watched
	caveat     string                // what containers can't be held to as they should
	layers     snapshots.Snapshotter // which the worker opens and does not close
	stop       context.CancelFunc
}

// startDaemon opens the state below the root and serves it.
func startDaemon(opts Options, h *host) (*daemon, error) {
	d := &daemon{root: opts.Root, listener: bufconn.Listen(1 << 20)}
	w, err := d.newWorker(opts, h)
	if err != nil {
		return nil, err
	}
	d.controller, err = d.newController(w)
	if err != nil {
		return nil, errors.Join(err, w.Close(), d.layers.Close())
	}
	d.server = grpc.NewServer(
		grpc.UnaryInterceptor(grpcerrors.UnaryServerInterceptor),
		grpc.StreamInterceptor(grpcerrors.StreamServerInterceptor),
		grpc.MaxRecvMsgSize(defaults.DefaultMaxRecvMsgSize),
		grpc.MaxSendMsgSize(defaults.DefaultMaxSendMsgSize),
	)
	d.controller.Register(d.server)
	go d.server.Serve(d.listener) //nolint:errcheck // ends when the server is stopped
	return d, nil
}

func (d *daemon) newWorker(opts Options, h *host) (*base.Worker, error) {
	root := opts.Root
	opt, err := runc.NewWorkerOpt(root, d.snapshotter(h.snapshotter), h.rootless, oci.ProcessSandbox, nil, nil,
		netproviders.Opt{Mode: "host"}, nil, h.runc, "", false, nil, "", "", nil)
	if err != nil {
		return nil, fmt.Errorf("opening the engine's state in %s: %w", root, err)
	}
	var wards *warden
	wards, d.caveat = newWarden(h, root, withDefaultLimits(opts.Limits))
	d.executor = watch(opt.Executor, h.runc, wards)
	opt.Executor = d.executor
	opt.RegistryHosts = registryHosts(opts)
	opt.GCPolicy = gcPolicy(root)
	opt.BuildkitVersion = client.BuildkitVersion{Package: version.Package, Version: version.Version, Revision: version.Revision}
	w, err := base.NewWorker(context.Background(), opt)
	if err != nil {
		return nil, fmt.Errorf("starting the engine's worker: %w", err)
	}
	return w, nil
}

func (d *daemon) snapshotter(name string) runc.SnapshotterFactory {
	return runc.SnapshotterFactory{Name: name, New: func(root string) (_ snapshots.Snapshotter, err error) {
		if name == "native" {
			d.layers, err = native.NewSnapshotter(root)
		} else {
			d.layers, err = overlay.NewSnapshotter(root, overlay.AsynchronousRemove)
		}
		return d.layers, err
	}}
}

// gcPolicy is BuildKit's own default, which bounds the state by the size of the disk.
func gcPolicy(root string) []client.PruneInfo {
	stat, _ := disk.GetDiskStat(root) // unknown sizes leave fixed bounds
	var out []client.PruneInfo
	for _, rule := range bkconfig.DefaultGCPolicy(bkconfig.GCConfig{}, stat) {
		out = append(out, client.PruneInfo{
			Filter:        rule.Filters,
			All:           rule.All,
			KeepDuration:  rule.KeepDuration.Duration,
			ReservedSpace: rule.ReservedSpace.AsBytes(stat),
			MaxUsedSpace:  rule.MaxUsedSpace.AsBytes(stat),
			MinFreeSpace:  rule.MinFreeSpace.AsBytes(stat),
		})
	}
	return out
}

func (d *daemon) newController(w *base.Worker) (*control.Controller, error) {
	sessions, err := session.NewManager()
	if err != nil {
		return nil, err
	}
	workers := &worker.Controller{}
	if err := workers.Add(w); err != nil {
		return nil, err
	}
	cache, err := bboltcachestorage.NewStore(filepath.Join(d.root, "cache.db"))
	if err != nil {
		return nil, fmt.Errorf("opening the engine's cache: %w", err)
	}
	history, err := boltutil.SafeOpen(filepath.Join(d.root, "history.db"), 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the engine's history: %w", err), cache.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	return control.NewController(control.Opt{
		SessionManager:   sessions,
		WorkerController: workers,
		Frontends:        map[string]frontend.Frontend{"dockerfile.v0": forwarder.NewGatewayForwarder(workers.Infos(), dockerfile.Build)},
		CacheManager:     solver.NewCacheManager(ctx, "local", cache, worker.NewCacheResultStorage(workers)),
		HistoryDB:        history,
		HistoryConfig:    shortHistory(),
		CacheStore:       cache,
		LeaseManager:     w.LeaseManager(),
		ContentStore:     w.ContentStore(),
		GarbageCollect:   w.GarbageCollect,
		GracefulStop:     ctx.Done(),
	})
}

// shortHistory keeps few records: nobody lists this engine's builds.
func shortHistory() *bkconfig.HistoryConfig {
	entries := int64(8)
	return &bkconfig.HistoryConfig{MaxAge: bkconfig.Duration{Duration: time.Hour}, MaxEntries: &entries}
}

func (d *daemon) dial(ctx context.Context) (*client.Client, error) {
	return client.New(ctx, "passthrough:///embedded", client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return d.listener.DialContext(ctx)
	}))
}

// drainLimit bounds how long closing waits for processes that were told to end.
const drainLimit = 10 * time.Second

func (d *daemon) close() error {
	var err error
	if !d.executor.drain(drainLimit) {
		err = fmt.Errorf("a container did not end within %v: it is removed at the engine's next start", drainLimit)
	}
	d.stop()
	d.server.Stop()
	return errors.Join(err, d.executor.warden.fault(), settle(d.root), d.controller.Close(), d.layers.Close())
}
