package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// A tag may be moved at any time, what a digest names never changes.
const tagLifetime = 24 * time.Hour

// tagRecord is what a registry said about a tag.
type tagRecord struct {
	Endpoint string    `json:"endpoint"`
	Digest   string    `json:"digest"` // empty: the tag does not exist
	At       time.Time `json:"at"`
}

// sizeRecord is what a digest amounts to on one platform.
type sizeRecord struct {
	Digest        string `json:"digest"`
	Platform      string `json:"platform"`
	TransferBytes int64  `json:"transfer_bytes"`
	Layers        int    `json:"layers"`
	// OnBuild is known when Config is set: the image's configuration was read.
	OnBuild string `json:"on_build,omitempty"`
	Config  bool   `json:"config,omitempty"`
}

// cache keeps records as small files. It never fails: what can't be read or
// written is as if it were not there, since the registry can be asked again.
type cache struct{ dir string }

func (c cache) tag(endpoint string) (tagRecord, bool) {
	var r tagRecord
	ok := c.read("tag", endpoint, &r)
	return r, ok && r.Endpoint == endpoint
}

func (c cache) size(digest, platform string) (sizeRecord, bool) {
	var r sizeRecord
	ok := c.read("size", digest+" "+platform, &r)
	return r, ok && r.Digest == digest && r.Platform == platform && r.Layers > 0
}

func (c cache) putTag(r tagRecord)   { c.write("tag", r.Endpoint, r) }
func (c cache) putSize(r sizeRecord) { c.write("size", r.Digest+" "+r.Platform, r) }

func (r tagRecord) fresh(now time.Time) bool {
	age := now.Sub(r.At)
	return age >= 0 && age < tagLifetime
}

func (c cache) path(kind, key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.dir, "images", kind+"-"+hex.EncodeToString(sum[:16])+".json")
}

func (c cache) read(kind, key string, into any) bool {
	if c.dir == "" {
		return false
	}
	data, err := os.ReadFile(c.path(kind, key))
	return err == nil && json.Unmarshal(data, into) == nil
}

// write replaces the file in one step, so that another process never sees half of it.
func (c cache) write(kind, key string, record any) {
	if c.dir == "" {
		return
	}
	path := c.path(kind, key)
	data, err := json.Marshal(record)
	if err != nil || os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if closeErr := f.Close(); err != nil || closeErr != nil || os.Rename(f.Name(), path) != nil {
		_ = os.Remove(f.Name())
	}
}
