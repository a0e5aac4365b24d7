// Package enginetest is what every engine must do, as one suite of tests: each engine's own tests run it. Its images are made
// from nothing but one static program, which is their shell, their application and the helper (testdata/tool).
package enginetest

import (
	"os"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// Need skips a test unless real engines are asked for with PLIMSOLL_E2E.
func Need(t *testing.T) {
	t.Helper()
	if os.Getenv("PLIMSOLL_E2E") == "" {
		t.Skip("PLIMSOLL_E2E is not set: tests with a real engine are skipped")
	}
}

// Options say how an engine is opened.
type Options struct {
	Helper  string
	Mirrors map[string]string
	Limits  engine.Limits
}

// Target is an engine to test.
type Target struct {
	// Open opens the engine, which is closed with the test. A test may open a second one beside the first.
	Open func(t *testing.T, opts Options) engine.Engine
	// Left lists the containers that the engine has, in whatever words; nil where that can't be known.
	Left func(t *testing.T) []string
	// Repeatable says that timestamps of an image can be set.
	Repeatable bool
	// Scans says that images can be scanned for an SBOM, which takes an engine with a network of its own.
	Scans bool
}

// tests are the suite. They share an engine, but no image.
var tests = []struct {
	name    string
	run     func(*Bench)
	watched bool // from inside, as where an engine takes no limits
}{
	{"SecondBuildIsCached", secondBuildIsCached, false},
	{"OverridesChangeTheirOwnStepAlone", overridesChangeTheirOwnStepAlone, false},
	{"StepsThatAnOpenImageAnswersAreCached", stepsThatAnOpenImageAnswersAreCached, false},
	{"OverrideAddsFiles", overrideAddsFiles, false},
	{"IgnoreTextIsTheOneInForce", ignoreTextIsTheOneInForce, false},
	{"NoCacheRunsEverything", noCacheRunsEverything, false},
	{"BuildArgsAndTarget", buildArgsAndTarget, false},
	{"BuildSecrets", buildSecrets, false},
	{"PlatformOfAnImage", platformOfAnImage, false},
	{"SyntaxLinePullsNoFrontend", syntaxLinePullsNoFrontend, false},
	{"ParallelBuilds", parallelBuilds, false},
	{"Progress", progress, false},
	{"CancelledBuild", cancelledBuild, false},
	{"Failures", failures, false},
	{"ContextThatIsNotThere", contextThatIsNotThere, false},

	{"ContainerOfAnImage", containerOfAnImage, false},
	{"HelperIsNotInTheImage", helperIsNotInTheImage, false},
	{"Exits", exits, false},
	{"EndsWhileHelped", endsWhileHelped, false},
	{"Signals", signals, false},
	{"FrozenContainerIsClosed", frozenContainerIsClosed, false},
	{"Memory", memory, false},
	{"ManyContainers", manyContainers, false},
	{"EachContainerStartsFresh", eachContainerStartsFresh, false},
	{"ImageIsWhatWasBuilt", imageIsWhatWasBuilt, false},
	{"RunOfNoImage", runOfNoImage, false},
	{"Endless", endless, true},
	{"WithinLimits", withinLimits, true},
	{"Unwatched", unwatched, true},

	{"Push", push, false},
	{"Archive", archive, false},
	{"Attestations", attestations, false},
	{"SourceDateEpoch", sourceDateEpoch, false},
	{"BaseImageThroughMirror", baseImageThroughMirror, false},
	{"ColdBuildDoesNotCountThePull", coldBuildDoesNotCountThePull, false},
	{"ClosedEngineSaysSo", closedEngineSaysSo, false},
}

// Run runs the suite on an engine.
func Run(t *testing.T, target Target) {
	tool := Tool(t)
	begin := time.Now()
	e := target.Open(t, Options{Helper: tool})
	t.Logf("%+v opened in %v", e.Info(), time.Since(begin).Round(time.Millisecond))
	for _, test := range tests {
		if test.watched && e.Info().Name == "embedded" {
			continue // the kernel holds its containers to limits: it has tests of its own for that
		}
		t.Run(test.name, func(t *testing.T) {
			b := NewBench(t, e, tool)
			b.target = target
			test.run(b)
		})
	}
}
