//go:build linux

package cli

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/plimsoll/plimsoll/internal/app"
	"golang.org/x/sys/unix"
)

// screen is a terminal of a test: a pseudo-terminal, and what a person would see on it.
type screen struct {
	t        *testing.T
	keyboard *os.File // the terminal's side of the pseudo-terminal
	program  *os.File // the program's side
	mu       sync.Mutex
	emulator *vt.Emulator
	exit     chan int
	errs     bytes.Buffer
}

const screenWidth, screenHeight = 110, 24

// browsing starts the program on a terminal of its own.
func browsing(t *testing.T, args ...string) *screen {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	s := &screen{t: t, emulator: vt.NewEmulator(screenWidth, screenHeight), exit: make(chan int, 1)}
	s.openTerminal()
	go s.show()
	go s.answer()
	command := Command{
		Stdin: s.program, Stdout: s.program, Stderr: &s.errs, Env: append(os.Environ(), "TERM=xterm-256color", "NO_COLOR="),
		Version: Version{Version: "v1.2.3", Go: "go1"}, Pipelines: Pipelines{Inspect: app.Inspect},
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go func() { s.exit <- command.Main(ctx, append([]string{"inspect", "--tree"}, args...)) }()
	return s
}

func (s *screen) openTerminal() {
	s.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { master.Close() })
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		s.t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: screenHeight, Col: screenWidth}); err != nil {
		s.t.Fatal(err)
	}
	if s.program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { s.program.Close() })
	s.keyboard = master
}

// show draws what the program writes.
func (s *screen) show() {
	buffer := make([]byte, 4096)
	for {
		n, err := s.keyboard.Read(buffer)
		s.mu.Lock()
		_, _ = s.emulator.Write(buffer[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// answer sends what a terminal says when it is asked.
func (s *screen) answer() { _, _ = io.Copy(s.keyboard, s.emulator) }

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.emulator.String()
}

func (s *screen) press(keys string) {
	s.t.Helper()
	if _, err := s.keyboard.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// wait waits until all texts are on the screen, and none of those that begin with a !.
func (s *screen) wait(texts ...string) {
	s.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		now := s.text()
		if !slices.ContainsFunc(texts, func(text string) bool {
			absent, not := strings.CutPrefix(text, "!")
			return not == strings.Contains(now, absent) && (not || !strings.Contains(now, text))
		}) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waiting for %q, the screen shows\n%s\n%s", texts, now, &s.errs)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ended waits for the program's end.
func (s *screen) ended(code int) {
	s.t.Helper()
	select {
	case got := <-s.exit:
		if got != code {
			s.t.Errorf("exit code %d, want %d\n%s", got, code, &s.errs)
		}
	case <-time.After(20 * time.Second):
		s.t.Fatalf("it does not end; the screen shows\n%s", s.text())
	}
}

// treeImage has three layers: files, changes of them, a deletion.
func treeImage(t *testing.T) []byte {
	t.Helper()
	return dockerArchive(t,
		layerOf(t, "app/big.bin", 3_000_000, "app/lib/small.txt", 20, "etc/motd", 30),
		layerOf(t, "app/big.bin", 2_000_000, "app/new.txt", 50, "opt/tool", 700),
		layerOf(t, "app/lib/.wh.small.txt", 0, ".wh.opt", 0))
}

const (
	down, right, tab, escape = "\x1b[B", "\x1b[C", "\t", "\x1b"
	ctrlA, ctrlB, ctrlL      = "\x01", "\x02", "\x0c"
	ctrlR, ctrlU             = "\x12", "\x15"
)

// TestTree drives the browser through a pseudo-terminal as a person would.
func TestTree(t *testing.T) {
	name := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(name, treeImage(t), 0o644); err != nil {
		t.Fatal(err)
	}
	s := browsing(t, name)
	s.wait("● Layers", "1  3.00 MB", "2  2.00 MB", "RUN step 1", "+▸ app", "+▸ etc", "3.00 MB reclaimable") // the tree of layer 1, biggest first
	if text := s.text(); strings.Index(text, "+▸ app") > strings.Index(text, "+▸ etc") {
		t.Errorf("the larger folder is not first:\n%s", text)
	}
	s.press(down)
	s.wait("~▸ app", "+▸ opt", "!+▸ etc", "RUN step 2")
	s.press(tab + " ")
	s.wait("● Files, with what this layer changed", "~▾ app", "2.00 MB   ~  big.bin", "+  new.txt")
	s.press("/small")
	s.wait("find: small", "!new.txt", "!opt", "small.txt")
	s.press(escape)
	s.wait("new.txt", "!find: small▏")
	s.press(ctrlU) // without what is unchanged
	s.wait("!etc", "big.bin")
	s.press(ctrlU + ctrlB)
	s.wait("etc", "-rw-r--r--", "drwxr-xr-x")
	s.press(ctrlB + tab + ctrlL) // the layer alone
	s.wait("● Layers", "Files of this layer alone", "+▾ app", "!etc")
	s.press(ctrlA)
	s.wait("etc", "Files, with what this layer changed")
	s.press("w") // the largest waste: the first big.bin, which layer 2 replaces
	s.wait("~  big.bin", "● Files")
	s.press("w") // the next: opt, which layer 3 deletes
	s.wait("RUN step 3", "-▸ opt")
	s.press(ctrlR)
	s.wait("!opt")
	s.press("q")
	s.ended(0)
	s.wait("!Layers") // nothing is left on the screen
}

// TestTreeWhileReading browses an image of which the engine has sent the first layer and a part of the second.
func TestTreeWhileReading(t *testing.T) {
	archive := treeImage(t)
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	goOn := make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(archive[:4_000_000])
		w.(http.Flusher).Flush()
		<-goOn
		_, _ = w.Write(archive[4_000_000:])
	})}
	go server.Serve(l) // ends with Close
	t.Cleanup(func() { server.Close() })
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "s"))

	s := browsing(t, "docker:app:1")
	s.wait("1  3.00 MB", "…", "+▸ app", "reading: ", "!reclaimable")
	s.press(tab + " ")
	s.wait("+  big.bin", "+▸ lib")
	close(goOn)
	s.wait("3.00 MB reclaimable", "3  ", "+▾ app", "!reading: ")
	s.press("q")
	s.ended(0)
}

// TestTreeLeftEarly leaves while nothing has arrived, and with an image that can't be read.
func TestTreeLeftEarly(t *testing.T) {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // takes connections and never answers
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "s"))
	s := browsing(t, "docker:app:1")
	s.wait("reading: ")
	s.press("\x03") // ctrl+c
	s.ended(0)

	damaged := filepath.Join(dir, "image.tar")
	if err := os.WriteFile(damaged, treeImage(t)[:2_000_000], 0o644); err != nil {
		t.Fatal(err)
	}
	s = browsing(t, damaged)
	s.wait("damaged")
	s.press("q")
	s.ended(3)
}

func layerOf(t *testing.T, files ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		size := files[i+1].(int)
		if err := w.WriteHeader(&tar.Header{Name: files[i].(string), Mode: 0o644, Size: int64(size), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(bytes.Repeat([]byte("."), size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dockerArchive has the layers first, as they come, and then what they are.
func dockerArchive(t *testing.T, layers ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	put := func(name string, content []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	var names, diffs []string
	var history []any
	for i, l := range layers {
		sum := sha256.Sum256(l)
		names, diffs = append(names, fmt.Sprintf("%d/layer.tar", i)), append(diffs, "sha256:"+hex.EncodeToString(sum[:]))
		history = append(history, map[string]any{"created_by": fmt.Sprintf("RUN step %d", i+1)})
		put(names[i], l)
	}
	for name, value := range map[string]any{
		"config.json": map[string]any{
			"os": "linux", "architecture": "amd64", "history": history, "rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
		},
		"manifest.json": []any{map[string]any{"Config": "config.json", "Layers": names}},
	} {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		put(name, text)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
