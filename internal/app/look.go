package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/inspect"
	"github.com/plimsoll/plimsoll/internal/measure"
	"github.com/plimsoll/plimsoll/internal/secret"
	"golang.org/x/sync/errgroup"
)

// look reads the image twice at once: for the values that were baked in, and as plimsoll inspect does.
func (p *proof) look(ctx context.Context, s *side) error {
	group, ctx := errgroup.WithContext(ctx)
	var baked measure.Measurement
	group.Go(func() (err error) {
		baked, err = p.search(ctx, s)
		return err
	})
	group.Go(func() error { return p.lookInto(ctx, s) })
	if err := group.Wait(); err != nil {
		return err
	}
	s.set[measure.Secrets] = baked
	return nil
}

// search looks for the values that were baked in, in everything that the image has.
func (p *proof) search(ctx context.Context, s *side) (measure.Measurement, error) {
	values := p.bakedIn()
	m := measure.Measurement{Metric: measure.Secrets, Unit: "places", Basis: finding.Observed}
	if len(values) == 0 {
		m.Samples, m.Note = []float64{0}, "no credential was found to look for"
		return m, nil
	}
	if p.searcher == nil { // one for both sides: layers that they share are read once
		p.searcher = image.NewSearcher(image.Options{}, secret.NewScanner(values, secret.ScanOptions{Encoded: true}))
	}
	_, places, err := p.searcher.Search(ctx, p.reference(s))
	if err != nil {
		return m, fmt.Errorf("searching %s for secrets: %w", s.version.Build.Name, err)
	}
	s.places = places
	m.Samples = []float64{float64(len(places))}
	m.Note = fmt.Sprintf("%d values, searched in every layer, the config and the history, base64 and URL-encoded too", len(values))
	return m, nil
}

// lookInto reads the image as plimsoll inspect does: for its sizes, for what its layers hold in
// vain, and for credentials that nobody knew of. What is known of a base's layers is kept for the next time.
func (p *proof) lookInto(ctx context.Context, s *side) error {
	r, err := inspect.Image(ctx, p.reference(s), inspect.Options{Secrets: true, CacheDir: cacheDir("inspect")})
	if err != nil {
		return fmt.Errorf("looking into the layers of %s: %w", s.version.Build.Name, err)
	}
	s.looked = r
	s.set[measure.Waste] = measure.Measurement{
		Metric: measure.Waste, Unit: "bytes", Samples: []float64{float64(r.ReclaimableBytes())}, Basis: finding.Observed,
		Note: "files that a later layer deletes, replaces or only copies",
	}
	s.set[measure.Credentials] = measure.Measurement{
		Metric: measure.Credentials, Unit: "places", Samples: []float64{float64(len(r.Secrets))}, Basis: finding.Observed,
		Note: "recognised by the rules of plimsoll inspect in every layer, the config and the history" + somePlaces(r.Secrets),
	}
	return nil
}

// fewPlaces is how many places of credentials a note names.
const fewPlaces = 3

// somePlaces names the first places where credentials were found.
func somePlaces(found []inspect.Secret) string {
	var places []string
	for _, s := range found[:min(len(found), fewPlaces)] {
		place := s.Where + " " + s.Path
		if s.Where == "layer" {
			place = "/" + strings.TrimPrefix(s.Path, "/")
		}
		if s.Line > 0 {
			place += fmt.Sprintf(":%d", s.Line)
		}
		places = append(places, place)
	}
	switch {
	case len(places) == 0:
		return ""
	case len(found) > fewPlaces:
		places = append(places, fmt.Sprintf("%d more", len(found)-fewPlaces))
	}
	return ": " + strings.Join(places, ", ")
}
