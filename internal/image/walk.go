package image

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Reader takes an image's layers, each with a visitor of its own.
type Reader struct {
	// Known tells that the layer with this digest of its uncompressed archive
	// need not be read again. It may be nil. Sources that can only be read from
	// start to end, compressed archives and engines, do not ask.
	Known func(diffID string) bool
	// Described is called with the layers when their order is known: before any is
	// read or, in a source read from start to end, after the last. It may be nil.
	Described func(layers []Layer)
	// Start is called for each layer that is read, by several goroutines, with what is
	// known of it: in a source read from start to end nothing.
	Start func(layer Layer) LayerVisitor
}

// LayerVisitor is shown one layer.
type LayerVisitor interface {
	// Entry is shown each entry in the order of the archive. What it does not
	// read of the content is skipped. An error ends the reading.
	Entry(header *tar.Header, content io.Reader) error
	// Done is called once after the last entry, when the digests were verified
	// or, in a source read from start to end, computed.
	Done(layer Layer)
}

// Walk reads the image at a place, each layer once, without unpacking it:
//
//   - a folder with an OCI layout;
//   - a docker-archive or OCI layout in one tar file, also gzip or zstd compressed;
//   - a folder as skopeo's "dir:" and podman's docker-dir write it;
//   - "docker:NAME", "podman:NAME" or "containerd:NAME": an engine, over its socket;
//   - anything else: a reference, asked of its registry.
//
// Layers that Known says yes to have no sizes but the compressed one.
func Walk(ctx context.Context, place string, opts Options, reader Reader) (*Contents, error) {
	if engine, ok, err := opts.enginePlace(place); err != nil {
		return nil, err
	} else if ok {
		return walkEngine(ctx, engine, opts, reader)
	}
	if name, ok := strings.CutPrefix(place, "containerd:"); ok {
		return walkContainerd(ctx, name, opts, reader)
	}
	info, err := os.Stat(place)
	switch {
	case err == nil && info.IsDir():
		return walkStore(ctx, place, folderStore{place}, opts, reader)
	case err == nil && info.Mode().IsRegular():
		return walkFile(ctx, place, opts, reader)
	case looksLikePath(place):
		if err == nil {
			err = fmt.Errorf("%s is neither a file nor a folder", place)
		}
		return nil, fmt.Errorf("reading the image: %w", err)
	}
	src, err := open(ctx, place, opts)
	if err != nil {
		return nil, err
	}
	if err := opts.fits(src.config); err != nil {
		return nil, src.explain(err)
	}
	return src.walk(ctx, reader)
}

// looksLikePath tells paths from references, none of which starts or ends so.
func looksLikePath(place string) bool {
	for _, prefix := range []string{"/", "./", "../"} {
		if strings.HasPrefix(place, prefix) {
			return true
		}
	}
	for _, suffix := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst"} {
		if strings.HasSuffix(place, suffix) {
			return true
		}
	}
	return place == "." || place == ".."
}

// alsoReference says of a file or folder that its name stands for an image in a registry, too.
func alsoReference(place string) string {
	ref, err := ParseReference(place)
	if err != nil || looksLikePath(place) {
		return ""
	}
	return fmt.Sprintf("; the image in a registry is %s", ref)
}

func (r Reader) described(layers []Layer) {
	if r.Described != nil {
		r.Described(slices.Clone(layers))
	}
}

func (s *source) walk(ctx context.Context, reader Reader) (*Contents, error) {
	reader.described(s.layers)
	err := s.eachLayer(ctx, func(ctx context.Context, i int) error {
		if reader.Known != nil && reader.Known(s.layers[i].DiffID) {
			return nil
		}
		visitor := reader.Start(s.layers[i])
		err := s.readLayer(ctx, i, func(_ Layer, header *tar.Header, content io.Reader) error {
			return visitor.Entry(header, content)
		})
		if err == nil {
			visitor.Done(s.layers[i])
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.contents(), nil
}
