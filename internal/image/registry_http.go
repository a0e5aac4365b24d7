package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// apiError is an error in the form that the distribution specification gives it.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func apiErrorf(status int, code, format string, args ...any) error {
	return &apiError{status, code, fmt.Sprintf(format, args...)}
}

func writeError(w http.ResponseWriter, err error) {
	var known *apiError
	if !errors.As(err, &known) {
		known = &apiError{http.StatusInternalServerError, "UNKNOWN", err.Error()}
	}
	type diagnostic struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(known.status)
	// The client may have gone; there is nobody else to tell.
	_ = json.NewEncoder(w).Encode(map[string][]diagnostic{"errors": {{known.code, known.message}}})
}

// The last alternatives come first: a repository may have a part named "blobs".
var apiPath = regexp.MustCompile(`^/v2/(.+)/(blobs/uploads|blobs|manifests|tags)/([^/]*)$`)

// route hands a request to the operation that it asks for.
func route(s *blobStore, w http.ResponseWriter, req *http.Request) error {
	path := req.URL.Path
	if strings.HasSuffix(path, "/blobs/uploads") {
		path += "/"
	}
	m := apiPath.FindStringSubmatch(path)
	if m == nil || !repositoryPath.MatchString(m[1]) {
		return apiErrorf(http.StatusNotFound, "NAME_UNKNOWN", "no such path")
	}
	repository, object, id := m[1], m[2], m[3]
	switch operation := req.Method + " " + object; operation {
	case "GET blobs", "HEAD blobs":
		return s.serveBlob(w, req, id)
	case "POST blobs/uploads":
		return s.startUpload(w, req, repository)
	case "GET blobs/uploads":
		return s.uploadStatus(w, repository, id)
	case "PATCH blobs/uploads":
		return s.continueUpload(w, req, repository, id)
	case "PUT blobs/uploads":
		return s.finishUpload(w, req, repository, id)
	case "DELETE blobs/uploads":
		return s.cancelUpload(w, id)
	case "GET manifests", "HEAD manifests":
		return s.serveManifest(w, req, repository, id)
	case "PUT manifests":
		return s.putManifest(w, req, repository, id)
	case "GET tags":
		return s.listTags(w, repository)
	}
	return apiErrorf(http.StatusMethodNotAllowed, "UNSUPPORTED", "%s is not supported here", req.Method)
}

func (s *blobStore) serveBlob(w http.ResponseWriter, req *http.Request, digest string) error {
	f, err := s.openBlob(digest)
	if err != nil {
		return err
	}
	defer f.Close()
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, req, "", time.Time{}, f) // knows about ranges and HEAD
	return nil
}

func (s *blobStore) startUpload(w http.ResponseWriter, req *http.Request, repository string) error {
	if digest := req.URL.Query().Get("mount"); digest != "" && s.hasBlob(digest) {
		return created(w, repository, "blobs", digest)
	}
	id, u, err := s.newUpload()
	if err != nil {
		return err
	}
	if req.URL.Query().Get("digest") != "" { // all in one request
		return s.complete(w, req, repository, id, u)
	}
	return accepted(w, repository, id, 0)
}

func (s *blobStore) uploadStatus(w http.ResponseWriter, repository, id string) error {
	u, err := s.upload(id)
	if err != nil {
		return err
	}
	uploadHeaders(w, repository, id, u.written())
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *blobStore) continueUpload(w http.ResponseWriter, req *http.Request, repository, id string) error {
	u, err := s.upload(id)
	if err != nil {
		return err
	}
	size, err := u.append(req.Body, rangeStart(req))
	if err != nil {
		return err
	}
	return accepted(w, repository, id, size)
}

func (s *blobStore) finishUpload(w http.ResponseWriter, req *http.Request, repository, id string) error {
	u, err := s.upload(id)
	if err != nil {
		return err
	}
	return s.complete(w, req, repository, id, u)
}

// complete takes the last part of an upload, if any, and makes a blob of it.
func (s *blobStore) complete(w http.ResponseWriter, req *http.Request, repository, id string, u *upload) error {
	if _, err := u.append(req.Body, rangeStart(req)); err != nil {
		return err
	}
	digest := req.URL.Query().Get("digest")
	if err := s.commit(id, u, digest); err != nil {
		return err
	}
	return created(w, repository, "blobs", digest)
}

func (s *blobStore) cancelUpload(w http.ResponseWriter, id string) error {
	u, err := s.upload(id)
	if err != nil {
		return err
	}
	s.forget(id)
	u.discard()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *blobStore) listTags(w http.ResponseWriter, repository string) error {
	tags, ok := s.tagsOf(repository)
	if !ok {
		return apiErrorf(http.StatusNotFound, "NAME_UNKNOWN", "no repository %s", repository)
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]any{"name": repository, "tags": tags})
}

func (s *blobStore) serveManifest(w http.ResponseWriter, req *http.Request, repository, reference string) error {
	digest, m, ok := s.manifest(repository, reference)
	if !ok {
		return apiErrorf(http.StatusNotFound, "MANIFEST_UNKNOWN", "no manifest %s in %s", reference, repository)
	}
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Type", m.mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(m.data)))
	if req.Method == http.MethodGet {
		_, _ = w.Write(m.data) // fails only when the client has gone
	}
	return nil
}

func (s *blobStore) putManifest(w http.ResponseWriter, req *http.Request, repository, reference string) error {
	data, err := io.ReadAll(io.LimitReader(req.Body, maxManifest+1))
	if err != nil {
		return fmt.Errorf("receiving a manifest: %w", err)
	}
	if len(data) > maxManifest {
		return apiErrorf(http.StatusRequestEntityTooLarge, "MANIFEST_INVALID", "a manifest has at most %d bytes", maxManifest)
	}
	digest, err := s.storeManifest(repository, reference, storedManifest{req.Header.Get("Content-Type"), data})
	if err != nil {
		return err
	}
	return created(w, repository, "manifests", digest)
}

func created(w http.ResponseWriter, repository, object, digest string) error {
	w.Header().Set("Location", "/v2/"+repository+"/"+object+"/"+digest)
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
	return nil
}

func accepted(w http.ResponseWriter, repository, id string, size int64) error {
	uploadHeaders(w, repository, id, size)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func uploadHeaders(w http.ResponseWriter, repository, id string, size int64) {
	w.Header().Set("Location", "/v2/"+repository+"/blobs/uploads/"+id)
	w.Header().Set("Docker-Upload-UUID", id)
	w.Header().Set("Range", "0-"+strconv.FormatInt(max(0, size-1), 10))
}

// rangeStart is where a chunk says it begins, -1 if it does not say.
func rangeStart(req *http.Request) int64 {
	first, _, found := strings.Cut(req.Header.Get("Content-Range"), "-")
	if !found {
		return -1
	}
	start, err := strconv.ParseInt(strings.TrimPrefix(first, "bytes "), 10, 64)
	if err != nil || start < 0 {
		return -1
	}
	return start
}

func isMissing(err error) bool { return errors.Is(err, os.ErrNotExist) }
