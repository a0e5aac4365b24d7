package image

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Registry is a registry of images in this process, on a loopback port, for
// measuring what a push and a pull take. Blobs go straight to disk: a layer is
// never held in memory, however large.
type Registry struct {
	dir    string
	addr   string
	server *http.Server
	served chan struct{}

	mu    sync.RWMutex
	store *blobStore
	count int // of stores so far, so that each has a directory of its own
}

// StartRegistry serves an empty registry that keeps its blobs below dir. Close
// ends it and removes what it stored.
func StartRegistry(dir string) (*Registry, error) {
	r := &Registry{dir: dir, served: make(chan struct{})}
	if err := r.Reset(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a registry on loopback: %w", err), r.current().remove())
	}
	r.addr = listener.Addr().String()
	r.server = &http.Server{
		Handler:           r,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	go func() {
		defer close(r.served)
		_ = r.server.Serve(listener) // always ends with an error, once Close is called
	}()
	return r, nil
}

// Addr is the registry's host and port, as it is written before a repository's name.
func (r *Registry) Addr() string { return r.addr }

// Reset makes the registry empty again. Uploads under way are lost.
func (r *Registry) Reset() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count++
	fresh, err := newBlobStore(filepath.Join(r.dir, "store-"+strconv.Itoa(r.count)))
	if err != nil {
		return fmt.Errorf("preparing the registry's storage: %w", err)
	}
	old := r.store
	r.store = fresh
	if old == nil {
		return nil
	}
	return old.remove()
}

// Close ends the registry, requests under way included, and deletes what was
// pushed to it.
func (r *Registry) Close() error {
	err := r.server.Close()
	<-r.served
	return errors.Join(err, r.current().remove())
}

func (r *Registry) current() *blobStore {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.store
}

// ServeHTTP answers by the OCI distribution specification, the parts of it
// that pushing and pulling need.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if req.URL.Path == "/v2/" || req.URL.Path == "/v2" {
		return // 200 says that this is a registry and that nobody has to log in
	}
	if err := route(r.current(), w, req); err != nil {
		writeError(w, err)
	}
}

// blobStore keeps blobs and running uploads as files, and manifests in memory.
type blobStore struct {
	dir string

	mu        sync.Mutex
	uploads   map[string]*upload
	manifests map[string]storedManifest // by repository + "@" + digest
	tags      map[string]map[string]string
}

type storedManifest struct {
	mediaType string
	data      []byte
}

func newBlobStore(dir string) (*blobStore, error) {
	for _, sub := range []string{"blobs", "uploads"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	return &blobStore{
		dir:       dir,
		uploads:   map[string]*upload{},
		manifests: map[string]storedManifest{},
		tags:      map[string]map[string]string{},
	}, nil
}

func (s *blobStore) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, u := range s.uploads {
		u.discard()
		delete(s.uploads, id)
	}
	return os.RemoveAll(s.dir)
}
