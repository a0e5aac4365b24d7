package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"
)

const (
	// helperLimit bounds a credential helper: it may ask a person for the key of a key ring.
	helperLimit = 30 * time.Second
	// helperNotice is when it is told that it is waited for.
	helperNotice = 2 * time.Second
	// identityUser is the user name of a login that is a token.
	identityUser = "<token>"
)

// askHelper has docker-credential-NAME look a login up. path is the file that names it.
func (a *Access) askHelper(ctx context.Context, name, host, path string) (Login, error) {
	limited, cancel := context.WithTimeout(ctx, a.helperLimit)
	defer cancel()
	program := &helper{ctx: limited, name: "docker-credential-" + name}
	notice := time.AfterFunc(helperNotice, func() {
		a.waiting.say(fmt.Sprintf("waiting for %s, which is asked for the login to %s", program.name, host))
	})
	defer notice.Stop()
	found, err := client.Get(func(args ...string) client.Program { program.args = args; return program }, host)
	switch {
	case err == nil && found.Username == identityUser:
		return Login{IdentityToken: found.Secret}, nil
	case err == nil:
		return Login{Username: found.Username, Password: found.Secret}, nil
	case credentials.IsErrCredentialsNotFound(err):
		return Login{}, nil
	}
	return Login{}, program.explain(err, host, path)
}

// helper is a credential helper that runs no longer than its context.
type helper struct {
	ctx    context.Context
	name   string
	args   []string
	input  io.Reader
	failed error
	stderr bytes.Buffer
}

func (h *helper) Input(in io.Reader) { h.input = in }

func (h *helper) Output() ([]byte, error) {
	cmd := exec.CommandContext(h.ctx, h.name, h.args...)
	cmd.Stdin, cmd.Stderr = h.input, &h.stderr
	cmd.WaitDelay = time.Second // a child of it may hold its output open
	out, err := cmd.Output()
	h.failed = err
	return out, err
}

// explain says what is wrong with a helper and what can be done about it.
func (h *helper) explain(err error, host, path string) error {
	const remedy = "take it out of credHelpers or credsStore in %s, or log in again with docker login"
	switch {
	case errors.Is(h.failed, exec.ErrNotFound):
		return fmt.Errorf("the login for %s is kept by %s, which is not installed: install it, or "+remedy, host, h.name, path)
	case errors.Is(h.ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("the login for %s is kept by %s, which did not answer in time: run it by hand (echo %s | %s get), or "+remedy, host, h.name, host, h.name, path)
	case h.ctx.Err() != nil:
		return context.Cause(h.ctx)
	}
	said := strings.TrimSpace(printable(h.stderr.String()))
	if said != "" {
		said = " (" + said + ")"
	}
	return fmt.Errorf("the login for %s is kept by %s, which failed: %w%s: run it by hand (echo %s | %s get), or "+remedy, host, h.name, err, said, host, h.name, path)
}
