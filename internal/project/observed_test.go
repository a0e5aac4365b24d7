package project

import (
	"testing"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

func TestObservedFactsStayInForceAcrossRewrites(t *testing.T) {
	root := folder(t, "Dockerfile=FROM scratch\nWORKDIR /srv\n")
	detector := ecosystem.Detector{Name: "any", Detect: func(in ecosystem.Input) (*ecosystem.Facts, error) {
		return &ecosystem.Facts{Port: ecosystem.Fact[int]{Value: 8000, Source: ecosystem.Source{File: "app.py", Line: 1}}}, nil
	}}
	read := load(t, root, Options{Detectors: []ecosystem.Detector{detector}})
	seen := &ecosystem.Observed{Port: 5000, Writes: []ecosystem.Write{{Path: "/srv/state.json"}}}
	observed, err := read.WithObserved(seen)
	must(t, err)
	rewritten, err := observed.With(map[string]string{"Dockerfile": "FROM scratch\nWORKDIR /srv\nEXPOSE 5000\n"})
	must(t, err)
	for _, p := range []*Project{observed, rewritten} {
		if p.Facts.Port.Value != 5000 || !p.Facts.Port.Source.Observed() || len(p.Facts.Writes) != 1 {
			t.Errorf("facts %+v", p.Facts)
		}
	}
	if read.Facts.Port.Value != 8000 {
		t.Error("the project that was read has changed")
	}
}
