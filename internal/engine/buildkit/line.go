package buildkit

import (
	"context"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
)

// Line tells when the connection to a daemon ends. BuildKit's client does not: a session that only waits would wait for a
// daemon that was killed for ever.
type Line struct {
	mu    sync.Mutex
	ended chan struct{}
}

// NewLine returns a line for one client.
func NewLine() *Line { return &Line{ended: make(chan struct{})} }

const (
	// askAfter is how long a daemon may say nothing before it is asked whether it is there. One that is asked more often than
	// every five minutes, by gRPC's default, ends the connection.
	askAfter = 5*time.Minute + 30*time.Second
	// askLimit is how long it may take to answer that: one that was stopped, and a machine that is gone, never do.
	askLimit = 30 * time.Second
)

// Options have a client report to the line, and end it when the daemon has fallen silent.
func (l *Line) Options() []client.ClientOpt {
	return []client.ClientOpt{
		client.WithGRPCDialOption(grpc.WithStatsHandler(l)),
		client.WithGRPCDialOption(grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: askAfter, Timeout: askLimit})),
	}
}

// broken is closed when the connection that is there now ends. Without a line that never happens.
func (l *Line) broken() <-chan struct{} {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// HandleConn notes the end of a connection; a later one is another.
func (l *Line) HandleConn(_ context.Context, s stats.ConnStats) {
	if _, ok := s.(*stats.ConnEnd); !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.ended)
	l.ended = make(chan struct{})
}

// TagRPC, HandleRPC and TagConn are there for the interface alone.
func (l *Line) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (l *Line) HandleRPC(context.Context, stats.RPCStats)                         {}
func (l *Line) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
