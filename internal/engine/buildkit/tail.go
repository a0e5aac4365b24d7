package buildkit

import (
	"strings"
	"sync"
)

const outputLimit = 64 << 10

// tail keeps the last bytes of what is written to it.
type tail struct {
	limit int

	mu    sync.Mutex
	bytes []byte
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if n > t.limit {
		p = p[n-t.limit:]
	}
	t.bytes = append(t.bytes, p...)
	// Cutting only at twice the limit keeps the cost of a write constant on average.
	if len(t.bytes) > 2*t.limit {
		t.bytes = append(t.bytes[:0], t.bytes[len(t.bytes)-t.limit:]...)
	}
	return n, nil
}

// Close is there for the gateway, which wants a closer.
func (t *tail) Close() error { return nil }

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.bytes) > t.limit {
		return string(t.bytes[len(t.bytes)-t.limit:])
	}
	return string(t.bytes)
}

// lastLines is the last lines of what is kept.
func (t *tail) lastLines(n int) string {
	text := strings.TrimRight(t.String(), "\n")
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
