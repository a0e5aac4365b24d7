package docker

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/context/docker"
)

// fakeDaemon answers the call behind "docker load" on a socket.
func fakeDaemon(t *testing.T, load http.HandlerFunc) *Endpoint {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/images/load") && r.Method == http.MethodPost {
			load(w, r)
			return
		}
		w.Header().Set("Api-Version", "1.47") // what a ping is for
	}))
	s.Listener = listener
	s.Start()
	t.Cleanup(s.Close)
	return &Endpoint{Endpoint: endpointAt("unix://" + socket)}
}

func endpointAt(host string) (e docker.Endpoint) {
	e.Host = host
	return e
}

func TestLoad(t *testing.T) {
	var got string
	endpoint := fakeDaemon(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got = string(text)
		_, _ = io.WriteString(w, `{"stream":"Loaded image: shop:proven\n"}`+"\n")
	})
	where, err := Load(t.Context(), endpoint, strings.NewReader("an archive"))
	if err != nil || got != "an archive" || !strings.Contains(where, endpoint.Host) {
		t.Errorf("loaded %q into %q, %v", got, where, err)
	}
}

// TestDial makes calls of its own through the connections of an Engine on another machine.
func TestDial(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) }))
	defer s.Close()
	dial, err := Dial(&Endpoint{Endpoint: endpointAt("tcp://" + s.Listener.Addr().String())})
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://engine/images/get")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "/images/get" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestLoadsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"told in the answer": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, `{"stream":"x"}`+"\n"+`{"errorDetail":{"message":"no space left on device"},"error":"no space left on device"}`)
		}, "no space left on device"},
		"refused": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"message":"out of order"}`)
		}, "out of order"},
		"no JSON": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, "hello")
		}, "reading the Docker Engine's answer"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := Load(ctx, fakeDaemon(t, c.answer), strings.NewReader("an archive"))
		cancel()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	nobody := &Endpoint{Endpoint: endpointAt("unix://" + filepath.Join(t.TempDir(), "none.sock"))}
	if _, err := Load(t.Context(), nobody, strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "none.sock") {
		t.Errorf("nobody listens: %v", err)
	}
}
