package term

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// ProgressOptions say how progress is shown.
type ProgressOptions struct {
	// Live redraws a few lines in place; it needs a terminal.
	Live  bool
	Color bool
	// Width is how many columns the terminal has; nil or 0 means 80.
	Width func() int
	// Verbose writes every step with its output. It goes with plain lines, not with Live.
	Verbose bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Progress shows how far a run is. Live, it redraws the phase and one line a
// build with its running step and times; else it writes a line when a phase
// begins and when a step ends that took a second or more. Its methods may be
// called from several goroutines. Close must be called before anything else is
// written to the same terminal.
type Progress struct {
	w       io.Writer
	options ProgressOptions
	styles  styles

	mu         sync.Mutex
	phase      string
	phaseStart time.Time
	builds     []*buildStatus // in the order they began
	drawn      int            // lines on the terminal
	closed     bool
	stop       chan struct{}
	done       chan struct{}
}

// buildStatus is how far one build is.
type buildStatus struct {
	name      string
	began     time.Time
	running   map[string]time.Time // step name → start
	finished  map[string]bool      // steps that were told of as done
	last      string               // the step that began last
	completed time.Time            // of the step that ended last
	partial   string               // output without its line end, when verbose
}

// redraw is how often the live status is renewed.
const redraw = 100 * time.Millisecond

// NewProgress returns a progress display on w.
func NewProgress(w io.Writer, options ProgressOptions) *Progress {
	if options.Now == nil {
		options.Now = time.Now
	}
	options.Live = options.Live && !options.Verbose
	p := &Progress{w: w, options: options, styles: newStyles(options.Color), stop: make(chan struct{}), done: make(chan struct{})}
	if options.Live {
		go p.tick()
	} else {
		close(p.done)
	}
	return p
}

func (p *Progress) tick() {
	defer close(p.done)
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
		}
	}
}

// Phase begins a phase and ends the one before.
func (p *Progress) Phase(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.phase, p.phaseStart, p.builds = oneLine(name), p.options.Now(), nil
	if !p.options.Live {
		fmt.Fprintln(p.w, p.phase)
	}
}

// Say writes a line that stays, above the live status.
func (p *Progress) Say(message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	io.WriteString(p.w, p.erase()+"  "+oneLine(message)+"\n")
	if p.options.Live {
		p.draw()
	}
}

// Event takes in one event of a build.
func (p *Progress) Event(e engine.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	b := p.build(oneLine(e.Build))
	if ended := b.take(e.Step); ended && !p.options.Live {
		p.writeStep(b, e.Step)
	}
	if p.options.Verbose {
		p.writeLog(b, string(e.Log))
	}
}

// Close takes the live status off the terminal. Further calls do nothing.
func (p *Progress) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	io.WriteString(p.w, p.erase())
	p.mu.Unlock()
	close(p.stop)
	<-p.done
}

func (p *Progress) build(name string) *buildStatus {
	for _, b := range p.builds {
		if b.name == name {
			return b
		}
	}
	b := &buildStatus{name: name, began: p.options.Now(), running: map[string]time.Time{}, finished: map[string]bool{}}
	p.builds = append(p.builds, b)
	return b
}

// take notes a step's state and reports whether it has just ended.
func (b *buildStatus) take(s engine.Step) (ended bool) {
	name := oneLine(s.Name)
	if s.Completed.IsZero() {
		if _, known := b.running[name]; !known && !s.Started.IsZero() {
			b.running[name] = s.Started
			b.last = name
		}
		return false
	}
	delete(b.running, name)
	if s.Completed.After(b.completed) {
		b.completed = s.Completed
	}
	if b.finished[name] {
		return false
	}
	b.finished[name] = true
	return true
}

// current is the running step that began last, empty when none runs.
func (b *buildStatus) current() string {
	if _, runs := b.running[b.last]; runs {
		return b.last
	}
	var newest string
	for name, start := range b.running {
		if newest == "" || start.After(b.running[newest]) || start.Equal(b.running[newest]) && name < newest {
			newest = name
		}
	}
	return newest
}

func (p *Progress) writeStep(b *buildStatus, s engine.Step) {
	took := s.Completed.Sub(s.Started)
	name := oneLine(s.Name)
	switch {
	case s.Error != "":
		fmt.Fprintf(p.w, "  %s: %s: failed after %s\n", b.name, name, seconds(took.Seconds()))
	case s.Cached && p.options.Verbose:
		fmt.Fprintf(p.w, "  %s: %s: cached\n", b.name, name)
	case s.Cached:
	case took >= time.Second || p.options.Verbose:
		fmt.Fprintf(p.w, "  %s: %s: %s\n", b.name, name, seconds(took.Seconds()))
	}
}

// writeLog writes whole lines; what has no line end yet waits for the rest.
func (p *Progress) writeLog(b *buildStatus, log string) {
	const longestLine = 64 << 10
	whole, rest := "", b.partial+log
	if i := strings.LastIndexByte(rest, '\n'); i >= 0 {
		whole, rest = rest[:i], rest[i+1:]
	}
	if len(rest) > longestLine {
		whole, rest = rest, ""
	}
	b.partial = rest
	if whole == "" {
		return
	}
	for _, line := range strings.Split(clean(whole), "\n") {
		fmt.Fprintf(p.w, "  %s | %s\n", b.name, line)
	}
}

// draw renews the live status, in one write so that it does not flicker.
func (p *Progress) draw() {
	if p.closed || p.phase == "" {
		return
	}
	lines := p.status()
	io.WriteString(p.w, p.erase()+strings.Join(lines, "\n")+"\n")
	p.drawn = len(lines)
}

// erase moves to the first line of the status and clears from there on.
func (p *Progress) erase() string {
	if p.drawn == 0 {
		return ""
	}
	text := fmt.Sprintf("\x1b[%dA\r\x1b[J", p.drawn)
	p.drawn = 0
	return text
}

func (p *Progress) status() []string {
	width := 80
	if p.options.Width != nil && p.options.Width() > 0 {
		width = p.options.Width()
	}
	now := p.options.Now()
	lines := []string{p.line(p.styles.bold.Render(p.phase), now.Sub(p.phaseStart), width)}
	column := 0
	for _, b := range p.builds {
		column = max(column, len(b.name))
	}
	for _, b := range p.builds {
		until, text := now, b.current()
		if text == "" {
			until, text = b.completed, plural(len(b.finished), "step", "steps")+" done"
		}
		if until.Before(b.began) {
			until = b.began
		}
		lines = append(lines, p.line("  "+pad(b.name, column)+"  "+text, until.Sub(b.began), width))
	}
	return lines
}

// line puts a text to the left and a time to the right, and never fills the
// last column, where some terminals would wrap.
func (p *Progress) line(text string, took time.Duration, width int) string {
	const timeColumn = 12
	text = cut(text, max(width-timeColumn-1, 1))
	return pad(text, width-timeColumn-1) + p.styles.dim.Render(padLeft(fmt.Sprintf("%.1f s", took.Seconds()), timeColumn))
}
