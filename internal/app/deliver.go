package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/inspect"
	"github.com/plimsoll/plimsoll/internal/observe"
	"github.com/plimsoll/plimsoll/internal/report"
)

// provenance is what is attested when nothing is said about it.
const provenance = "provenance"

// check refuses before anything is built what could not be delivered in the end.
func (d Delivery) check() error {
	if d.Output == "" {
		return nil
	}
	if err := image.CheckOutput(d.Output); err != nil {
		return &report.Failure{Stage: "reading the options", Message: "--output: " + err.Error(), Err: err}
	}
	return nil
}

// deliver puts the proven image where it is wanted. It comes from the build cache, as it was measured.
func (p *proof) deliver(ctx context.Context) error {
	to := p.opts.Delivery
	if !to.Wanted() {
		return nil
	}
	s, err := p.deliverable()
	if s == nil || err != nil {
		return err
	}
	p.phase("putting the image out")
	if p.engine == nil {
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	parcel, err := p.parcel(ctx, s)
	if err != nil {
		return deliveryFailure(err)
	}
	for _, hand := range []func(context.Context, *image.Parcel) error{p.writeOut, p.pushOut, p.loadOut} {
		if err := hand(ctx, parcel); err != nil {
			return deliveryFailure(err)
		}
	}
	return nil
}

func deliveryFailure(err error) error {
	var failure *report.Failure
	if errors.As(err, &failure) || errors.Is(err, context.Canceled) {
		return err
	}
	return &report.Failure{Stage: "putting the image out", Message: err.Error(), Err: err}
}

// deliverable is the side whose image is put out; nil, with a note, when none is.
func (p *proof) deliverable() (*side, error) {
	to := p.opts.Delivery
	switch verdict := p.report.Verdict; {
	case verdict == report.Proven, verdict == report.PartlyProven && (to.Partly || to.Any):
		return p.after, nil
	case to.Any:
		p.report.Notes = append(p.report.Notes, "The image that was put out is that of the Dockerfile as it is.")
		if p.before != nil {
			return p.before, nil
		}
		return p.version("before", p.project, p.env)
	case verdict == report.PartlyProven:
		p.report.Notes = append(p.report.Notes, "No image was put out, for not every edit is proven: --allow-partial puts it out all the same.")
	case verdict == report.Unchanged:
		p.report.Notes = append(p.report.Notes, "No image was put out: nothing was changed, so nothing was proven. --put-out-any builds the Dockerfile as it is and puts that out.")
	default:
		p.report.Notes = append(p.report.Notes, "No image was put out: nothing is proven. --put-out-any puts out that of the Dockerfile as it is.")
	}
	return nil, nil
}

// parcel has the engine hand the image over, with what it can attest.
func (p *proof) parcel(ctx context.Context, s *side) (*image.Parcel, error) {
	if err := p.registry.Reset(); err != nil {
		return nil, fmt.Errorf("emptying the registry: %w", err)
	}
	attest := p.opts.Delivery.Attest
	if attest == nil {
		attest = []string{provenance}
	}
	v := s.version
	v.Build.Push, v.Build.Attest = p.reference(s), attest
	_, err := observe.BuildOne(ctx, p.engine, v, p.event)
	var refused *engine.PushError
	if errors.As(err, &refused) && !isAboutScanner(err) {
		err = p.handOver(ctx, s)
	}
	if isAboutScanner(err) {
		return nil, &report.Failure{
			Stage: "putting the image out", Message: fmt.Sprintf("no SBOM can be made: the scanner that BuildKit makes it with, %s, can't be had: %v", scanner, err),
			Hint: "leave sbom out of --attest, or name a mirror that has the scanner: --mirror docker.io=HOST", Err: err,
		}
	}
	if err != nil {
		return nil, err
	}
	parcel, err := image.Fetch(ctx, p.reference(s), image.Options{Platform: p.opts.Platform})
	if err != nil {
		return nil, err
	}
	return parcel, p.checkParcel(s, parcel, attest)
}

// scanner is the image that BuildKit makes an SBOM with.
const scanner = "docker/buildkit-syft-scanner"

func isAboutScanner(err error) bool { return err != nil && strings.Contains(err.Error(), scanner) }

// checkParcel holds what the engine handed over to what was measured, and to what was asked for.
func (p *proof) checkParcel(s *side, parcel *image.Parcel, attest []string) error {
	if s.looked != nil && !slices.EqualFunc(s.looked.Layers, parcel.DiffIDs, func(l inspect.Layer, id string) bool { return l.DiffID == id }) {
		return fmt.Errorf("the engine handed over other layers (of %s) than those that were measured (of %s): run the proof again", parcel.ImageDigest, s.looked.Digest)
	}
	var missing []string
	for _, kind := range attest {
		if !slices.Contains(parcel.Attestations, kind) {
			missing = append(missing, kind)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	text := fmt.Sprintf("the %s engine attests no %s of an image that it hands over", p.engine.Info().Name, strings.Join(missing, " and no "))
	if p.opts.Delivery.Attest == nil {
		p.report.Notes = append(p.report.Notes, "The image was put out without attestations: "+text+".")
		return nil
	}
	return &report.Failure{Stage: "putting the image out", Message: text, Hint: "take another engine, or --attest none"}
}

func (p *proof) writeOut(_ context.Context, parcel *image.Parcel) error {
	path := p.opts.Delivery.Output
	if path == "" {
		return nil
	}
	if err := parcel.WriteLayout(path); err != nil {
		return err
	}
	kind := "layout"
	if filepath.Ext(path) == ".tar" {
		kind = "archive"
	}
	p.delivered(kind, path, parcel.Digest, parcel.Attestations)
	return nil
}

func (p *proof) pushOut(ctx context.Context, parcel *image.Parcel) error {
	to := p.opts.Delivery.Push
	if to == "" {
		return nil
	}
	if err := parcel.Push(ctx, to, image.Options{Access: p.opts.Access}); err != nil {
		return err
	}
	p.delivered("push", to, parcel.Digest, parcel.Attestations)
	return nil
}

func (p *proof) loadOut(ctx context.Context, parcel *image.Parcel) error {
	as := p.opts.Delivery.Load
	if as == "" {
		return nil
	}
	reader, writer := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := parcel.WriteDocker(writer, as)
		writer.CloseWithError(err) // nil is the end
		written <- err
	}()
	where, err := p.opts.Delivery.Loader(ctx, reader)
	if err == nil {
		_, err = io.Copy(io.Discard, reader) // it may stop reading at the end of the last image
	}
	reader.CloseWithError(errors.New("the engine reads no further"))
	if failed := <-written; err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("loading %s into the Docker Engine: %w", as, err)
	}
	p.delivered("load", as+" in "+where, "", nil)
	return nil
}

func (p *proof) delivered(kind, place, digest string, attestations []string) {
	p.report.Delivered = append(p.report.Delivered, report.Delivery{Kind: kind, Place: place, Digest: digest, Attestations: attestations})
}
