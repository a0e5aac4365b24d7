package app

import (
	"bytes"
	"slices"
	"sync"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/report"
)

// quietLog keeps the secrets of a report out of what is shown of builds while they run. Steps are shown by whole lines then, as
// a secret may be in two pieces of their output.
type quietLog struct {
	mu   sync.Mutex
	mask func(string) string // nil when there is nothing to hide
	held map[string][]byte   // of each step: the line that it has not ended
}

// maxHeld bounds a line that is waited for, in bytes.
const maxHeld = 64 << 10

func newQuietLog(r *report.Report) *quietLog {
	q := &quietLog{held: map[string][]byte{}}
	q.learn(r)
	return q
}

// learn keeps out what the report knows as secret by now.
func (q *quietLog) learn(r *report.Report) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(r.Secrets) > 0 {
		q.mask = r.Masker()
	}
}

// event is one of a build, with what it tells masked.
func (q *quietLog) event(e engine.Event) engine.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.mask == nil {
		return e
	}
	step := e.Build + "\x00" + e.Step.Name
	text := slices.Concat(q.held[step], e.Log)
	ended := len(text)
	if e.Step.Completed.IsZero() && len(text) < maxHeld {
		ended = bytes.LastIndexAny(text, "\r\n") + 1
	}
	delete(q.held, step)
	if ended < len(text) {
		q.held[step] = text[ended:]
	}
	e.Log = []byte(q.mask(string(text[:ended])))
	e.Step.Name, e.Step.Error = q.mask(e.Step.Name), q.mask(e.Step.Error)
	return e
}
