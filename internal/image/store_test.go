package image

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Opening a pipe waits for somebody to write to it, which nobody does.
func TestAPipeInALayout(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "index.json"), 0o600); err != nil {
		t.Skip(err)
	}
	opened := make(chan error, 1)
	go func() {
		_, _, err := folderStore{dir}.open("index.json")
		opened <- err
	}()
	select {
	case err := <-opened:
		if err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for a writer")
	}
}

// An engine that takes a connection and never answers is not waited for without end.
func TestASilentEngine(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	_, err := impatient{here, 10 * time.Millisecond}.Read(make([]byte, 1))
	if err == nil || !strings.Contains(err.Error(), "has sent nothing for 10ms") {
		t.Errorf("got %v", err)
	}
}
