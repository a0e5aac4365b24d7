// Package server serves the stand-ins: a registry with the images, read-only
// under library/, and a package index for the builds that use them.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/plimsoll/plimsoll/testbase/bases"
	"github.com/plimsoll/plimsoll/testbase/cache"
	"github.com/plimsoll/plimsoll/testbase/pyindex"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// DefaultAddr is where people and the demo expect the stand-ins.
const DefaultAddr = "127.0.0.1:5005"

// Options say where to serve and where to keep what was built.
type Options struct {
	Addr string    // host:port, DefaultAddr if empty; port 0 picks a free one
	Dir  string    // cache.DefaultDir() if empty
	Log  io.Writer // progress, one line a step with the time; none if nil
}

// Built is everything that can be served.
type Built struct {
	Catalog *bases.Catalog
	Index   *pyindex.Index
	Recipe  string // hash of all recipes
}

// Build makes what is missing and returns what there is. From nothing it takes
// some minutes and needs root, mmdebstrap and Debian's mirror; later, nothing.
func Build(ctx context.Context, opts Options) (*Built, error) {
	store, builder, err := builder(opts)
	if err != nil {
		return nil, err
	}
	built := &Built{Recipe: recipeOf(builder)}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		built.Catalog, err = builder.Images(ctx)
		return err
	})
	group.Go(func() (err error) {
		built.Index, err = pyindex.Ensure(ctx, store)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return built, nil
}

func builder(opts Options) (*cache.Store, *bases.Builder, error) {
	if opts.Dir == "" {
		var err error
		if opts.Dir, err = cache.DefaultDir(); err != nil {
			return nil, nil, err
		}
	}
	ca, err := bases.ReadHostCA("/")
	if err != nil {
		return nil, nil, err
	}
	store := &cache.Store{Dir: opts.Dir, Logf: progress(opts.Log)}
	return store, &bases.Builder{Store: store, CA: ca}, nil
}

func recipeOf(b *bases.Builder) string { return recipe.Key(b.Key(), pyindex.Key())[:16] }

// progress writes lines with the time since the start, one at a time.
func progress(w io.Writer) func(string, ...any) {
	if w == nil {
		w = io.Discard
	}
	start := time.Now()
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, "testbase %6.1f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}
}

// Server is a running testbase.
type Server struct {
	*Built
	Addr string // host:port as it is reached
	http *http.Server
	work string // pushed blobs
	done chan error
	end  func() error // ends everything, once; later callers wait for it
}

// ErrServing is returned when another testbase with the same recipe answers on the address.
var ErrServing = errors.New("a testbase serves there already")

// Serve builds what is missing and serves it until Close or the end of ctx.
func Serve(ctx context.Context, opts Options) (*Server, error) {
	if opts.Addr == "" {
		opts.Addr = DefaultAddr
	}
	if err := findOther(ctx, opts); err != nil {
		return nil, err
	}
	built, err := Build(ctx, opts)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", opts.Addr)
	if err != nil {
		if other := findOther(ctx, opts); other != nil {
			return nil, other
		}
		return nil, fmt.Errorf("serving on %s: %w", opts.Addr, err)
	}
	s := &Server{Built: built, Addr: listener.Addr().String(), done: make(chan error, 1)}
	if err := s.start(listener); err != nil {
		listener.Close()
		return nil, err
	}
	context.AfterFunc(ctx, func() { s.Close() })
	return s, nil
}

func (s *Server) start(listener net.Listener) error {
	var err error
	if s.work, err = os.MkdirTemp("", "plimsoll-testbase-"); err != nil {
		return fmt.Errorf("making a folder for pushed blobs: %w", err)
	}
	handler, err := s.handler()
	if err != nil {
		return errors.Join(err, os.RemoveAll(s.work))
	}
	s.http = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	s.end = sync.OnceValue(func() error { return errors.Join(s.http.Close(), os.RemoveAll(s.work)) })
	go func() { s.done <- s.http.Serve(listener) }()
	return nil
}

// Wait returns when the server has ended and nothing is left of it.
func (s *Server) Wait() error {
	err := <-s.done
	s.done <- err
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, s.Close())
}

// Close ends the server and removes what was pushed to it.
func (s *Server) Close() error { return s.end() }

// health is what /healthz answers.
type health struct {
	Service string `json:"service"`
	Recipe  string `json:"recipe"`
}

const serviceName = "plimsoll-testbase"

func (s *Server) handler() (http.Handler, error) {
	registry, err := newRegistry(s.Catalog, s.Addr, s.work)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/v2/", registry)
	mux.Handle("/simple/", s.Index)
	mux.Handle("/files/", s.Index)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		// The only failure is a client that went away.
		_ = json.NewEncoder(w).Encode(health{serviceName, s.Recipe})
	})
	return mux, nil
}

// findOther returns ErrServing when a testbase answers on the address, and
// another error when it was built from other recipes.
func findOther(ctx context.Context, opts Options) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+opts.Addr+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("the address %q: %w", opts.Addr, err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return nil // nobody there
	}
	defer resp.Body.Close()
	var other health
	if json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&other) != nil || other.Service != serviceName {
		return fmt.Errorf("%s is taken by something else: name another address with --addr", opts.Addr)
	}
	_, b, err := builder(opts)
	if err != nil {
		return err
	}
	if other.Recipe != recipeOf(b) {
		return fmt.Errorf("a testbase made from other recipes serves on %s: end it first", opts.Addr)
	}
	return fmt.Errorf("%s: %w", opts.Addr, ErrServing)
}
