package image

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/plimsoll/plimsoll/internal/registry"
	"golang.org/x/sync/errgroup"
)

// Bounds on what a registry may make this process do. They are far above
// what images have.
const (
	maxConfig       = 32 << 20
	maxImageLayers  = 1000
	maxLayerBytes   = 128 << 30 // uncompressed
	maxLayerEntries = 10_000_000
)

// layersAtOnce is how many layers are fetched at the same time, as Docker does.
const layersAtOnce = 3

// Contents is an image that was read to its last byte.
type Contents struct {
	Reference string
	Digest    string // of the manifest for this platform
	Layers    []Layer
	// TransferBytes and UncompressedBytes are the sums over the layers.
	TransferBytes     int64
	UncompressedBytes int64
	Config            Config
}

// Layer is one layer of an image.
type Layer struct {
	Digest    string // of the compressed blob
	DiffID    string // digest of the uncompressed archive, as the config has it
	MediaType string
	// Size is the compressed size: what a pull transfers.
	Size int64
	// Uncompressed is the size of the tar archive: contents, headers and padding.
	Uncompressed int64
	// FileBytes is the sum of the files' contents alone.
	FileBytes int64
	Entries   int
	// Whiteouts counts the marks that delete what lower layers hold.
	Whiteouts int
	// CreatedBy is the instruction that made the layer, from the image's history.
	CreatedBy string
}

// Config is what an image says about how it is run. Its fields are those of
// the OCI image specification.
type Config struct {
	Raw          []byte
	OS           string
	Architecture string
	Variant      string // of the architecture: "v7"; mostly ""
	User         string
	Env          []string
	Entrypoint   []string
	Cmd          []string
	WorkingDir   string
	Labels       map[string]string
	ExposedPorts []string
	StopSignal   string
	// Healthcheck is the test's command with its first word, "CMD" or "CMD-SHELL"; nil without one.
	Healthcheck []string
	History     []History
	Created     time.Time // zero where the image does not say
}

// History is one step of an image's making.
type History struct {
	CreatedBy  string
	Comment    string
	EmptyLayer bool
}

// Visitor is shown each entry of a layer in the order of the archive. It is
// called from several goroutines, one a layer. What it does not read of the
// content is skipped. An error ends the reading.
type Visitor func(layer Layer, header *tar.Header, content io.Reader) error

// Scan reads every layer of an image once, without unpacking it, and shows
// each entry to visit, which may be nil. Files that later layers delete or
// replace are shown too. All digests are verified.
func Scan(ctx context.Context, ref string, opts Options, visit Visitor) (*Contents, error) {
	src, err := open(ctx, ref, opts)
	if err != nil {
		return nil, err
	}
	err = src.eachLayer(ctx, func(ctx context.Context, i int) error {
		return src.readLayer(ctx, i, visit)
	})
	if err != nil {
		return nil, err
	}
	return src.contents(), nil
}

// source is an image about to be read.
type source struct {
	name   string // what was asked for, normalised
	digest v1.Hash
	layers []Layer // filled in while they are read, each by one goroutine
	diffs  []v1.Hash
	config Config
	// fetch opens the blob of layer i and verifies its digest.
	fetch     func(ctx context.Context, i int) (io.ReadCloser, error)
	otherwise string // what else may be meant by the place, for messages
	// explain says what went wrong with the image and what can be done about it.
	explain func(error) error
	// atOnce is how many layers are read at the same time.
	atOnce int
}

// reach is where an image is asked for, and how, with the patience that its layers want.
func (o Options) reach(ctx context.Context, ref string) (r Reference, at name.Reference, how []remote.Option, err error) {
	if r, err = ParseReference(ref); err != nil {
		return r, nil, nil, err
	}
	if at, err = o.endpoint(r); err != nil {
		return r, nil, nil, err
	}
	how, err = o.remote(ctx, registry.Long())
	return r, at, how, err
}

// open reads an image's manifest and config.
func open(ctx context.Context, ref string, opts Options) (*source, error) {
	r, at, remoteOpts, err := opts.reach(ctx, ref)
	if err != nil {
		return nil, err
	}
	puller, err := remote.NewPuller(remoteOpts...) // shares the authentication
	if err != nil {
		return nil, fmt.Errorf("setting up the registry client: %w", err)
	}
	src := &source{name: r.String(), atOnce: layersAtOnce, explain: func(err error) error { return opts.explain(ctx, r, at, err) }}
	src.fetch = func(ctx context.Context, i int) (io.ReadCloser, error) {
		blob, err := remote.Layer(at.Context().Digest(src.layers[i].Digest), remote.WithContext(ctx), remote.Reuse(puller))
		if err != nil {
			return nil, err
		}
		return blob.Compressed() // checks the digest at its end
	}
	img, err := opts.imageAt(at, append(remoteOpts, remote.Reuse(puller))...)
	if err != nil {
		return nil, src.explain(err)
	}
	if err := src.describe(img); err != nil {
		return nil, src.explain(err)
	}
	return src, nil
}

// imageAt is the image at a reference, of an index that for the platform.
func (o Options) imageAt(at name.Reference, how ...remote.Option) (v1.Image, error) {
	found, err := remote.Get(at, how...)
	if err != nil {
		return nil, err
	}
	if !found.MediaType.IsIndex() {
		return found.Image()
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	platform, err := o.platform()
	if err != nil {
		return nil, err
	}
	chosen, err := choose(manifest.Manifests, platform)
	if err != nil {
		return nil, err
	}
	return index.Image(chosen.Digest)
}

func (s *source) describe(img v1.Image) (err error) {
	manifest, err := img.Manifest()
	if err != nil {
		return err
	}
	if err := checkBounds(manifest); err != nil {
		return err
	}
	if s.digest, err = img.Digest(); err != nil {
		return err
	}
	raw, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	return s.describeLayers(manifest.Layers, raw)
}

// checkBounds refuses the manifest of an image whose config or layers pass the bounds. To the registry library a size of -1
// is one that is not known: it would read to the end.
func checkBounds(m *v1.Manifest) error {
	if size := m.Config.Size; size < 0 || size > maxConfig || len(m.Layers) > maxImageLayers {
		return fmt.Errorf("an image with %d layers and a config of %d bytes is not read", len(m.Layers), size)
	}
	return nil
}

// describeLayers takes the layers from the manifest and what the config says about them.
func (s *source) describeLayers(layers []v1.Descriptor, config []byte) (err error) {
	if s.config, s.diffs, err = parseConfig(config); err != nil {
		return err
	}
	if len(s.diffs) != len(layers) {
		return fmt.Errorf("the manifest has %d layers, the config %d", len(layers), len(s.diffs))
	}
	made := s.config.madeBy()
	for i, l := range layers {
		layer := Layer{Digest: l.Digest.String(), DiffID: s.diffs[i].String(), MediaType: string(l.MediaType), Size: l.Size}
		if i < len(made) {
			layer.CreatedBy = made[i]
		}
		s.layers = append(s.layers, layer)
	}
	return nil
}

func parseConfig(raw []byte) (Config, []v1.Hash, error) {
	var file v1.ConfigFile
	if err := json.Unmarshal(raw, &file); err != nil {
		return Config{}, nil, fmt.Errorf("image config: %w", err)
	}
	c := Config{
		Raw: raw, OS: file.OS, Architecture: file.Architecture, Variant: file.Variant,
		User: file.Config.User, Env: file.Config.Env, Entrypoint: file.Config.Entrypoint, Cmd: file.Config.Cmd,
		WorkingDir: file.Config.WorkingDir, Labels: file.Config.Labels, StopSignal: file.Config.StopSignal,
		ExposedPorts: sortedKeys(file.Config.ExposedPorts), Created: file.Created.Time,
	}
	if file.Config.Healthcheck != nil {
		c.Healthcheck = file.Config.Healthcheck.Test
	}
	for _, h := range file.History {
		c.History = append(c.History, History{CreatedBy: h.CreatedBy, Comment: h.Comment, EmptyLayer: h.EmptyLayer})
	}
	return c, file.RootFS.DiffIDs, nil
}

// madeBy are the instructions that made the layers, in order.
func (c Config) madeBy() (instructions []string) {
	for _, h := range c.History {
		if !h.EmptyLayer {
			instructions = append(instructions, h.CreatedBy)
		}
	}
	return instructions
}

// eachLayer calls read for every layer, a few at once.
func (s *source) eachLayer(ctx context.Context, read func(context.Context, int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.atOnce)
	for i := range s.layers {
		group.Go(func() error {
			if err := read(ctx, i); err != nil {
				return fmt.Errorf("layer %d of %d (%s): %w", i+1, len(s.layers), s.layers[i].Digest, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return s.explain(err)
	}
	return nil
}

func (s *source) contents() *Contents {
	c := &Contents{Reference: s.name, Digest: s.digest.String(), Layers: s.layers, Config: s.config}
	for _, l := range s.layers {
		c.TransferBytes += l.Size
		c.UncompressedBytes += l.Uncompressed
	}
	return c
}
