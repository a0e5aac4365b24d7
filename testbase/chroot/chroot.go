// Package chroot runs shell scripts inside a root file system.
//
// Every run has a mount and a process namespace of its own, so that its mounts
// and its processes end with it, whatever way it ends.
package chroot

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"github.com/plimsoll/plimsoll/testbase/recipe"
)

//go:embed enter.sh
var enter string

// ErrNotRoot is returned when the process may not mount and change its root.
var ErrNotRoot = errors.New("building base images installs packages in a chroot, which needs root: run it with sudo")

// Check says whether this process can run chroots at all.
func Check() error {
	if os.Geteuid() != 0 {
		return ErrNotRoot
	}
	return nil
}

// Run runs a script (for sh) with its arguments inside root and returns what it
// wrote to standard output. An error carries the end of what it wrote to both.
func Run(ctx context.Context, root, script string, args ...string) (string, error) {
	return apart(ctx, enter, append([]string{root, script}, args...))
}

// RunOnHost runs a script with the host's own root, in namespaces like Run's:
// for tools that mount things where they build a root.
func RunOnHost(ctx context.Context, script string, args ...string) (string, error) {
	return apart(ctx, host+script, args)
}

// host makes /proc tell of the new process namespace.
const host = "mount --make-rprivate /\nmount -t proc proc /proc\n"

// apart runs a script in new mount and process namespaces. The shell is their
// first process: when it ends, or this process does, everything in them ends,
// and no mount is left below a folder that is about to be removed.
func apart(ctx context.Context, script string, args []string) (string, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", append([]string{"-euc", script, "testbase"}, args...)...)
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	var out bytes.Buffer
	both := &log{}
	cmd.Stdout = io.MultiWriter(&out, both)
	cmd.Stderr = both
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fmt.Errorf("%w; its last output was:\n%s", err, tail(both.text.String(), 25))
	}
	return out.String(), nil
}

// environment is a clean one: a build must not depend on the settings of the
// user who starts it, proxies excepted.
func environment() []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=/root", "LANG=C.UTF-8", "TERM=dumb", "DEBIAN_FRONTEND=noninteractive",
		fmt.Sprintf("SOURCE_DATE_EPOCH=%d", recipe.Epoch.Unix()),
	}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// log collects two streams that are written at the same time.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}
