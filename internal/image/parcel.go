package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// BuildKit's marks for what it attests about an image, in an index beside it.
const (
	attestationType  = "vnd.docker.reference.type"
	attestationValue = "attestation-manifest"
	predicateType    = "in-toto.io/predicate-type"
)

// uploadTries bounds how often the upload of a layer is begun anew.
const uploadTries = 3

// Parcel is an image in a registry that is to be handed on as it is, with what is attested about it.
type Parcel struct {
	image v1.Image
	index v1.ImageIndex // with the image and its attestations; nil without any
	// Digest is of the whole, ImageDigest of the image's manifest alone.
	Digest, ImageDigest string
	// DiffIDs are the digests of the layers, uncompressed.
	DiffIDs []string
	// Attestations are the kinds of what is attested: "provenance", "sbom".
	Attestations []string
}

// Fetch looks an image up that is to be handed on. An index may hold one image, and attestations.
func Fetch(ctx context.Context, ref string, opts Options) (*Parcel, error) {
	r, at, remoteOpts, err := opts.reach(ctx, ref)
	if err != nil {
		return nil, err
	}
	found, err := remote.Get(at, remoteOpts...)
	if err != nil {
		return nil, opts.explain(ctx, r, at, err)
	}
	p := &Parcel{Digest: found.Digest.String()}
	if found.MediaType.IsIndex() {
		err = p.openIndex(found)
	} else {
		p.image, err = found.Image()
	}
	if err != nil {
		return nil, opts.explain(ctx, r, at, err)
	}
	if err := p.describe(); err != nil {
		return nil, opts.explain(ctx, r, at, err)
	}
	return p, nil
}

func (p *Parcel) describe() error {
	digest, err := p.image.Digest()
	if err != nil {
		return err
	}
	manifest, err := p.image.Manifest()
	if err != nil {
		return err
	}
	if err := checkBounds(manifest); err != nil {
		return err
	}
	config, err := p.image.ConfigFile()
	if err != nil {
		return err
	}
	p.ImageDigest = digest.String()
	for _, layer := range config.RootFS.DiffIDs {
		p.DiffIDs = append(p.DiffIDs, layer.String())
	}
	return nil
}

func (p *Parcel) openIndex(found *remote.Descriptor) (err error) {
	if p.index, err = found.ImageIndex(); err != nil {
		return err
	}
	manifest, err := p.index.IndexManifest()
	if err != nil {
		return err
	}
	for _, d := range manifest.Manifests {
		img, err := p.index.Image(d.Digest)
		if err != nil {
			return err
		}
		switch {
		case d.Annotations[attestationType] == attestationValue:
			if err := p.addAttestations(img); err != nil {
				return err
			}
		case p.image != nil:
			return errors.New("the index holds several images, and one is wanted")
		default:
			p.image = img
		}
	}
	if p.image == nil {
		return errors.New("the index holds no image")
	}
	return nil
}

// addAttestations notes the kinds of what a manifest attests, by the types of their predicates.
func (p *Parcel) addAttestations(manifest v1.Image) error {
	m, err := manifest.Manifest()
	if err != nil {
		return err
	}
	for _, layer := range m.Layers {
		kind := layer.Annotations[predicateType]
		switch {
		case strings.Contains(kind, "slsa.dev/provenance"):
			kind = "provenance"
		case strings.Contains(kind, "spdx.dev"):
			kind = "sbom"
		}
		if kind != "" && !slices.Contains(p.Attestations, kind) {
			p.Attestations = append(p.Attestations, kind)
		}
	}
	slices.Sort(p.Attestations)
	return nil
}

// Push puts the whole under another name, where it becomes visible when all of it is there. Layers that the
// registry has are not sent again.
func (p *Parcel) Push(ctx context.Context, to string, opts Options) error {
	r, at, remoteOpts, err := opts.reach(ctx, to)
	if err != nil {
		return err
	}
	// Parts of a layer can't be sent twice: the library begins anew with the whole layer.
	remoteOpts = append(remoteOpts, remote.WithRetryBackoff(remote.Backoff{Duration: 2 * opts.patient(registry.Long()).First, Factor: 3, Jitter: 0.1, Steps: uploadTries}))
	if p.index != nil {
		err = remote.WriteIndex(at, p.index, remoteOpts...)
	} else {
		err = remote.Write(at, p.image, remoteOpts...)
	}
	if err != nil {
		return fmt.Errorf("pushing to %s: %w", r, pushFault(r, opts.explain(ctx, r, at, err)))
	}
	return nil
}

// pushFault words for a push what explain words for reading.
func pushFault(r Reference, err error) error {
	switch {
	case errors.Is(err, ErrAuth):
		return fmt.Errorf("%w: log in to %s with docker login, as a user who may write there", ErrAuth, r.Host)
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("the registry does not know %s: make the repository there first, or check the name", r.Repository())
	}
	return err
}

// WriteDocker writes the image alone as "docker load" reads it, under a name.
func (p *Parcel) WriteDocker(w io.Writer, as string) error {
	r, err := ParseReference(as)
	if err != nil {
		return err
	}
	tag, err := name.NewTag(r.String(), name.WithDefaultRegistry(dockerHub))
	if err != nil {
		return fmt.Errorf("%q names no image with a tag: %w", as, err)
	}
	return tarball.Write(tag, p.image, w)
}
