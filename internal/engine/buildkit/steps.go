package buildkit

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	digest "github.com/opencontainers/go-digest"
	"github.com/plimsoll/plimsoll/internal/engine"
)

// tracker follows a build's progress, which one goroutine reads.
type tracker struct {
	build    string
	seen     *solved
	progress func(engine.Event)
	began    time.Time
	clockSet bool // while it was built
	steps    map[digest.Digest]*step
	export   exportTimes
}

type step struct {
	engine.Step
	output tail
	own    bool // of this build's Dockerfile
	// heard says when its start and its end were first heard of.
	heard struct{ start, end time.Time }
}

func newTracker(build string, seen *solved, progress func(engine.Event)) *tracker {
	if progress == nil {
		progress = func(engine.Event) {}
	}
	return &tracker{build: build, seen: seen, progress: progress, began: time.Now(), steps: map[digest.Digest]*step{}}
}

// follow reads the progress until it ends; the channel that it returns is closed then.
func (t *tracker) follow(statuses <-chan *client.SolveStatus) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for status := range statuses {
			t.update(status)
		}
	}()
	return done
}

func (t *tracker) update(status *client.SolveStatus) {
	for _, v := range status.Vertexes {
		t.vertex(v)
	}
	for _, s := range status.Statuses {
		t.export.status(s)
	}
	for _, l := range status.Logs {
		t.log(l)
	}
}

func (t *tracker) vertex(v *client.Vertex) {
	s := t.step(v.Digest)
	s.Name = v.Name
	s.Lines, s.own = t.seen.linesOf(v.Digest)
	s.Stage = stageOf(v.Name)
	s.Internal = !s.own
	s.Cached = v.Cached
	s.Error = v.Error
	if v.Started != nil && (s.Started.IsZero() || v.Started.Before(s.Started)) {
		s.Started = *v.Started
	}
	if v.Completed != nil {
		s.Completed = *v.Completed
	}
	t.export.vertex(v)
	if v.Started != nil {
		s.hear(time.Now())
		t.tell(s, nil)
	}
}

func (t *tracker) log(l *client.VertexLog) {
	s := t.step(l.Vertex)
	_, _ = s.output.Write(l.Data)
	t.tell(s, l.Data)
}

// tell reports a step. Its times are the daemon's, or, once the clock was set, those at which they were heard of.
func (t *tracker) tell(s *step, log []byte) {
	told := s.Step
	if t.clockWasSet(s.Started, s.Completed) {
		told.Started, told.Completed = s.heard.start, s.heard.end
	}
	t.progress(engine.Event{Build: t.build, Step: told, Log: log})
}

// clockWasSet tells whether a clock was set since the build began: this machine's, or the one that stamped the start and the end
// of something.
func (t *tracker) clockWasSet(start, end time.Time) bool {
	passed, byClock := time.Since(t.began), time.Now().Round(0).Sub(t.began.Round(0))
	t.clockSet = t.clockSet || !alike(passed, byClock) || !possible(start, end, t.began, passed)
	return t.clockSet
}

// possible says whether something can have gone on from start to end in a build that began when it did, so much time ago. What
// it shares with another build may have begun before.
func possible(start, end, began time.Time, passed time.Duration) bool {
	if start.IsZero() || end.IsZero() {
		return true
	}
	took, earlier := end.Sub(start), max(began.Sub(start), 0)
	return took >= 0 && took <= earlier+passed+clockSlack
}

// hear notes when the state of a step was heard of for the first time.
func (s *step) hear(now time.Time) {
	if s.heard.start.IsZero() {
		s.heard.start = now
	}
	if s.heard.end.IsZero() && !s.Completed.IsZero() {
		s.heard.end = now
	}
}

func (t *tracker) step(dgst digest.Digest) *step {
	s, ok := t.steps[dgst]
	if !ok {
		s = &step{output: tail{limit: outputLimit}}
		t.steps[dgst] = s
	}
	return s
}

// result lists the steps of a build that succeeded: the Dockerfile's in its order, then BuildKit's own.
func (t *tracker) result() []engine.Step {
	var out []engine.Step
	for dgst, s := range t.steps {
		s.Lines, s.own = t.seen.linesOf(dgst)
		s.Internal = !s.own
		switch {
		case s.own:
			t.settle(s)
			out = append(out, s.Step)
		case s.Stage == "" && !s.Completed.IsZero():
			out = append(out, s.Step)
		}
	}
	slices.SortFunc(out, compareSteps)
	return out
}

// settle says of a step that another build's result answered what became of it. BuildKit joins equal steps of
// sessions that are open at a time: the one that joins is not reported to its end,
// the one that was joined appears here too, as a step of the same name that is not this build's.
func (t *tracker) settle(s *step) {
	if s.Cached {
		return
	}
	if s.Completed.IsZero() {
		s.Cached = true
	}
	for _, other := range t.steps {
		if other.own || other.Name != s.Name || other.Completed.IsZero() {
			continue
		}
		// What was over before this build came to it cost it nothing.
		s.Cached = other.Cached || s.Completed.IsZero() || !other.Completed.After(s.Started)
		return
	}
}

func compareSteps(a, b engine.Step) int {
	switch {
	case a.Internal != b.Internal:
		if a.Internal {
			return 1
		}
		return -1
	case len(a.Lines) > 0 && len(b.Lines) > 0 && a.Lines[0] != b.Lines[0]:
		return cmp.Compare(a.Lines[0][0], b.Lines[0][0])
	default:
		return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.Name, b.Name))
	}
}

// failed finds the step that made a build fail; nil if none did.
func (t *tracker) failed(dgst digest.Digest) *step {
	if s, ok := t.steps[dgst]; ok {
		return s
	}
	var found *step
	for _, s := range t.steps {
		if s.Error == "" || strings.Contains(s.Error, "context canceled") {
			continue
		}
		if found == nil || s.own && !found.own {
			found = s
		}
	}
	return found
}

// stepPrefix is how the Dockerfile frontend names a step: "[builder 2/4] RUN …",
// with the platform first where there are several, and without stage where there is one.
var stepPrefix = regexp.MustCompile(`^\[(?:[a-z0-9]+/[a-z0-9/]+ )?(?:([^\s\]]+) +)?\d+/\d+\] `)

// stageOf reads the stage out of a step's name; "stage-0" if there is one stage, without a name.
func stageOf(name string) string {
	m := stepPrefix.FindStringSubmatch(name)
	switch {
	case m == nil:
		return ""
	case m[1] == "":
		return "stage-0"
	default:
		return m[1]
	}
}

// exportTimes are read off the one vertex in which BuildKit exports, compresses and pushes.
type exportTimes struct {
	digest             digest.Digest
	started, completed time.Time
	pushes             []interval
}

type interval struct{ from, to time.Time }

func (t *exportTimes) vertex(v *client.Vertex) {
	if !strings.HasPrefix(v.Name, "exporting to ") {
		return
	}
	t.digest = v.Digest
	if v.Started != nil {
		t.started = *v.Started
	}
	if v.Completed != nil {
		t.completed = *v.Completed
	}
}

func (t *exportTimes) status(s *client.VertexStatus) {
	if !strings.HasPrefix(s.ID, "pushing ") || s.Started == nil || s.Completed == nil {
		return
	}
	t.pushes = append(t.pushes, interval{*s.Started, *s.Completed})
}

// export is the wall time of exporting.
func (t *exportTimes) export() time.Duration {
	if t.started.IsZero() || t.completed.IsZero() {
		return 0
	}
	return t.completed.Sub(t.started)
}

// push is the wall time during which something was being pushed.
func (t *exportTimes) push() time.Duration {
	slices.SortFunc(t.pushes, func(a, b interval) int { return a.from.Compare(b.from) })
	var total time.Duration
	var until time.Time
	for _, p := range t.pushes {
		if p.from.Before(until) {
			p.from = until
		}
		if p.to.After(p.from) {
			total += p.to.Sub(p.from)
			until = p.to
		}
	}
	return total
}

// clockSlack is how far a clock may be from the time that passed, and be taken for right: it is being slewed all the time.
const clockSlack = 250 * time.Millisecond

// alike tells whether the clock went on by the time that passed.
func alike(passed, byClock time.Duration) bool { return (byClock - passed).Abs() <= clockSlack }

// forgetTimes takes out what the clock was needed for.
func forgetTimes(r *engine.BuildResult) {
	r.ClockSet, r.Export, r.Push = true, 0, 0
	for i := range r.Steps {
		r.Steps[i].Started, r.Steps[i].Completed = time.Time{}, time.Time{}
	}
}
