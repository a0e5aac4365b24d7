package inspect

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

const (
	tarType  = "application/vnd.oci.image.layer.v1.tar"
	gzipType = tarType + "+gzip"
	zstdType = tarType + "+zstd"
)

// blob is a layer as an OCI layout has it. What is empty is worked out.
type blob struct {
	content   []byte
	mediaType string
	digest    string // what the manifest says of the content
	diffID    string // what the config says of the archive inside
	missing   bool   // the layout does not have it
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func gzipped(t testing.TB, archive []byte) blob {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(archive); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return blob{content: b.Bytes(), mediaType: gzipType, diffID: digestOf(archive)}
}

func zstdCompressed(t testing.TB, archive []byte) blob {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return blob{content: w.EncodeAll(archive, nil), mediaType: zstdType, diffID: digestOf(archive)}
}

// layoutOf writes a folder with an OCI layout.
func layoutOf(t testing.TB, layers ...blob) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name string, content []byte) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	keep := func(content []byte) map[string]any {
		digest := digestOf(content)
		put("blobs/sha256/"+digest[len("sha256:"):], content)
		return map[string]any{"digest": digest, "size": len(content)}
	}
	var descriptors []any
	var diffs []string
	for _, l := range layers {
		if l.mediaType == "" {
			l.mediaType = tarType
		}
		if l.digest == "" {
			l.digest = digestOf(l.content)
		}
		if l.diffID == "" {
			l.diffID = digestOf(l.content)
		}
		if !l.missing {
			put("blobs/sha256/"+l.digest[len("sha256:"):], l.content)
		}
		descriptors = append(descriptors, map[string]any{"mediaType": l.mediaType, "digest": l.digest, "size": len(l.content)})
		diffs = append(diffs, l.diffID)
	}
	config := keep(asJSON(t, map[string]any{"os": "linux", "architecture": "amd64", "rootfs": map[string]any{"type": "layers", "diff_ids": diffs}}))
	config["mediaType"] = "application/vnd.oci.image.config.v1+json"
	const manifestType = "application/vnd.oci.image.manifest.v1+json"
	manifest := keep(asJSON(t, map[string]any{"schemaVersion": 2, "mediaType": manifestType, "config": config, "layers": descriptors}))
	manifest["mediaType"] = manifestType
	put("index.json", asJSON(t, map[string]any{"schemaVersion": 2, "manifests": []any{manifest}}))
	put("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return dir
}

// digester is a SHA-256 in progress.
type digester struct{ hash.Hash }

func newDigest() digester { return digester{sha256.New()} }

func (d digester) String() string { return "sha256:" + hex.EncodeToString(d.Sum(nil)) }
