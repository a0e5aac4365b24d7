package image

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// enginePlace takes "docker:NAME" and "podman:NAME" apart. The socket is the
// one that DOCKER_HOST or CONTAINER_HOST names, or the engine's usual one.
func enginePlace(place string) (socket, name string, ok bool) {
	if name, ok = strings.CutPrefix(place, "docker:"); ok {
		return socketOf("DOCKER_HOST", "/var/run/docker.sock"), name, true
	}
	if name, ok = strings.CutPrefix(place, "podman:"); ok {
		usual := "/run/podman/podman.sock"
		if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" && os.Getuid() != 0 {
			usual = filepath.Join(dir, "podman", "podman.sock")
		}
		return socketOf("CONTAINER_HOST", usual), name, true
	}
	return "", "", false
}

func socketOf(variable, usual string) string {
	if socket, ok := strings.CutPrefix(os.Getenv(variable), "unix://"); ok {
		return socket
	}
	return usual
}

// maxReply bounds an engine's error message.
const maxReply = 1 << 20

// walkEngine reads an image as the engine exports it, through the call behind
// "docker save", which podman answers too.
func walkEngine(ctx context.Context, socket, name string, reader Reader) (*Contents, error) {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/images/get?names="+url.QueryEscape(name), nil)
	if err != nil {
		return nil, fmt.Errorf("asking the engine: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the engine at %s: %w: is it running, and may you use it?", socket, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking the engine at %s for %s: %s", socket, name, engineMessage(resp))
	}
	return walkStream(ctx, name, resp.Body, reader)
}

func engineMessage(resp *http.Response) string {
	var reply struct{ Message string }
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if json.Unmarshal(text, &reply) == nil && reply.Message != "" {
		return printable(reply.Message)
	}
	return resp.Status
}
