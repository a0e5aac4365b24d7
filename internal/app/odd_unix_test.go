//go:build unix

package app

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const oddDockerfile = "FROM python:3.11\nCOPY . .\nRUN pip install -r requirements.txt\nCMD python main.py\n"

// TestOddFiles puts what is no regular file where one is expected: each ends at once, with the
// name in the error where there is nothing to go on with.
func TestOddFiles(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string // a text, or "pipe", "socket", "folder", "link TARGET"
		want  string            // in the error; empty means none
	}{
		{"a pipe as Dockerfile", map[string]string{"Dockerfile": "pipe"}, "Dockerfile is not a regular file"},
		{"a socket as Dockerfile", map[string]string{"Dockerfile": "socket"}, "Dockerfile is not a regular file"},
		{"a folder as Dockerfile", map[string]string{"Dockerfile": "folder"}, "is a folder, not a Dockerfile"},
		{"a device as Dockerfile", map[string]string{"Dockerfile": "link /dev/zero"}, "outside of the project"},
		{"a Dockerfile of 10 MB", map[string]string{"Dockerfile": strings.Repeat("RUN echo nothing at all\n", 10<<20/24)}, "over the limit"},
		{"a Dockerfile of 40,000 instructions", map[string]string{"Dockerfile": "FROM scratch\n" + strings.Repeat("RUN echo nothing at all\n", 39_999)}, "40000 instructions, over the limit"},
		{"a pipe as ignore file", map[string]string{"Dockerfile": oddDockerfile, ".dockerignore": "pipe"}, ".dockerignore: not a regular file"},
		{"a folder as ignore file", map[string]string{"Dockerfile": oddDockerfile, ".dockerignore": "folder"}, ".dockerignore: not a regular file"},
		{"a device as ignore file", map[string]string{"Dockerfile": oddDockerfile, ".dockerignore": "link /dev/zero"}, ""},
		{"a pipe as the Dockerfile's own ignore file", map[string]string{"Dockerfile": oddDockerfile, "Dockerfile.dockerignore": "pipe"}, "Dockerfile.dockerignore: not a regular file"},
		{"pipes in the place of sources", map[string]string{
			"Dockerfile": oddDockerfile, "requirements.txt": "pipe", "package.json": "pipe", "package-lock.json": "pipe", "main.py": "pipe",
			"go.mod": "pipe", "main.go": "pipe", "pyproject.toml": "pipe", "compose.yaml": "pipe", ".env": "pipe", "LICENSE": "pipe",
		}, ""},
		{"sockets in the place of sources", map[string]string{"Dockerfile": oddDockerfile, "requirements.txt": "socket", "main.py": "socket"}, ""},
		{"folders in the place of sources", map[string]string{"Dockerfile": oddDockerfile, "requirements.txt": "folder", "package.json": "folder", "main.py": "folder", ".env": "folder"}, ""},
		{"devices in the place of sources", map[string]string{"Dockerfile": oddDockerfile, "requirements.txt": "link /dev/zero", "main.py": "link /dev/zero", "LICENSE": "link /dev/zero"}, ""},
		{"links in a circle", map[string]string{"Dockerfile": oddDockerfile, "requirements.txt": "link main.py", "main.py": "link requirements.txt"}, ""},
		{"a pipe as repository", map[string]string{"Dockerfile": oddDockerfile, ".git": "pipe"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, what := range test.files {
				place(t, filepath.Join(dir, name), what)
			}
			done := make(chan error, 1)
			go func() {
				_, err := Check(t.Context(), CheckOptions{Paths: []string{dir}, Offline: true})
				done <- err
			}()
			select {
			case err := <-done:
				if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("error %v, want %q", err, test.want)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("it waits for something")
			}
		})
	}
}

func place(t *testing.T, name, what string) {
	t.Helper()
	var err error
	target, isLink := strings.CutPrefix(what, "link ")
	switch {
	case what == "pipe":
		err = syscall.Mkfifo(name, 0o644)
	case what == "socket":
		var l net.Listener
		if l, err = net.Listen("unix", name); err == nil {
			t.Cleanup(func() { l.Close() })
		}
	case what == "folder":
		err = os.Mkdir(name, 0o755)
	case isLink:
		err = os.Symlink(target, name)
	default:
		err = os.WriteFile(name, []byte(what), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
