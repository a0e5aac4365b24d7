package image

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// maxManifest is the size that the distribution specification asks registries to take at least.
const maxManifest = 4 << 20

var sha256Digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// blobPath is where a blob lies. Anything but a digest gives an error, so that
// no request chooses a path.
func (s *blobStore) blobPath(digest string) (string, error) {
	if !sha256Digest.MatchString(digest) {
		return "", apiErrorf(http.StatusBadRequest, "DIGEST_INVALID", "%q is not a sha256 digest", digest)
	}
	return filepath.Join(s.dir, "blobs", strings.TrimPrefix(digest, "sha256:")), nil
}

func (s *blobStore) hasBlob(digest string) bool {
	path, err := s.blobPath(digest)
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return err == nil
}

func (s *blobStore) openBlob(digest string) (*os.File, error) {
	path, err := s.blobPath(digest)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if isMissing(err) {
		return nil, apiErrorf(http.StatusNotFound, "BLOB_UNKNOWN", "no blob %s", digest)
	}
	return f, err
}

// upload is a blob on its way in.
type upload struct {
	mu     sync.Mutex
	file   *os.File // nil once committed or discarded
	digest hash.Hash
	size   int64
}

func (s *blobStore) newUpload() (string, *upload, error) {
	id := rand.Text()
	f, err := os.OpenFile(filepath.Join(s.dir, "uploads", id), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("starting an upload: %w", err)
	}
	u := &upload{file: f, digest: sha256.New()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads[id] = u
	return id, u, nil
}

func (s *blobStore) upload(id string) (*upload, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.uploads[id]; ok {
		return u, nil
	}
	return nil, errUploadUnknown()
}

func errUploadUnknown() error {
	return apiErrorf(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "no such upload")
}

func (s *blobStore) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, id)
}

func (u *upload) written() int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.size
}

// append takes the next chunk; start is the offset it claims, or -1.
func (u *upload) append(chunk io.Reader, start int64) (int64, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.file == nil {
		return 0, errUploadUnknown()
	}
	if start >= 0 && start != u.size {
		return 0, apiErrorf(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "the next chunk begins at %d, not at %d", u.size, start)
	}
	buffer := make([]byte, 256<<10)
	n, err := io.CopyBuffer(onlyWriter{io.MultiWriter(u.file, u.digest)}, chunk, buffer)
	u.size += n
	if err != nil {
		return u.size, fmt.Errorf("receiving a blob: %w", err)
	}
	return u.size, nil
}

// onlyWriter hides other methods, so that the buffer given to a copy is used.
type onlyWriter struct{ io.Writer }

// commit makes the upload a blob if it is what its digest says.
func (s *blobStore) commit(id string, u *upload, digest string) error {
	defer s.forget(id)
	path, err := s.blobPath(digest)
	if err != nil {
		u.discard()
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.file == nil {
		return errUploadUnknown()
	}
	from := u.file.Name()
	err = u.file.Close()
	u.file = nil
	if got := "sha256:" + hex.EncodeToString(u.digest.Sum(nil)); err == nil && got != digest {
		err = apiErrorf(http.StatusBadRequest, "DIGEST_INVALID", "what was received is %s, not %s", got, digest)
	}
	if err != nil {
		return errors.Join(err, os.Remove(from))
	}
	return os.Rename(from, path)
}

// discard deletes what was received so far.
func (u *upload) discard() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.file == nil {
		return
	}
	// The whole store is deleted in the end; nothing depends on this file.
	_ = u.file.Close()
	_ = os.Remove(u.file.Name())
	u.file = nil
}

// storeManifest keeps a manifest whose parts are all there.
func (s *blobStore) storeManifest(repository, reference string, m storedManifest) (string, error) {
	sum := sha256.Sum256(m.data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	byDigest := strings.Contains(reference, ":")
	if byDigest && reference != digest {
		return "", apiErrorf(http.StatusBadRequest, "DIGEST_INVALID", "the manifest is %s, not %s", digest, reference)
	}
	if err := s.checkParts(repository, m.data); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.manifests[repository+"@"+digest] = m
	if s.tags[repository] == nil {
		s.tags[repository] = map[string]string{}
	}
	if !byDigest {
		s.tags[repository][reference] = digest
	}
	return digest, nil
}

// checkParts makes sure that a push is complete, as real registries do.
func (s *blobStore) checkParts(repository string, manifest []byte) error {
	type descriptor struct {
		Digest string   `json:"digest"`
		URLs   []string `json:"urls"`
	}
	var m struct {
		Config    *descriptor  `json:"config"`
		Layers    []descriptor `json:"layers"`
		Manifests []descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return apiErrorf(http.StatusBadRequest, "MANIFEST_INVALID", "not a manifest: %v", err)
	}
	blobs := m.Layers
	if m.Config != nil {
		blobs = append(blobs, *m.Config)
	}
	for _, blob := range blobs {
		if len(blob.URLs) == 0 && !s.hasBlob(blob.Digest) {
			return apiErrorf(http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN", "no blob %s", blob.Digest)
		}
	}
	for _, child := range m.Manifests {
		if _, _, ok := s.manifest(repository, child.Digest); !ok {
			return apiErrorf(http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN", "no manifest %s", child.Digest)
		}
	}
	return nil
}

func (s *blobStore) manifest(repository, reference string) (digest string, m storedManifest, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	digest = reference
	if !strings.Contains(reference, ":") {
		digest = s.tags[repository][reference]
	}
	m, ok = s.manifests[repository+"@"+digest]
	return digest, m, ok
}

func (s *blobStore) tagsOf(repository string) ([]string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tags, ok := s.tags[repository]
	return slices.Sorted(maps.Keys(tags)), ok
}
