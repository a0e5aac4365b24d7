package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// readLayer streams layer i through visit and fills in its sizes. The digests
// of the blob and of the archive inside are verified.
func (s *source) readLayer(ctx context.Context, i int, visit Visitor) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	compressed, err := s.fetch(ctx, i)
	if err != nil {
		return err
	}
	defer compressed.Close()
	if err := readBlob(ctx, compressed, &s.layers[i], visit, cancel); err != nil {
		return err
	}
	if got := s.layers[i].DiffID; got != s.diffs[i].String() {
		return fmt.Errorf("the archive inside is %s, the config says %s", got, s.diffs[i])
	}
	return nil
}

// readBlob streams one blob through visit and fills in the layer's sizes and
// the digest of the archive inside. stop is called to make blob's Close return
// where a read is still under way.
func readBlob(ctx context.Context, blob io.Reader, layer *Layer, visit Visitor, stop func()) error {
	compressed := &countingReader{r: blob}
	buffered := bufio.NewReaderSize(compressed, 64<<10)
	archive, err := decompress(buffered)
	if err != nil {
		return err
	}
	defer archive.Close()
	digest := sha256.New()
	ahead := readAhead(&inflated{r: archive, from: compressed}, digest)
	defer func() {
		stop() // or Close may wait for a registry that has stalled
		ahead.Close()
	}()
	if err := walk(ctx, ahead, layer, visit); err != nil {
		return err
	}
	layer.Uncompressed = ahead.total
	layer.DiffID = "sha256:" + hex.EncodeToString(digest.Sum(nil))
	if _, err := io.Copy(io.Discard, buffered); err != nil { // to where the digest is checked
		return fmt.Errorf("reading the rest of the blob: %w", err)
	}
	return nil
}

// walk shows each entry of a tar archive to visit and reads to the very end.
func walk(ctx context.Context, archive io.Reader, layer *Layer, visit Visitor) error {
	consumed := &countingReader{r: archive}
	archive = consumed
	entries := tar.NewReader(archive)
	content := &contentReader{r: entries, consumed: consumed}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if layer.Entries++; layer.Entries > maxLayerEntries {
			return fmt.Errorf("more than %d files", maxLayerEntries)
		}
		layer.FileBytes += header.Size
		if isWhiteout(header.Name) {
			layer.Whiteouts++
		}
		if visit == nil {
			continue
		}
		if err := visit(*layer, header, content); err != nil {
			return fmt.Errorf("%s: %w", printable(header.Name), err)
		}
	}
	if _, err := io.Copy(io.Discard, archive); err != nil {
		return fmt.Errorf("reading the archive: %w", err)
	}
	return nil
}

// maxHoles is how much larger than the archive the files in it may be in all.
// The format can describe files of any size that are holes for the most part;
// no image builder writes such.
const maxHoles = 1 << 30

// contentReader reads the content of entries, but not endless holes.
type contentReader struct {
	r        io.Reader
	consumed *countingReader // of the archive
	produced int64
}

func (c *contentReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.produced += int64(n); c.produced > c.consumed.n+maxHoles {
		return n, fmt.Errorf("holes in files of more than %d bytes", maxHoles)
	}
	return n, err
}

// maxInflated is how much larger than the blob its archive may be, and maxRatio
// how many times as large it may be beyond that. DEFLATE makes at most 1032 bytes
// of one, zstd far more; layers that are no bombs have 2 to 10.
const maxInflated, maxRatio = 1 << 30, 200

// inflated reads what is decompressed from another reader, but no bomb.
type inflated struct {
	r    io.Reader
	from *countingReader
	n    int64
}

func (i *inflated) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if i.n += int64(n); i.n > maxInflated+maxRatio*i.from.n {
		return n, fmt.Errorf("%d bytes decompress to more than %d: it is made to take up space", i.from.n, i.n)
	}
	return n, err
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// isWhiteout tells whether a file stands for the deletion of another one.
func isWhiteout(name string) bool { return strings.HasPrefix(path.Base(name), ".wh.") }

// printable makes a name from an archive fit for an error message.
func printable(name string) string {
	if len(name) > 200 {
		name = name[:200] + "…"
	}
	return fmt.Sprintf("%q", name)
}

// How the two formats begin that layers are compressed with.
func gzipMagic() []byte { return []byte{0x1f, 0x8b} }
func zstdMagic() []byte { return []byte{0x28, 0xb5, 0x2f, 0xfd} }

func isCompressed(magic []byte) bool {
	return bytes.HasPrefix(magic, gzipMagic()) || bytes.HasPrefix(magic, zstdMagic())
}

// decompress tells by the first bytes how a blob is compressed, since media
// types are not always right.
func decompress(r *bufio.Reader) (io.ReadCloser, error) {
	magic, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(magic, gzipMagic()):
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		return z, nil
	case bytes.HasPrefix(magic, []byte("\xfd7zX")), bytes.HasPrefix(magic, []byte("BZh")):
		return nil, errors.New("it is compressed with xz or bzip2, which is not read: gzip and zstd are")
	case bytes.HasPrefix(magic, zstdMagic()):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// aheadReader reads in a goroutine of its own what is asked for next, so that
// decompressing and using one layer keep two cores busy.
type aheadReader struct {
	full  chan chunk
	empty chan []byte
	stop  chan struct{}
	now   chunk
	rest  []byte
	total int64 // bytes handed out
}

type chunk struct {
	data []byte
	err  error
}

const aheadChunks, aheadSize = 4, 64 << 10

// readAhead reads r, and hashes what it reads on the way.
func readAhead(r io.Reader, digest hash.Hash) *aheadReader {
	a := &aheadReader{full: make(chan chunk, aheadChunks), empty: make(chan []byte, aheadChunks), stop: make(chan struct{})}
	for range aheadChunks {
		a.empty <- make([]byte, aheadSize)
	}
	go a.fill(r, digest)
	return a
}

func (a *aheadReader) fill(r io.Reader, digest hash.Hash) {
	defer close(a.full)
	var total int64
	for {
		var buffer []byte
		select {
		case buffer = <-a.empty:
		case <-a.stop:
			return
		}
		n, err := readFull(r, buffer)
		digest.Write(buffer[:n])
		if total += int64(n); total > maxLayerBytes {
			err = fmt.Errorf("larger than %d bytes when decompressed", int64(maxLayerBytes))
		}
		a.full <- chunk{buffer[:n], err} // there are no more chunks than places
		if err != nil {
			return
		}
	}
}

// readFull fills the buffer as far as it can. Unlike io.ReadFull it keeps a
// stream's regular end apart from one that was cut off.
func readFull(r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var m int
		m, err = r.Read(buffer[n:])
		n += m
	}
	return n, err
}

func (a *aheadReader) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.data != nil {
			a.empty <- a.now.data[:aheadSize]
		}
		a.now = <-a.full
		a.rest = a.now.data
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	a.total += int64(n)
	return n, nil
}

// Close ends the goroutine, and waits for it: it must not use the readers
// below once they are closed.
func (a *aheadReader) Close() {
	close(a.stop)
	for range a.full {
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
