package image

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
)

// Finder looks for byte strings that it knows in a stream. It is used by
// several goroutines at once.
type Finder interface {
	// Find reads r to its end and returns which values occur in it, by index.
	Find(r io.Reader) ([]int, error)
}

// NewFinder returns a Finder for a handful of values. Empty values are never found.
func NewFinder(values [][]byte) Finder {
	f := &indexFinder{values: values}
	for _, v := range values {
		f.overlap = max(f.overlap, len(v)-1)
	}
	size := max(findChunk, 4*f.overlap)
	f.buffers.New = func() any { return &findBuffer{make([]byte, size)} }
	return f
}

const findChunk = 128 << 10

type findBuffer struct{ bytes []byte }

// indexFinder searches chunk by chunk. The end of each chunk is kept in front of
// the next one, so that what crosses the border is found as well.
type indexFinder struct {
	values  [][]byte
	overlap int // length of the longest value, less one
	buffers sync.Pool
}

func (f *indexFinder) Find(r io.Reader) ([]int, error) {
	pooled := f.buffers.Get().(*findBuffer)
	defer f.buffers.Put(pooled)
	buffer, kept := pooled.bytes, 0
	found := make([]bool, len(f.values))
	for {
		n, err := readFull(r, buffer[kept:])
		data := buffer[:kept+n]
		for i, v := range f.values {
			found[i] = found[i] || len(v) > 0 && bytes.Contains(data, v)
		}
		if errors.Is(err, io.EOF) {
			return indexes(found), nil
		}
		if err != nil {
			return nil, err
		}
		kept = copy(buffer, data[max(0, len(data)-f.overlap):])
	}
}

func indexes(found []bool) (out []int) {
	for i, yes := range found {
		if yes {
			out = append(out, i)
		}
	}
	return out
}

// FindValues looks for values everywhere in an image: in the layers, files
// deleted later included, in the config and in the history. What is packed or
// encoded inside of files (archives, .pyc with compression) is not opened.
func FindValues(ctx context.Context, ref string, values [][]byte, opts Options) ([]Place, error) {
	if !slices.ContainsFunc(values, func(v []byte) bool { return len(v) > 0 }) {
		return nil, nil
	}
	_, places, err := NewSearcher(opts, NewFinder(values)).Search(ctx, ref)
	return places, err
}
