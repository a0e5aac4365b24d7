package buildkit

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// What a watcher says arrives in any pieces.
func TestWatchIsHeard(t *testing.T) {
	const said = "{\"watching\":{\"limits\":{\"Memory\":64,\"Processes\":-1,\"Disk\":7},\"released_ns\":99}}\n\n\n{\"reached\":{\"Resource\":\"memory\",\"Limit\":64,\"Ended\":true}}\n"
	for size := 1; size <= len(said); size += 7 {
		w := newWatch()
		for rest := said; rest != ""; {
			n := min(size, len(rest))
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		select {
		case <-w.began:
		default:
			t.Fatalf("in pieces of %d: it has not begun", size)
		}
		if got := fmt.Sprint(w.started(), w.hit()); got != "[PLIMSOLL_STARTED=99] [its memory limit of 64 bytes]" {
			t.Errorf("in pieces of %d: %s", size, got)
		}
		if got := w.watching.Limits; got != (engine.Limits{Memory: 64, Processes: -1, Disk: 7}) {
			t.Errorf("in pieces of %d: %+v", size, got)
		}
	}
}

// A container that has taken its watcher over can say what it wants: little is kept of it, and what was said first counts.
func TestWatchThatSaysTooMuch(t *testing.T) {
	w := newWatch()
	for range 3 * lineLimit {
		_, _ = w.Write([]byte(strings.Repeat("x", 100)))
	}
	if len(w.line) > lineLimit+100 {
		t.Errorf("%d bytes of a line are kept", len(w.line))
	}
	_, _ = w.Write([]byte("\n"))
	for range 100 {
		_, _ = w.Write([]byte("{\"error\":\"no\"}\n{\"watching\":{}}\n{\"reached\":{\"Resource\":\"disk\"}}\n{\"reached\":null}\nnull\n"))
	}
	if len(w.hit()) != mostLimits || w.fault != "no" || w.watching != nil {
		t.Errorf("%d limits, fault %q, %+v", len(w.hit()), w.fault, w.watching)
	}
}

// A watcher that is frozen is taken for one that is gone, and a limit that was reached is not forgotten over it.
func TestWatchThatIsSilent(t *testing.T) {
	w := newWatch()
	for range 3 * silenceLimit {
		if w.tick() {
			t.Fatal("it said something each second")
		}
		_, _ = w.Write([]byte("\n"))
	}
	for range silenceLimit {
		if w.tick() {
			t.Fatal("too soon")
		}
	}
	if !w.tick() {
		t.Error("it may be silent for ever")
	}
	w.lost()
	w.lost()
	if got := w.hit(); len(got) != 1 || got[0].Resource != engine.Watch {
		t.Errorf("got %v", got)
	}
	reached := newWatch()
	_, _ = reached.Write([]byte("{\"reached\":{\"Resource\":\"disk\"}}\n"))
	reached.lost()
	if got := reached.hit(); len(got) != 1 || got[0].Resource != engine.Disk {
		t.Errorf("got %v", got)
	}
}

// A program that ends before anybody heard that it was watched was watched all the same; one that is killed has lost its watcher.
func TestAProgramThatEndsWithItsWatcher(t *testing.T) {
	for _, c := range []struct {
		exit engine.Exit
		lost bool
	}{{engine.Exit{}, false}, {engine.Exit{Code: 3}, false}, {engine.Exit{Code: 137, Signal: syscall.SIGKILL}, true}} {
		over := &container{watch: newWatch(), ended: make(chan struct{}), exit: c.exit}
		close(over.ended)
		if !over.endsToo() || len(over.watch.hit()) > 0 != c.lost {
			t.Errorf("%+v: %v, want one that lost its watcher: %v", c.exit, over.watch.hit(), c.lost)
		}
	}
}
