package large

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"strings"
)

// Walk reads every layer's headers and hashes the layer: the least that telling
// what is in an image takes.
func Walk(name string) (layers, entries int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	outer := tar.NewReader(bufio.NewReaderSize(f, 1<<20))
	for {
		h, err := outer.Next()
		if errors.Is(err, io.EOF) {
			return layers, entries, nil
		}
		if err != nil {
			return layers, entries, err
		}
		if !strings.HasSuffix(h.Name, "layer.tar") {
			continue
		}
		layers++
		n, err := walkLayer(outer)
		if entries += n; err != nil {
			return layers, entries, err
		}
	}
}

func walkLayer(layer io.Reader) (entries int, err error) {
	all := io.TeeReader(layer, sha256.New())
	inner := tar.NewReader(all)
	buffer := make([]byte, 256<<10)
	for {
		if _, err := inner.Next(); errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, all)
			return entries, err
		} else if err != nil {
			return entries, err
		}
		entries++
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{inner}, buffer); err != nil {
			return entries, err
		}
	}
}
