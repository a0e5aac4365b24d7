package image

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Pulled is an image that was fetched and unpacked.
type Pulled struct {
	Contents
	// Seconds is the time from the first request to the last file written.
	Seconds float64
	// Skipped counts entries that were not written: device nodes, and links
	// and paths that lead out of the layer.
	Skipped int
}

// Pull fetches an image and unpacks every layer into a directory of its own
// below dir ("0", "1", …), as the overlay storage of a container engine does:
// up to three layers at once, digests verified, files written with mode, time
// and, for root, owner. It is meant for measuring; visit may be nil, and the
// time it takes counts.
//
// dir is closed to other users, set-user-id marks are left out, and nothing is
// written outside of it, whatever the archives say. What it holds comes from
// the image: links in it may point anywhere, so it is to be read through
// os.Root and removed with os.RemoveAll.
func Pull(ctx context.Context, ref, dir string, opts Options, visit Visitor) (*Pulled, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("pulling %s: %w", ref, err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("pulling %s: %w", ref, err)
	}
	start := time.Now()
	src, err := open(ctx, ref, opts)
	if err != nil {
		return nil, err
	}
	skipped := make([]int, len(src.layers))
	err = src.eachLayer(ctx, func(ctx context.Context, i int) (err error) {
		skipped[i], err = src.unpackLayer(ctx, i, filepath.Join(dir, strconv.Itoa(i)), visit)
		return err
	})
	if err != nil {
		return nil, err
	}
	p := &Pulled{Contents: *src.contents(), Seconds: time.Since(start).Seconds()}
	for _, n := range skipped {
		p.Skipped += n
	}
	return p, nil
}

func (s *source) unpackLayer(ctx context.Context, i int, dir string, visit Visitor) (skipped int, err error) {
	u, err := newUnpacker(dir)
	if err != nil {
		return 0, err
	}
	defer u.close()
	err = s.readLayer(ctx, i, func(layer Layer, header *tar.Header, content io.Reader) error {
		return u.entry(header, writerTo(func(w io.Writer) (int64, error) {
			if visit == nil {
				return copyContent(w, content, u.buffer)
			}
			return show(visit, layer, header, content, w, u.buffer)
		}))
	})
	if err != nil {
		return 0, err
	}
	return u.skipped, u.finish()
}

// show gives the content to visit and writes all of it to w as well, what
// visit left unread included.
func show(visit Visitor, layer Layer, header *tar.Header, content io.Reader, w io.Writer, buffer []byte) (int64, error) {
	written := &counting{w: w}
	if err := visit(layer, header, io.TeeReader(content, written)); err != nil {
		return written.n, err
	}
	_, err := copyContent(written, content, buffer)
	return written.n, err
}

// copyContent copies through the buffer, whatever other ways the two offer.
func copyContent(w io.Writer, r io.Reader, buffer []byte) (int64, error) {
	return io.CopyBuffer(onlyWriter{w}, onlyReader{r}, buffer)
}

// onlyReader hides other methods, so that the buffer given to a copy is used.
type onlyReader struct{ io.Reader }

type writerTo func(io.Writer) (int64, error)

func (f writerTo) WriteTo(w io.Writer) (int64, error) { return f(w) }

type counting struct {
	w io.Writer
	n int64
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
