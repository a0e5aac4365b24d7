// Package registry is the one list of ecosystems. A new one is a package and a line here.
package registry

import (
	"fmt"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
	"github.com/plimsoll/plimsoll/internal/ecosystem/golang"
	"github.com/plimsoll/plimsoll/internal/ecosystem/node"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python"
	"github.com/plimsoll/plimsoll/internal/ecosystem/static"
)

// Detectors lists the ecosystems; the first that recognises an application wins.
func Detectors() []ecosystem.Detector {
	all := []ecosystem.Detector{
		python.Detector(),
		golang.Detector(),
		static.Detector(), // before Node's, which takes all that runs on Node
		node.Detector(),
	}
	for i, d := range all {
		all[i].Detect = withCalled(d.Detect)
	}
	return all
}

// withCalled adds what is the same for every ecosystem: the programs that scripts around the application call.
func withCalled(detect func(ecosystem.Input) (*ecosystem.Facts, error)) func(ecosystem.Input) (*ecosystem.Facts, error) {
	return func(in ecosystem.Input) (*ecosystem.Facts, error) {
		facts, err := detect(in)
		if err == nil && facts != nil {
			facts.Programs = append(facts.Programs, container.Called(in)...)
		}
		return facts, err
	}
}

// Detect asks each ecosystem in turn; it returns nil, nil when none recognises the application.
func Detect(in ecosystem.Input) (*ecosystem.Facts, error) {
	for _, d := range Detectors() {
		facts, err := d.Detect(in)
		if err != nil {
			return nil, fmt.Errorf("detecting %s: %w", d.Name, err)
		}
		if facts != nil {
			return facts, nil
		}
	}
	return nil, nil
}
