package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/plimsoll/plimsoll/internal/registry"
	"golang.org/x/sync/errgroup"
)

const (
	lookupTimeout  = 10 * time.Second
	lookupParallel = 6
)

// Lookup reads which variants the base image ref is published in, and how
// large each is to transfer. Registries are asked in parallel, within ten
// seconds in all; what they say is cached under opts.CacheDir.
//
// Offline, or when the registry does not answer, the cache is used whatever its
// age, and then the embedded table, whose figures are marked as estimated.
// The error wraps ErrNotFound, ErrAuth, ErrUnreachable or ErrUnknownOffline.
func Lookup(ctx context.Context, ref string, opts Options) (Family, error) {
	r, err := ParseReference(ref)
	if err != nil {
		return Family{}, err
	}
	variants, tag, err := candidates(r)
	if err != nil {
		return Family{}, err
	}
	f := Family{Reference: r.String(), Repository: r.Repository(), Tag: r.Tag, Kind: tag.form.Kind, Slimmer: tag.form.Slimmer}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	l, err := newLookup(ctx, opts)
	if err != nil {
		return Family{}, err
	}
	f.Variants, f.Note, err = l.all(ctx, r, variants)
	if err == nil {
		return f, nil
	}
	if !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrUnknownOffline) {
		return Family{}, err
	}
	estimated, source, tableErr := estimateVariants(variants, tag)
	if tableErr != nil {
		return Family{}, tableErr
	}
	if len(estimated) == 0 {
		return Family{}, err
	}
	f.Variants, f.Note, f.Estimated = estimated, source, true
	return f, nil
}

// lookup is one run of Lookup.
type lookup struct {
	opts     Options
	cache    cache
	platform *v1.Platform
	remote   []remote.Option
}

func newLookup(ctx context.Context, opts Options) (*lookup, error) {
	remoteOpts, err := opts.remote(ctx, registry.Brief())
	if err != nil {
		return nil, err
	}
	// One puller shares the authentication among all requests.
	puller, err := remote.NewPuller(remoteOpts...)
	if err != nil {
		return nil, fmt.Errorf("setting up the registry client: %w", err)
	}
	platform, err := opts.platform()
	if err != nil {
		return nil, err
	}
	return &lookup{opts, cache{opts.CacheDir}, platform, append(remoteOpts, remote.Reuse(puller))}, nil
}

// all reads every variant. Only the first one's error counts, for it is the
// image that the user named; the others just drop out.
func (l *lookup) all(ctx context.Context, asked Reference, variants []Variant) ([]Variant, string, error) {
	notes := make([]string, len(variants))
	errs := make([]error, len(variants))
	var group errgroup.Group
	group.SetLimit(lookupParallel)
	for i := range variants {
		group.Go(func() error {
			ref := asked
			if i > 0 {
				ref = variantReference(variants[i])
			}
			notes[i], errs[i] = l.one(ctx, ref, &variants[i], i == 0)
			return nil
		})
	}
	_ = group.Wait() // the functions above keep their errors themselves
	if errs[0] != nil {
		return nil, "", errs[0]
	}
	return present(variants, notes, errs)
}

func present(variants []Variant, notes []string, errs []error) (found []Variant, note string, err error) {
	for i, v := range variants {
		switch {
		case errs[i] == nil:
			found = append(found, v)
			note = cmp.Or(note, notes[i])
		case !errors.Is(errs[i], ErrNotFound):
			note = cmp.Or(note, "not all variants could be read")
		}
	}
	return found, note, nil
}

func variantReference(v Variant) Reference {
	host, path := splitHost(v.Repository)
	return Reference{Host: host, Path: path, Tag: v.Tag, TagWritten: true}
}

// one fills in v from the registry or the cache, with what stands in its configuration where that is wanted.
func (l *lookup) one(ctx context.Context, ref Reference, v *Variant, config bool) (note string, err error) {
	at, err := l.opts.endpoint(ref)
	if err != nil {
		return "", err
	}
	digest, note, err := l.digest(at)
	if err != nil {
		return "", l.explain(ctx, ref, at, err)
	}
	size, err := l.size(at, digest, config)
	if _, isTag := at.(name.Tag); isTag && kindOf(err) == ErrNotFound { // it was kept, and the registry has dropped it since
		if digest, note, err = l.ask(at); err == nil {
			size, err = l.size(at, digest, config)
		}
	}
	if err != nil {
		return "", l.explain(ctx, ref, at, err)
	}
	v.Digest, v.TransferBytes, v.Layers, v.Stale = digest, size.TransferBytes, size.Layers, note != ""
	v.OnBuild = size.OnBuild
	return note, nil
}

func (l *lookup) explain(ctx context.Context, ref Reference, at name.Reference, err error) error {
	if errors.Is(err, ErrUnknownOffline) {
		return fmt.Errorf("reading %s: %w: run once without --offline, or name a mirror with --mirror %s=HOST", ref, ErrUnknownOffline, ref.Host)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("%w: no answer in time", ErrUnreachable)
	}
	told := l.opts.explain(ctx, ref, at, err)
	if kindOf(err) == ErrUnreachable {
		return fmt.Errorf("%w; --offline asks no registry", told)
	}
	return told
}

// digest finds out what a tag stands for.
func (l *lookup) digest(at name.Reference) (digest, note string, err error) {
	if pinned, ok := at.(name.Digest); ok {
		return pinned.DigestStr(), "", nil
	}
	known, ok := l.cache.tag(at.Name())
	if ok && (l.opts.Offline || known.fresh(time.Now())) {
		return known.use()
	}
	if l.opts.Offline {
		return "", "", ErrUnknownOffline
	}
	digest, note, err = l.ask(at)
	if kindOf(err) == ErrUnreachable && ok {
		return known.use()
	}
	return digest, note, err
}

// ask asks the registry what a tag stands for.
func (l *lookup) ask(at name.Reference) (digest, note string, err error) {
	// Asking for the head alone does not count against Docker Hub's pull limit.
	desc, err := l.head(at)
	switch {
	case err == nil:
		l.cache.putTag(tagRecord{Endpoint: at.Name(), Digest: desc.String(), At: time.Now()})
		return desc.String(), "", nil
	case kindOf(err) == ErrNotFound:
		l.cache.putTag(tagRecord{Endpoint: at.Name(), At: time.Now()})
	}
	return "", "", err
}

func (l *lookup) head(at name.Reference) (v1.Hash, error) {
	desc, err := remote.Head(at, l.remote...)
	if err == nil {
		return desc.Digest, nil
	}
	gone := new(registry.UnavailableError)
	if kindOf(err) != nil && kindOf(err) != ErrUnreachable || errors.As(err, &gone) {
		return v1.Hash{}, err
	}
	// Some registries do not answer HEAD, or leave the digest out.
	full, getErr := remote.Get(at, l.remote...)
	if getErr != nil {
		return v1.Hash{}, getErr
	}
	return full.Digest, nil
}

// use answers from a record; one past its time says so.
func (r tagRecord) use() (digest, note string, err error) {
	if r.Digest == "" {
		return "", "", fmt.Errorf("%w, as of %s", ErrNotFound, r.At.Format(time.DateOnly))
	}
	if !r.fresh(time.Now()) {
		note = "read from the registry on " + r.At.Format(time.DateOnly)
	}
	return r.Digest, note, nil
}

// size adds up the compressed layers of digest, and reads its configuration where that is wanted.
func (l *lookup) size(at name.Reference, digest string, config bool) (sizeRecord, error) {
	platform := l.platform.String()
	if known, ok := l.cache.size(digest, platform); ok && (known.Config || !config || l.opts.Offline) {
		return known, nil
	}
	if l.opts.Offline {
		return sizeRecord{}, ErrUnknownOffline
	}
	img, err := remote.Image(at.Context().Digest(digest), l.remote...)
	if err != nil {
		return sizeRecord{}, err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return sizeRecord{}, err
	}
	if err := checkBounds(manifest); err != nil {
		return sizeRecord{}, err
	}
	record := sizeRecord{Digest: digest, Platform: platform, Layers: len(manifest.Layers)}
	for _, layer := range manifest.Layers {
		record.TransferBytes += max(0, layer.Size)
	}
	if config {
		file, err := img.ConfigFile()
		if err != nil {
			return sizeRecord{}, err
		}
		record.OnBuild, record.Config = strings.Join(file.Config.OnBuild, "\n"), true
	}
	l.cache.putSize(record)
	return record, nil
}
