package term

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// clock is a time that the test moves on.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time                   { return c.now }
func (c *clock) after(s float64) time.Time        { return c.now.Add(time.Duration(s * float64(time.Second))) }
func (c *clock) step(name string) engine.Step     { return engine.Step{Name: name, Started: c.now} }
func (c *clock) started(b, n string) engine.Event { return engine.Event{Build: b, Step: c.step(n)} }

func (c *clock) ended(build, name string, took float64) engine.Event {
	return engine.Event{Build: build, Step: engine.Step{Name: name, Started: c.now, Completed: c.after(took)}}
}

func TestPlainProgress(t *testing.T) {
	c := &clock{now: time.Unix(1e9, 0)}
	run := func(verbose bool) string {
		var got bytes.Buffer
		p := NewProgress(&got, ProgressOptions{Now: c.Now, Verbose: verbose})
		p.Phase("building both versions")
		p.Event(c.started("before", "[1/3] FROM python"))
		p.Event(c.ended("before", "[1/3] FROM python", 0.4))
		log := c.started("before", "[2/3] RUN pip install")
		log.Log = []byte("\x1b[32mCollecting\x1b[0m a\nhalf")
		p.Event(log)
		log.Log = []byte(" line\n")
		p.Event(log)
		p.Event(c.ended("before", "[2/3] RUN pip install", 12.34))
		p.Event(c.ended("before", "[2/3] RUN pip install", 12.34))
		cached := c.ended("after", "[2/3] RUN pip install", 30)
		cached.Step.Cached = true
		p.Event(cached)
		failed := c.ended("after", "[3/3] RUN false", 0.2)
		failed.Step.Error = "exit code: 1"
		p.Event(failed)
		p.Close()
		p.Close()
		p.Phase("too late")
		return got.String()
	}
	compare(t, "progress", run(false))
	compare(t, "progress-verbose", run(true))
}

func TestLiveProgress(t *testing.T) {
	c := &clock{now: time.Unix(1e9, 0)}
	var got bytes.Buffer
	p := NewProgress(&got, ProgressOptions{Now: c.Now, Width: func() int { return 50 }})
	p.options.Live = true // without the goroutine: the test draws
	p.Phase("building both versions")
	p.Event(c.started("before", "[2/3] RUN pip install --no-cache-dir -r requirements.txt"))
	p.Event(c.ended("after", "[1/3] FROM python:3.11-slim", 2))
	c.now = c.after(3.5)
	p.draw()
	first := got.String()
	for _, line := range strings.Split(strings.TrimSuffix(first, "\n"), "\n") {
		if n := len([]rune(line)); n >= 50 {
			t.Errorf("%d columns reach the terminal's edge: %q", n, line)
		}
	}
	got.Reset()
	p.draw()
	if want := "\x1b[3A\r\x1b[J"; !strings.HasPrefix(got.String(), want) {
		t.Errorf("the second drawing begins with %q, not %q", got.String()[:10], want)
	}
	got.Reset()
	p.Close()
	if got.String() != "\x1b[3A\r\x1b[J" {
		t.Errorf("Close writes %q", got.String())
	}
	compare(t, "progress-live", first)
}

func TestLiveProgressStops(t *testing.T) {
	var got bytes.Buffer
	p := NewProgress(&got, ProgressOptions{Live: true})
	p.Phase("building")
	p.Close()
	length := got.Len() // read without a race: the goroutine has ended
	p.Event(engine.Event{Build: "before"})
	if got.Len() != length {
		t.Error("written after Close")
	}
}
