package registry

import (
	"fmt"
	"sync"
	"time"
)

// announcer tells what is waited for: one line for a host at a time, however many requests wait for it.
type announcer struct {
	tell func(string)

	mu    sync.Mutex
	hosts map[string]bool // that are waited for
}

// begin tells of a wait, unless another one for this host was told; done ends it.
func (a *announcer) begin(host, why string, wait time.Duration) (done func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tell == nil || a.hosts[host] {
		return func() {}
	}
	a.hosts[host] = true
	a.tell(fmt.Sprintf("waiting %s for %s, which %s", rounded(wait), host, why))
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.hosts, host)
	}
}

// say tells of something else that is waited for.
func (a *announcer) say(message string) {
	if a.tell != nil {
		a.tell(message)
	}
}

func rounded(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
