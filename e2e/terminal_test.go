package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"golang.org/x/sys/unix"
)

const columns, rows = 80, 24

// terminal is a pseudo-terminal, what a person sees on it, and all that was ever written to it.
type terminal struct {
	program *os.File // the program's side
	mu      sync.Mutex
	screen  *vt.Emulator
	written strings.Builder
	seen    map[string]bool // lines that were on the screen
	drained chan struct{}
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{program: program, screen: vt.NewEmulator(columns, rows), seen: map[string]bool{}, drained: make(chan struct{})}
	go term.show(master)
	return term
}

// show draws what is written until nobody can write any more.
func (term *terminal) show(master *os.File) {
	defer close(term.drained)
	buffer := make([]byte, 4096)
	for {
		n, err := master.Read(buffer)
		term.mu.Lock()
		term.written.Write(buffer[:n])
		_, _ = term.screen.Write(buffer[:n])
		for line := range strings.Lines(term.screen.String()) {
			term.seen[strings.TrimSpace(line)] = true
		}
		term.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// saw reports whether a line that begins so was ever on the screen.
func (term *terminal) saw(begin string) bool {
	for line := range term.seen {
		if strings.HasPrefix(line, begin) {
			return true
		}
	}
	return false
}

// TestTerminal proves on a terminal of 80 columns: builds and phases are shown while they go on and are gone
// afterwards, and the result fits.
func TestTerminal(t *testing.T) {
	needSuite(t)
	term := openTerminal(t)
	dir := project(t, quickToProve())
	r := command(t, dir, suite.program, proveArgs("--samples", "1", "--requests", "20", "--skip", "rebuild,pull", "--rule", "root-user,missing-env,no-healthcheck")...)
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = term.program, term.program, term.program
	r.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	r.begin(t)
	res := r.wait(t)
	term.program.Close()
	select {
	case <-term.drained:
	case <-time.After(10 * time.Second):
		t.Fatal("the terminal has writers left")
	}
	all := term.written.String()
	if res.code != 0 {
		t.Fatalf("exit code %d\n%s", res.code, all)
	}
	for _, begin := range []string{"building both versions, no step cached", "before  ", "after  ", "running before", "running after"} {
		if !term.saw(begin) {
			t.Errorf("no line with %q was ever on the screen", begin)
		}
	}
	if !strings.Contains(all, "\x1b[3") {
		t.Error("no colours")
	}
	last := term.screen.String()
	if !strings.Contains(last, "proven") {
		t.Errorf("the verdict is not on the screen:\n%s", last)
	}
	for _, begin := range []string{"running after", "building both"} {
		if strings.Contains(last, begin) {
			t.Errorf("progress is still on the screen:\n%s", last)
		}
	}
	for line := range strings.Lines(all) {
		text := ansi.Strip(strings.TrimRight(line, "\r\n"))
		inDiff := strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") // lines of the project's own files
		if width := ansi.StringWidth(text); width > columns && !inDiff && !strings.Contains(line, "\x1b[J") {
			t.Errorf("%d columns: %q", width, line)
		}
	}
}

// TestPipes proves without a terminal: the result on standard output, progress in whole lines on standard error, and
// nothing but text. With --quiet there is no progress.
func TestPipes(t *testing.T) {
	needSuite(t)
	dir := project(t, quickToProve())
	args := quick("--rule", "root-user,missing-env")
	res := run(t, dir, proveArgs(args...)...)
	if res.code != 0 || !strings.Contains(res.stdout, "proven") {
		t.Fatalf("exit code %d\n%s%s", res.code, res.stdout, res.stderr)
	}
	if strings.Contains(res.stdout+res.stderr, "\x1b") {
		t.Error("escape sequences in a pipe")
	}
	for _, want := range []string{"building both versions, with the build cache\n", "running before\n", "running after\n"} {
		if !strings.Contains(res.stderr, want) {
			t.Errorf("no line %q:\n%s", want, res.stderr)
		}
	}
	res = run(t, dir, proveArgs(append(args, "--quiet")...)...)
	if res.code != 0 || res.stderr != "" {
		t.Errorf("--quiet: exit code %d\n%s", res.code, res.stderr)
	}
}
