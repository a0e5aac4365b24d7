package buildkit

import (
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
	"github.com/plimsoll/plimsoll/internal/engine"
)

func TestStageOf(t *testing.T) {
	for name, want := range map[string]string{
		"[1/4] FROM docker.io/library/x":                   "stage-0",
		"[builder 2/4] RUN x":                              "builder",
		"[builder  2/14] RUN x":                            "builder",
		"[stage-1 2/4] COPY . .":                           "stage-1",
		"[linux/amd64 builder 2/4] RUN x":                  "builder",
		"[linux/arm64/v8 2/4] RUN x":                       "stage-0",
		"[internal] load build context":                    "",
		"exporting to image":                               "",
		"RUN [1/4] is no prefix":                           "",
		"[internal] load metadata for docker.io/library/x": "",
	} {
		if got := stageOf(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func locations(ranges ...[2]int32) []*pb.Location {
	var out []*pb.Location
	for _, r := range ranges {
		out = append(out, &pb.Location{Ranges: []*pb.Range{{Start: &pb.Position{Line: r[0]}, End: &pb.Position{Line: r[1]}}}})
	}
	return out
}

func TestMergeLines(t *testing.T) {
	for name, c := range map[string]struct {
		in   []*pb.Location
		want [][2]int
	}{
		"none":            {nil, nil},
		"one":             {locations([2]int32{3, 5}), [][2]int{{3, 5}}},
		"overlapping":     {locations([2]int32{3, 5}, [2]int32{4, 9}), [][2]int{{3, 9}}},
		"touching":        {locations([2]int32{3, 5}, [2]int32{6, 6}), [][2]int{{3, 6}}},
		"apart, unsorted": {locations([2]int32{8, 9}, [2]int32{3, 5}), [][2]int{{3, 5}, {8, 9}}},
		"without an end":  {locations([2]int32{3, 0}), [][2]int{{3, 3}}},
	} {
		got := mergeLines(c.in)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
}

// at is a moment, in seconds from some start.
func at(seconds int) *time.Time {
	m := time.Unix(1_000_000+int64(seconds), 0)
	return &m
}

// followed is a tracker of a build whose Dockerfile has steps a (line 1), b (2) and c (3), after these reports.
func followed(reports ...*client.Vertex) *tracker {
	seen := &solved{lines: map[digest.Digest][][2]int{"a": {{1, 1}}, "b": {{2, 2}}, "c": {{3, 3}}}}
	t := newTracker("test", seen, nil)
	t.update(&client.SolveStatus{Vertexes: reports})
	return t
}

func TestStepsInTheOrderOfTheDockerfile(t *testing.T) {
	steps := followed(
		&client.Vertex{Digest: "i", Name: "[internal] load build context", Started: at(0), Completed: at(1)},
		&client.Vertex{Digest: "c", Name: "[3/3] RUN c", Started: at(5), Completed: at(9)},
		&client.Vertex{Digest: "a", Name: "[1/3] FROM x", Started: at(1), Completed: at(2), Cached: true},
		&client.Vertex{Digest: "b", Name: "[2/3] RUN b", Started: at(2), Completed: at(4)},
	).result()
	want := []struct {
		name             string
		cached, internal bool
	}{
		{"[1/3] FROM x", true, false}, {"[2/3] RUN b", false, false}, {"[3/3] RUN c", false, false},
		{"[internal] load build context", false, true},
	}
	if len(steps) != len(want) {
		t.Fatalf("got %+v", steps)
	}
	for i, w := range want {
		if s := steps[i]; s.Name != w.name || s.Cached != w.cached || s.Internal != w.internal {
			t.Errorf("step %d: %+v, want %+v", i, s, w)
		}
	}
}

func TestStepsThatAnotherSessionAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		reports []*client.Vertex
		want    bool
	}{
		"it is never reported to its end": {[]*client.Vertex{{Digest: "b", Name: "[2/3] RUN b", Started: at(5)}}, true},
		"it joins one that was cached": {[]*client.Vertex{
			{Digest: "b", Name: "[2/3] RUN b", Started: at(5), Completed: at(6)},
			{Digest: "x", Name: "[2/3] RUN b", Started: at(1), Completed: at(2), Cached: true}}, true},
		"it joins one that was over before": {[]*client.Vertex{
			{Digest: "b", Name: "[2/3] RUN b", Started: at(5), Completed: at(6)},
			{Digest: "x", Name: "[2/3] RUN b", Started: at(1), Completed: at(4)}}, true},
		"it joins one that ran at the time": {[]*client.Vertex{
			{Digest: "b", Name: "[2/3] RUN b", Started: at(5), Completed: at(6)},
			{Digest: "x", Name: "[2/3] RUN b", Started: at(1), Completed: at(9)}}, false},
		"it ran itself": {[]*client.Vertex{{Digest: "b", Name: "[2/3] RUN b", Started: at(5), Completed: at(6)}}, false},
	} {
		steps := followed(c.reports...).result()
		if len(steps) != 1 || steps[0].Cached != c.want {
			t.Errorf("%s: %+v, want one step with cached %v", name, steps, c.want)
		}
	}
}

func TestFailedStep(t *testing.T) {
	tr := followed(
		&client.Vertex{Digest: "a", Name: "a", Error: "process canceled: context canceled"},
		&client.Vertex{Digest: "i", Name: "i", Error: "boom"},
		&client.Vertex{Digest: "b", Name: "b", Error: "exit code 1"},
	)
	if s := tr.failed("a"); s == nil || s.Name != "a" {
		t.Errorf("the named one: %+v", s)
	}
	if s := tr.failed(""); s == nil || s.Name != "b" {
		t.Errorf("none named: %+v", s)
	}
}

func TestEventsCarryStepAndOutput(t *testing.T) {
	var events []engine.Event
	tr := newTracker("after", &solved{}, func(e engine.Event) { events = append(events, e) })
	tr.update(&client.SolveStatus{Vertexes: []*client.Vertex{{Digest: "a", Name: "waits"}}})
	tr.update(&client.SolveStatus{
		Vertexes: []*client.Vertex{{Digest: "a", Name: "runs", Started: at(1)}},
		Logs:     []*client.VertexLog{{Vertex: "a", Data: []byte("out")}},
	})
	if len(events) != 2 || events[0].Step.Name != "runs" || string(events[1].Log) != "out" || events[1].Build != "after" || events[1].Step.Name != "runs" {
		t.Errorf("got %+v", events)
	}
}

func TestExportTimes(t *testing.T) {
	var times exportTimes
	if times.export() != 0 || times.push() != 0 {
		t.Error("times without an export")
	}
	times.vertex(&client.Vertex{Digest: "x", Name: "[1/1] RUN exporting to image", Started: at(0), Completed: at(90)})
	times.vertex(&client.Vertex{Digest: "e", Name: "exporting to image", Started: at(10), Completed: at(20)})
	times.status(&client.VertexStatus{ID: "exporting layers", Started: at(10), Completed: at(14)})
	times.status(&client.VertexStatus{ID: "pushing manifest for x", Started: at(18), Completed: at(20)})
	times.status(&client.VertexStatus{ID: "pushing layers", Started: at(14), Completed: at(17)})
	times.status(&client.VertexStatus{ID: "pushing layers", Started: at(16), Completed: at(18)})
	if got := times.export(); got != 10*time.Second {
		t.Errorf("export %v", got)
	}
	if got := times.push(); got != 6*time.Second {
		t.Errorf("push %v", got)
	}
}

func TestImageSources(t *testing.T) {
	base, err := (&pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: "docker-image://docker.io/library/x:1@sha256:aa"}}}).Marshal()
	check(t, err)
	local, err := (&pb.Op{Op: &pb.Op_Source{Source: &pb.SourceOp{Identifier: "local://context"}}}).Marshal()
	check(t, err)
	def := &pb.Definition{Def: [][]byte{base, local, []byte("not an operation")}}
	got := imageSources(def)
	if len(got) != 1 || got[0].name != "docker.io/library/x:1@sha256:aa" || len(got[0].definition.Def) != 2 {
		t.Fatalf("got %+v", got)
	}
	var last pb.Op
	check(t, last.Unmarshal(got[0].definition.Def[1]))
	if last.Inputs[0].Digest != digest.FromBytes(base).String() {
		t.Errorf("the definition's result is %s", last.Inputs[0].Digest)
	}
}

func TestCacheableLeavesTheOriginalAlone(t *testing.T) {
	def := &pb.Definition{Metadata: map[string]*pb.OpMetadata{"a": {IgnoreCache: true}}}
	if cacheable(def).Metadata["a"].IgnoreCache || !def.Metadata["a"].IgnoreCache {
		t.Error("the copy must use the cache, the original not")
	}
}

// A clock that is set while a build goes on makes nonsense of the daemon's stamps: they are forgotten. The time
// that passed comes from a clock that can't be set.
func TestClockThatJumps(t *testing.T) {
	for _, c := range []struct {
		name            string
		passed, byClock time.Duration
		want            bool
	}{
		{"right", 10 * time.Second, 10 * time.Second, true},
		{"slewed", 10 * time.Second, 10*time.Second + 50*time.Millisecond, true},
		{"an hour on", 10 * time.Second, time.Hour, false},
		{"a day back", 10 * time.Second, -24 * time.Hour, false},
	} {
		if got := alike(c.passed, c.byClock); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	now := time.Now()
	r := &engine.BuildResult{
		Solve: time.Second, Export: time.Hour, Push: time.Hour,
		Steps: []engine.Step{{Name: "RUN make", Started: now, Completed: now.Add(-time.Hour)}},
	}
	forgetTimes(r)
	if !r.ClockSet || r.Solve != time.Second || r.Export != 0 || r.Push != 0 || !r.Steps[0].Started.IsZero() || !r.Steps[0].Completed.IsZero() {
		t.Errorf("got %+v", r)
	}
}

// The daemon's clock may be set where this one is not: that of another machine, or for a moment.
func TestStampsOfAnotherClock(t *testing.T) {
	const hour = 3600
	for _, c := range []struct {
		name       string
		start, end *time.Time
		want       bool
	}{
		{"right", at(1), at(5), true},
		{"it goes on", at(1), &time.Time{}, true},
		{"its clock is ahead", at(hour), at(hour + 9), true},
		{"its clock is behind", at(-hour), at(-hour + 9), true},
		{"begun for another build", at(-20), at(5), true},
		{"set an hour on", at(1), at(hour), false},
		{"set an hour back", at(1), at(-hour), false},
	} {
		if got := possible(*c.start, *c.end, *at(0), 10*time.Second); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Once a stamp is impossible, what is told of steps is when they were heard of.
func TestStepsAreTimedWithoutTheClock(t *testing.T) {
	var told []engine.Step
	tr := newTracker("b", &solved{}, func(e engine.Event) { told = append(told, e.Step) })
	began := time.Now()
	vertex := func(name string, started, completed time.Duration) {
		start, end := began.Add(started).Round(0), began.Add(completed).Round(0)
		tr.update(&client.SolveStatus{Vertexes: []*client.Vertex{{Digest: digest.Digest(name), Name: name, Started: &start}}})
		tr.update(&client.SolveStatus{Vertexes: []*client.Vertex{{Digest: digest.Digest(name), Name: name, Started: &start, Completed: &end}}})
	}
	vertex("RUN one", 0, time.Hour)
	vertex("RUN two", time.Hour, 0)
	vertex("RUN three", time.Hour, time.Hour+time.Millisecond)
	for _, s := range told {
		if took := s.Completed.Sub(s.Started); !s.Completed.IsZero() && (took < 0 || took > time.Minute) {
			t.Errorf("%s took %v", s.Name, took)
		}
	}
	if len(told) != 6 || told[5].Completed.IsZero() || !tr.clockSet {
		t.Errorf("%d events, %+v", len(told), told)
	}
}
