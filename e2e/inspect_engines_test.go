package e2e

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/plimsoll/plimsoll/testbase/engines"
)

// TestInspectEngines holds that every engine's image is told as its registry's: Docker Engines with layers unpacked and with
// containerd's store, containerd by its own socket, and podman. Each pulls it from a registry, in two platforms where it can.
func TestInspectEngines(t *testing.T) {
	needSuite(t)
	ref := pushedForTwo(t)
	const foreign = "linux/arm64"
	amd64 := told(t, nil, ref)
	arm64 := told(t, nil, ref, "--platform", foreign)
	wantAccount(t, amd64, 90_000+1000+300+54, 54)
	wantAccount(t, arm64, 70_000+1000+300+54, 54)

	t.Run("docker-20.10", func(t *testing.T) {
		t.Parallel()
		d := daemonOf(t, engines.DebianDocker, engines.StartDocker, engines.Setup{})
		host := []string{"DOCKER_HOST=" + d.Address}
		pull(t, d, ref, "")
		same(t, loose(amd64), loose(told(t, host, "docker:"+ref)))
		same(t, loose(amd64), loose(told(t, host, "docker:"+idOf(t, d, ref))))
		refused(t, host, "it is for linux/amd64, not linux/arm64", "docker:"+ref, "--platform", foreign)
		own := []string{"CONTAINERD_ADDRESS=" + fetch(t, d, ref)}
		same(t, amd64, told(t, own, "containerd:"+ref))
		same(t, arm64, told(t, own, "containerd:"+ref, "--platform", foreign))
	})
	t.Run("docker-today", func(t *testing.T) {
		t.Parallel()
		d := daemonOf(t, engines.Docker, engines.StartDocker, engines.Setup{})
		host := []string{"DOCKER_HOST=" + d.Address}
		pull(t, d, ref, "linux/amd64")
		refused(t, host, foreign, "docker:"+ref, "--platform", foreign)
		pull(t, d, ref, foreign)
		same(t, amd64, told(t, host, "docker:"+ref))
		same(t, arm64, told(t, host, "docker:"+ref, "--platform", foreign))
		own := []string{"CONTAINERD_ADDRESS=" + fetch(t, d, ref)}
		for _, env := range [][]string{own, append(own, "CONTAINERD_NAMESPACE=moby")} {
			same(t, amd64, told(t, env, "containerd:"+ref))
			same(t, arm64, told(t, env, "containerd:"+ref, "--platform", foreign))
		}
	})
	t.Run("podman", func(t *testing.T) {
		t.Parallel()
		d := daemonOf(t, engines.Podman, engines.StartPodman, engines.Setup{})
		host := []string{"CONTAINER_HOST=" + d.Address}
		ask(t, d, http.MethodPost, "/v4.0.0/libpod/images/pull?tlsVerify=false&reference="+url.QueryEscape(ref))
		same(t, loose(amd64), loose(told(t, host, "podman:"+ref)))
		same(t, loose(amd64), loose(told(t, host, "podman:"+idOf(t, d, ref))))
		refused(t, host, "it is for linux/amd64, not linux/arm64", "podman:"+ref, "--platform", foreign)
	})
}

// pushedForTwo serves an image for two platforms from a registry that ends with the test. Its waste is known, and a later
// layer hides a credential.
func pushedForTwo(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/team/app:1")
	if err != nil {
		t.Fatal(err)
	}
	index := v1.ImageIndex(empty.Index)
	for _, platform := range []struct {
		name  string
		bytes int
	}{{"amd64", 90_000}, {"arm64", 70_000}} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        wastefulImage(t, platform.name, platform.bytes),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: platform.name}},
		})
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	return ref.Name()
}

// wastefulImage wastes the program that a later layer replaces, a file in a folder that one deletes (1000 bytes; the other name
// of it goes, too), one whose mode alone is changed (300), and a file with a credential.
func wastefulImage(t *testing.T, architecture string, program int) v1.Image {
	t.Helper()
	secret := "GITHUB_TOKEN=ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a\n"
	layers := []mutate.Addendum{
		layerWith(t, "COPY . / # buildkit",
			tar.Header{Name: "app/", Typeflag: tar.TypeDir, Mode: 0o755}, "",
			tar.Header{Name: "app/serve", Mode: 0o755}, strings.Repeat(architecture[:1], program),
			tar.Header{Name: "app/.env", Mode: 0o600}, secret,
			tar.Header{Name: "app/mode", Mode: 0o644}, strings.Repeat("m", 300),
			tar.Header{Name: "app/kept", Mode: 0o4755}, strings.Repeat("k", 500),
			tar.Header{Name: "app/same", Typeflag: tar.TypeLink, Linkname: "app/kept"}, "",
			tar.Header{Name: "cache/", Typeflag: tar.TypeDir, Mode: 0o755}, "",
			tar.Header{Name: "cache/a", Mode: 0o644}, strings.Repeat("c", 1000),
			tar.Header{Name: "cache/b", Typeflag: tar.TypeLink, Linkname: "cache/a"}, "",
			tar.Header{Name: "var/lib/dpkg/", Typeflag: tar.TypeDir, Mode: 0o755}, "",
			tar.Header{Name: "var/lib/dpkg/status", Mode: 0o644}, "Package: libc6\nStatus: install ok installed\nInstalled-Size: 12\nVersion: 2.36-9\n"),
		layerWith(t, "RUN rm -r /cache /app/.env && chmod 755 /app/mode # buildkit",
			tar.Header{Name: "app/", Typeflag: tar.TypeDir, Mode: 0o755}, "",
			tar.Header{Name: "app/.wh..env"}, "",
			tar.Header{Name: "app/mode", Mode: 0o755}, strings.Repeat("m", 300),
			tar.Header{Name: ".wh.cache"}, ""),
		layerWith(t, "COPY serve /app/ # buildkit",
			tar.Header{Name: "app/", Typeflag: tar.TypeDir, Mode: 0o755}, "",
			tar.Header{Name: "app/serve", Mode: 0o755}, strings.Repeat("s", 2000)),
	}
	img, err := mutate.Append(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file.OS, file.Architecture, file.Created = "linux", architecture, v1.Time{Time: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	file.Config = v1.Config{
		User: "1000:1000", Env: []string{"PATH=/app:/bin", "MODE=production"}, Entrypoint: []string{"/app/serve"}, Cmd: []string{"--port", "80"}, WorkingDir: "/app",
		Labels: map[string]string{"org.opencontainers.image.source": "https://example.com/app"}, ExposedPorts: map[string]struct{}{"80/tcp": {}}, StopSignal: "SIGINT",
		Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "/app/serve", "--check"}, Interval: time.Minute},
	}
	file.History = append(file.History, v1.History{CreatedBy: "HEALTHCHECK CMD /app/serve --check", EmptyLayer: true})
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	return img
}

// layerWith takes headers, each with the content that follows it.
func layerWith(t *testing.T, instruction string, entries ...any) mutate.Addendum {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		h, content := entries[i].(tar.Header), entries[i+1].(string)
		h.Size, h.ModTime, h.Format = int64(len(content)), time.Unix(1_700_000_000, 0), tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return mutate.Addendum{Layer: l, History: v1.History{CreatedBy: instruction}}
}

// told is inspect's report, without what differs between two runs.
func told(t *testing.T, env []string, args ...string) map[string]any {
	t.Helper()
	res := lookAt(t, env, args...)
	if res.code != 0 {
		t.Fatalf("%q: exit code %d\n%s", args, res.code, res.stderr)
	}
	var report map[string]any
	if err := json.Unmarshal([]byte(res.stdout), &report); err != nil {
		t.Fatal(err)
	}
	delete(report, "image")
	delete(report, "seconds")
	return report
}

// loose is a report without what an engine loses that keeps images unpacked: how they are stored in the registry.
func loose(report map[string]any) map[string]any {
	report = maps.Clone(report)
	delete(report, "digest")
	delete(report, "transfer_bytes")
	var layers []any
	for _, layer := range report["layers"].([]any) {
		l := maps.Clone(layer.(map[string]any))
		delete(l, "digest")
		delete(l, "transfer_bytes")
		layers = append(layers, l)
	}
	report["layers"] = layers
	return report
}

func lookAt(t *testing.T, env []string, args ...string) result {
	t.Helper()
	r := command(t, t.TempDir(), suite.program, append([]string{"inspect", "--format", "json", "--no-cache"}, args...)...)
	r.cmd.Env = append(os.Environ(), env...)
	r.begin(t)
	return r.wait(t)
}

// same holds that all of two reports is alike.
func same(t *testing.T, want, got map[string]any) {
	t.Helper()
	for field := range maps.Keys(want) {
		if !reflect.DeepEqual(want[field], got[field]) {
			t.Errorf("%s is told as %v, of the registry's image as %v", field, got[field], want[field])
		}
	}
}

func wantAccount(t *testing.T, report map[string]any, wasted, secret float64) {
	t.Helper()
	waste := report["waste"].(map[string]any)
	causes := waste["by_cause"].(map[string]any)
	if waste["bytes"] != wasted || causes["metadata"] != 300.0 || causes["deleted"] != 1000+secret {
		t.Errorf("waste %v, want %v bytes, of them 300 for the sake of a mode, and %v deleted", waste, wasted, 1000+secret)
	}
	if secrets := report["secrets"].([]any); len(secrets) != 1 || secrets[0].(map[string]any)["hidden"] != true {
		t.Errorf("credentials %v, want the one that is hidden", secrets)
	}
	if packages := report["packages"].([]any); len(packages) != 1 {
		t.Errorf("packages %v", packages)
	}
}

// refused holds that there is no report, but a message.
func refused(t *testing.T, env []string, message string, args ...string) {
	t.Helper()
	res := lookAt(t, env, args...)
	if res.code != 3 || !strings.Contains(res.stdout, message) {
		t.Errorf("%q: exit code %d, want 3 and %q\n%.600s%s", args, res.code, message, res.stdout, res.stderr)
	}
}

// ask calls an engine's interface and returns what it answers.
func ask(t *testing.T, d *engines.Daemon, method, path string) []byte {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(d.Address, "unix://"))
	}}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://engine"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || bytes.Contains(text, []byte(`"error"`)) {
		t.Fatalf("%s: %s, %v\n%s\n%s", path, resp.Status, err, text, d.Log())
	}
	return text
}

// pull makes a Docker Engine pull.
func pull(t *testing.T, d *engines.Daemon, ref, platform string) {
	t.Helper()
	ask(t, d, http.MethodPost, fmt.Sprintf("/images/create?fromImage=%s&platform=%s", url.QueryEscape(ref), url.QueryEscape(platform)))
}

// idOf is the id that an engine gives to an image.
func idOf(t *testing.T, d *engines.Daemon, ref string) string {
	t.Helper()
	var image struct{ ID string }
	if err := json.Unmarshal(ask(t, d, http.MethodGet, "/images/"+ref+"/json"), &image); err != nil {
		t.Fatal(err)
	}
	return image.ID
}

// fetch makes a Docker Engine's containerd fetch an image for all platforms into a namespace of its own, and returns its socket.
func fetch(t *testing.T, d *engines.Daemon, ref string) string {
	t.Helper()
	store, err := engines.Default()
	if err != nil {
		t.Fatal(err)
	}
	bin, err := engines.DebianDocker(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(d.Dir, "exec", "containerd", "containerd.sock")
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "ctr"), "--address", socket, "content", "fetch", "--plain-http", "--all-platforms", ref).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return socket
}
