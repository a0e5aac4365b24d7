// Package measure holds figures together with how they came about.
package measure

import (
	"slices"

	"github.com/plimsoll/plimsoll/internal/finding"
)

// Metric names one measured quantity. The names are those of the JSON report.
type Metric string

const (
	ImageBytes    Metric = "image_bytes"              // uncompressed size of all layers
	TransferBytes Metric = "transfer_bytes"           // compressed size of all layers
	Layers        Metric = "layers"                   // number of layers
	ColdBuild     Metric = "cold_build_seconds"       // no step cached, base image present
	Rebuild       Metric = "rebuild_seconds"          // after a change of one source file, caches warm
	Expected      Metric = "expected_rebuild_seconds" // derived: mean over the commits of the project's history
	Push          Metric = "push_seconds"             // to an empty registry on loopback
	Pull          Metric = "pull_seconds"             // from a registry on loopback into an empty store
	Push100Mbit   Metric = "push_100mbit_seconds"     // derived: transfer_bytes at 100 Mbit/s
	Pull100Mbit   Metric = "pull_100mbit_seconds"     // derived: transfer_bytes at 100 Mbit/s
	Start         Metric = "start_seconds"            // process start until the first answer
	Memory        Metric = "memory_bytes"             // peak of the process tree after the requests
	Stop          Metric = "stop_seconds"             // SIGTERM until exit
	User          Metric = "user"                     // uid[:gid] of the main process
	Health        Metric = "health"                   // healthy / unhealthy when frozen / healthy again
	Secrets       Metric = "secrets"                  // places in layers, config and history where a baked-in value is found
	Waste         Metric = "waste_bytes"              // contents of files in layers that the final tree does not have
	Credentials   Metric = "credentials"              // places in layers, config and history where rules find a credential
)

// Measurement is one metric of one subject. Samples are the raw values in the
// order they were taken; text metrics (user, health) have Text instead.
type Measurement struct {
	Metric  Metric
	Unit    string // "bytes", "seconds", "layers", "places", ""
	Samples []float64
	Text    string
	Basis   finding.Basis
	Note    string // what the figure covers or leaves out; "killed after 10 s"
}

// Value is the median of the samples, 0 when there are none.
func (m Measurement) Value() float64 {
	n := len(m.Samples)
	if n == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(m.Samples))
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}

// Set is what was measured on one subject.
type Set map[Metric]Measurement
