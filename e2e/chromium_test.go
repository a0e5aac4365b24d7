package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// browser is a headless Chromium with one page, driven over a pipe by the
// Chrome DevTools protocol: messages in JSON, each with a NUL after it.
type browser struct {
	t       *testing.T
	in, out *os.File
	replies *bufio.Reader
	session string
	calls   int
}

// openPage opens a file in Chromium.
func openPage(t *testing.T, file string, width, height int) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil && os.Getenv("PLIMSOLL_E2E") == "require" {
		t.Fatalf("no chromium: make deps-tests installs it: %v", err)
	}
	if err != nil {
		t.Skipf("no chromium: make deps-tests installs it: %v", err)
	}
	commands, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, replies, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--remote-debugging-pipe", "--user-data-dir="+profile,
		fmt.Sprintf("--window-size=%d,%d", width, height), "about:blank")
	cmd.Env = append(os.Environ(), "TMPDIR="+profile)
	cmd.ExtraFiles = []*os.File{commands, replies} // 3 and 4, where it looks for them
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	commands.Close()
	replies.Close()
	b := &browser{t: t, in: in, out: out, replies: bufio.NewReader(out)}
	t.Cleanup(func() {
		_, _ = in.WriteString(`{"id":0,"method":"Browser.close"}` + "\x00") // it ends, or is ended with the test
		in.Close()
		_ = cmd.Wait()
		out.Close()
		removeSoon(profile)
	})
	var created struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "file://" + file}, &created)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": created.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	b.until(`location.protocol === "file:" && document.readyState === "complete"`)
	return b
}

// removeSoon removes a folder into which processes write that end by themselves.
func removeSoon(dir string) {
	for range 50 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// call sends a command and waits for its answer.
func (b *browser) call(method string, params, answer any) {
	b.t.Helper()
	b.calls++
	if params == nil {
		params = map[string]any{}
	}
	message := map[string]any{"id": b.calls, "method": method, "params": params}
	if b.session != "" {
		message["sessionId"] = b.session
	}
	text, err := json.Marshal(message)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	if err := b.out.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		b.t.Fatal(err)
	}
	for {
		line, err := b.replies.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		var reply struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(line[:len(line)-1], &reply); err != nil {
			b.t.Fatal(err)
		}
		if reply.ID != b.calls {
			continue // an event
		}
		if reply.Error != nil {
			b.t.Fatalf("%s: %s", method, reply.Error.Message)
		}
		if answer != nil {
			if err := json.Unmarshal(reply.Result, answer); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// value is what an expression gives in the page.
func (b *browser) value(expression string, into any) {
	b.t.Helper()
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Text string }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &answer)
	if answer.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, answer.ExceptionDetails.Text)
	}
	if err := json.Unmarshal(answer.Result.Value, into); err != nil {
		b.t.Fatalf("%s gives %s: %v", expression, answer.Result.Value, err)
	}
}

// until waits until an expression is true.
func (b *browser) until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var ok bool
		b.value("Boolean("+expression+")", &ok)
		if ok {
			return
		}
		if time.Now().After(end) {
			var body string
			b.value("document.body.innerText", &body)
			b.t.Fatalf("%s never comes true; the page says\n%s", expression, body)
		}
	}
}

// click presses the mouse in the middle of what an expression gives.
func (b *browser) click(element string) {
	b.t.Helper()
	var at struct{ X, Y float64 }
	b.value(`(() => { const r = (`+element+`).getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2 } })()`, &at)
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", map[string]any{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

func (b *browser) press(key string) {
	b.t.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key}, nil)
	}
}
