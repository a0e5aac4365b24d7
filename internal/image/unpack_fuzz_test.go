package image

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Whatever an archive says, nothing appears beside the layer's directory, and
// a broken archive is an error and no more.
func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, file{name: "a/b", body: "x"}, file{name: "a", kind: tar.TypeSymlink, link: ".."}, file{name: "a/c", body: "y"}))
	f.Add(archive(f, file{name: "../x", body: "x"}, file{name: "d/", kind: tar.TypeDir}, file{name: "h", kind: tar.TypeLink, link: "../x"}))
	f.Add(archive(f, file{name: "l", kind: tar.TypeSymlink, link: "/"}, file{name: "l/", kind: tar.TypeDir}, file{name: ".wh..wh..opq"}))
	f.Add([]byte("not an archive"))
	f.Fuzz(func(t *testing.T, data []byte) {
		top := t.TempDir()
		u, err := newUnpacker(filepath.Join(top, "layer"))
		if err != nil {
			t.Fatal(err)
		}
		defer u.close()
		var layer Layer
		err = walk(t.Context(), io.LimitReader(bytes.NewReader(data), 1<<20), &layer, func(_ Layer, h *tar.Header, r io.Reader) error {
			return u.entry(h, writerTo(func(w io.Writer) (int64, error) { return copyContent(w, io.LimitReader(r, 1<<20), u.buffer) }))
		})
		if err == nil {
			err = u.finish()
		}
		_ = err // either is fine
		entries, err := os.ReadDir(top)
		if err != nil || len(entries) != 1 {
			t.Errorf("beside the layer: %v, %v", entries, err)
		}
	})
}
