package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Engine is a Docker Engine or podman, as it is reached.
type Engine struct {
	At   string // for messages: "unix:///var/run/docker.sock"
	Dial func(ctx context.Context) (net.Conn, error)
}

// asked is an engine with what is asked of it.
type asked struct {
	Engine
	kind, image string
	hint        string // what to do where nobody listens
}

// enginePlace takes "docker:NAME" and "podman:NAME" apart; false is another place.
func (o Options) enginePlace(place string) (a asked, ok bool, err error) {
	if a.image, ok = strings.CutPrefix(place, "docker:"); ok {
		a.kind, a.hint = "the Docker Engine", "is it running? DOCKER_HOST and DOCKER_CONTEXT name another"
		if o.Docker != nil {
			a.Engine, err = o.Docker()
		} else {
			a.Engine, err = socketOf("DOCKER_HOST", "/var/run/docker.sock")
		}
	} else if a.image, ok = strings.CutPrefix(place, "podman:"); ok {
		a.kind, a.hint = "podman", "it serves where its socket is switched on (systemctl start podman.socket, with --user for one's own); CONTAINER_HOST names another"
		usual := "/run/podman/podman.sock"
		if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && os.Getuid() != 0 {
			usual = filepath.Join(dir, "podman", "podman.sock")
		}
		a.Engine, err = socketOf("CONTAINER_HOST", usual)
	}
	if ok && err == nil && a.image == "" {
		err = fmt.Errorf("%s names no image: want %sNAME", place, place)
	}
	return a, ok, err
}

// socketOf is an engine on this machine. One elsewhere is never silently taken for it.
func socketOf(variable, usual string) (Engine, error) {
	socket := usual
	if host := os.Getenv(variable); host != "" {
		var ok bool
		if socket, ok = strings.CutPrefix(host, "unix://"); !ok {
			return Engine{}, fmt.Errorf("%s is %s: only a socket is asked (unix:///PATH)", variable, printable(host))
		}
	}
	return Engine{At: "unix://" + socket, Dial: dialSocket(socket)}, nil
}

func dialSocket(socket string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "unix", socket) }
}

// engineSilence is how long an engine may send nothing: old ones put an image together before they send its first byte.
const engineSilence = 10 * time.Minute

// impatient is a connection on which waiting for the other side ends at some time.
type impatient struct {
	net.Conn
	limit time.Duration
}

func (c impatient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("it has sent nothing for %v: %w", c.limit, err)
	}
	return n, err
}

// maxReply bounds an engine's error message.
const maxReply = 1 << 20

// walkEngine reads an image as the engine exports it, through the call behind
// "docker save", which podman answers too. Engines that can have an image for
// several platforms are asked for the one that is wanted; others don't heed that.
func walkEngine(ctx context.Context, a asked, opts Options, reader Reader) (*Contents, error) {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := a.Dial(ctx)
			return impatient{conn, engineSilence}, err
		},
	}}
	defer client.CloseIdleConnections()
	query, err := saveQuery(a.image, opts)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/images/get?"+query.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", a.kind, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking %s at %s: %w", a.kind, a.At, unreached(err, a.hint))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking %s at %s for %s: %s", a.kind, a.At, a.image, engineMessage(resp))
	}
	return walkStream(ctx, a.image, resp.Body, opts, reader)
}

// saveQuery asks for an image and, where one is named, for its platform.
func saveQuery(name string, opts Options) (url.Values, error) {
	query := url.Values{"names": {name}}
	if opts.Platform == "" {
		return query, nil
	}
	platform, err := opts.platform()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(platform)
	query.Set("platform", string(text))
	return query, err
}

// unreached says why a local server can't be asked, and what can be done about it.
func unreached(err error, hint string) error {
	if request := new(url.Error); errors.As(err, &request) {
		err = request.Err // its address is made up
	}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: %s", err, hint)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: it serves its owner and group alone", err)
	}
	return err
}

func engineMessage(resp *http.Response) string {
	var reply struct{ Message string }
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if json.Unmarshal(text, &reply) == nil && reply.Message != "" {
		return printable(reply.Message)
	}
	return resp.Status
}
