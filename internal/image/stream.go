package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
)

// maxDescriptions bounds what is kept in memory of an archive that is read from start to end.
const maxDescriptions = 64 << 20

// stream is an image archive that can only be read from start to end. What its
// files are is known when the last one was read: layers are read as they come.
type stream struct {
	small  map[string][]byte // what is no layer
	layers map[string]Layer
	links  map[string]string
	kept   int64
}

func walkStream(ctx context.Context, place string, r io.Reader, opts Options, reader Reader) (*Contents, error) {
	s := stream{small: map[string][]byte{}, layers: map[string]Layer{}, links: map[string]string{}}
	contents, err := s.read(ctx, place, r, opts, reader)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", place, err)
	}
	return contents, nil
}

func (s *stream) read(ctx context.Context, place string, r io.Reader, opts Options, reader Reader) (*Contents, error) {
	entries := tar.NewReader(r)
	for n := 0; ; n++ {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && n == 0 {
			return nil, fmt.Errorf("%w: it is no tar archive, or a damaged one", err)
		}
		if err != nil {
			return nil, fmt.Errorf("the archive: %w", err)
		}
		if n >= maxArchiveFiles {
			return nil, fmt.Errorf("more than %d files", maxArchiveFiles)
		}
		if err := s.entry(ctx, header, entries, reader); err != nil {
			return nil, fmt.Errorf("%s: %w", printable(header.Name), err)
		}
	}
	src := &source{name: place}
	if err := src.describeStore(s, opts); err != nil {
		return nil, err
	}
	contents, err := s.match(src)
	if err == nil {
		reader.described(contents.Layers)
	}
	return contents, err
}

func (s *stream) entry(ctx context.Context, header *tar.Header, r io.Reader, reader Reader) error {
	name := clean(header.Name)
	switch header.Typeflag {
	case tar.TypeSymlink:
		s.links[name] = clean(path.Join(path.Dir(name), header.Linkname))
	case tar.TypeLink:
		s.links[name] = clean(header.Linkname)
	case tar.TypeReg:
		buffered := bufio.NewReaderSize(r, 64<<10)
		start, err := buffered.Peek(512)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if isLayerStart(start) {
			return s.layer(ctx, name, header.Size, buffered, reader)
		}
		return s.keep(name, header.Size, buffered)
	}
	return nil
}

// isLayerStart tells layers from descriptions, which are JSON or plain text.
func isLayerStart(start []byte) bool {
	return isTarHeader(start) || bytes.HasPrefix(start, []byte{0x1f, 0x8b}) || bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}) ||
		len(start) == 512 && bytes.Count(start, []byte{0}) == 512 // an archive without files
}

func (s *stream) layer(ctx context.Context, name string, size int64, r io.Reader, reader Reader) error {
	layer := Layer{Size: size}
	visitor := reader.Start(Layer{})
	visit := func(_ Layer, header *tar.Header, content io.Reader) error { return visitor.Entry(header, content) }
	if err := readBlob(ctx, r, &layer, visit, func() {}); err != nil {
		return err
	}
	if len(s.layers) >= maxImageLayers {
		return fmt.Errorf("an image with more than %d layers is not read", maxImageLayers)
	}
	visitor.Done(layer)
	s.layers[name] = layer
	return nil
}

func (s *stream) keep(name string, size int64, r io.Reader) error {
	if s.kept += size; size > maxConfig || s.kept > maxDescriptions {
		return fmt.Errorf("descriptions of more than %d bytes are not read", maxConfig)
	}
	text, err := io.ReadAll(r)
	s.small[name] = text
	return err
}

// match gives the layers that were read the places that the image has for them.
func (s *stream) match(src *source) (*Contents, error) {
	byDigest := map[string]Layer{}
	for _, layer := range s.layers {
		byDigest[layer.DiffID] = layer
	}
	for i := range src.layers {
		read, ok := byDigest[src.layers[i].DiffID]
		if !ok {
			return nil, fmt.Errorf("layer %d of %d: no archive has the digest %s that the config says", i+1, len(src.layers), src.layers[i].DiffID)
		}
		read.Digest, read.MediaType, read.CreatedBy = src.layers[i].Digest, src.layers[i].MediaType, src.layers[i].CreatedBy
		if src.layers[i].Size > 0 {
			read.Size = src.layers[i].Size
		}
		src.layers[i] = read
	}
	return src.contents(), nil
}

// open makes what was kept a store, in which layers have a size and no content.
func (s *stream) open(name string) (io.ReadCloser, int64, error) {
	for range maxLinks {
		if text, ok := s.small[name]; ok {
			return io.NopCloser(bytes.NewReader(text)), int64(len(text)), nil
		}
		if layer, ok := s.layers[name]; ok {
			return io.NopCloser(bytes.NewReader(nil)), layer.Size, nil
		}
		link, ok := s.links[name]
		if !ok {
			break
		}
		name = link
	}
	return nil, 0, fmt.Errorf("%s: %w", printable(name), fs.ErrNotExist)
}
