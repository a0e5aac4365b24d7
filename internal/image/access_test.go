package image

import (
	"archive/tar"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// guardedHub is a registry with TLS of its own CA, a login, and faults.
type guardedHub struct {
	*httptest.Server
	inner http.Handler
	auth  string // "", "basic" or "token"
	// fault is asked first; it returns true when it answered.
	fault  func(w http.ResponseWriter, r *http.Request) bool
	asked  atomic.Int64
	tokens atomic.Int64
}

func newGuardedHub(t *testing.T, auth string) (*guardedHub, v1.Image) {
	t.Helper()
	h := &guardedHub{inner: ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))), auth: auth}
	h.Server = httptest.NewUnstartedServer(h)
	h.Config.ErrorLog = log.New(io.Discard, "", 0)
	h.StartTLS()
	t.Cleanup(h.Close)
	img, err := random.Image(300_000, 2)
	if err != nil {
		t.Fatal(err)
	}
	plain := httptest.NewServer(h.inner)
	defer plain.Close()
	at, err := name.ParseReference(strings.TrimPrefix(plain.URL, "http://") + "/team/app:1")
	if err == nil {
		err = remote.Write(at, img)
	}
	if err != nil {
		t.Fatal(err)
	}
	return h, img
}

func (h *guardedHub) host() string { return strings.TrimPrefix(h.URL, "https://") }
func (h *guardedHub) ref() string  { return h.host() + "/team/app:1" }

const theToken = "a-token"

func (h *guardedHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.asked.Add(1)
	user, password, _ := r.BasicAuth()
	known := user == "anna" && password == "secret"
	switch {
	case r.URL.Path == "/token" && known:
		h.tokens.Add(1)
		fmt.Fprintf(w, `{"token":%q}`, theToken)
	case r.URL.Path == "/token":
		w.WriteHeader(http.StatusUnauthorized)
	case h.auth == "basic" && !known:
		w.Header().Set("WWW-Authenticate", `Basic realm="hub"`)
		w.WriteHeader(http.StatusUnauthorized)
	case h.auth == "token" && r.Header.Get("Authorization") != "Bearer "+theToken:
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="hub",scope="repository:team/app:pull"`, h.URL))
		w.WriteHeader(http.StatusUnauthorized)
	case h.fault != nil && h.fault(w, r):
	default:
		h.inner.ServeHTTP(w, r)
	}
}

// options reach the hub with its CA, a login, and little patience.
func (h *guardedHub) options(t *testing.T, password string) Options {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	config, err := json.Marshal(map[string]any{"auths": map[string]any{h.host(): map[string]string{
		"auth": base64.StdEncoding.EncodeToString([]byte("anna:" + password)),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
	for file, text := range map[string][]byte{"config.json": config, "ca.pem": ca} {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	access, err := registry.New(registry.Options{CAFile: filepath.Join(dir, "ca.pem")})
	if err != nil {
		t.Fatal(err)
	}
	hasty := registry.Patience{Tries: 4, First: time.Millisecond, Whole: 20 * time.Second, Silence: time.Second, Connects: 1}
	return Options{Access: access, patience: &hasty, CacheDir: t.TempDir()}
}

// readAll reads the whole image and says how many bytes its files have.
func readAll(t *testing.T, ref string, opts Options) (*Contents, error) {
	t.Helper()
	return Scan(t.Context(), ref, opts, func(_ Layer, _ *tar.Header, content io.Reader) error {
		_, err := io.Copy(io.Discard, content)
		return err
	})
}

func TestLoginsAreUsed(t *testing.T) {
	for _, auth := range []string{"", "basic", "token"} {
		t.Run("auth "+auth, func(t *testing.T) {
			h, img := newGuardedHub(t, auth)
			opts := h.options(t, "secret")
			digest, err := img.Digest()
			if err != nil {
				t.Fatal(err)
			}
			family, err := Lookup(t.Context(), h.ref(), opts)
			if v, ok := family.Asked(); err != nil || !ok || v.Digest != digest.String() {
				t.Errorf("look-up: %+v, %v", family, err)
			}
			if c, err := readAll(t, h.ref(), opts); err != nil || c.Digest != digest.String() {
				t.Errorf("reading: %+v, %v", c, err)
			}
			if auth == "token" && h.tokens.Load() == 0 {
				t.Error("no token was asked for")
			}
		})
	}
}

func TestLoginsThatAreWrong(t *testing.T) {
	for _, auth := range []string{"basic", "token"} {
		h, _ := newGuardedHub(t, auth)
		_, err := readAll(t, h.ref(), h.options(t, "wrong"))
		if !errors.Is(err, ErrAuth) || !strings.Contains(err.Error(), "log in to "+h.host()) {
			t.Errorf("%s: %v", auth, err)
		}
		if n := h.asked.Load(); n > 6 {
			t.Errorf("%s: asked %d times with a wrong login, which may lock an account", auth, n)
		}
	}
}

func TestAHelperOutOfOrderIsNamed(t *testing.T) {
	h, _ := newGuardedHub(t, "basic")
	opts := h.options(t, "secret")
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte(`{"credsStore":"none-such"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := readAll(t, h.ref(), opts)
	if err == nil || !strings.Contains(err.Error(), "docker-credential-none-such") || strings.Contains(err.Error(), "--mirror") {
		t.Errorf("got %v, want the helper named, and no mirror advised", err)
	}
	h.auth = "" // who wants no login does not notice
	if _, err := readAll(t, h.ref(), opts); err != nil {
		t.Errorf("without a login asked for: %v", err)
	}
}

// What went wrong is told without waiting for a helper, once nobody waits for the answer.
func TestNoHelperIsAskedAfterTheEnd(t *testing.T) {
	h, _ := newGuardedHub(t, "basic")
	opts := h.options(t, "secret")
	dir := os.Getenv("DOCKER_CONFIG")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	asked := filepath.Join(dir, "asked")
	for file, text := range map[string]string{"config.json": `{"credsStore":"test"}`, "docker-credential-test": "#!/bin/sh\ntouch " + asked + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ref, err := ParseReference(h.ref())
	if err != nil {
		t.Fatal(err)
	}
	at, err := opts.endpoint(ref)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := opts.explain(ctx, ref, at, ErrAuth); !errors.Is(err, ErrAuth) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(asked); err == nil {
		t.Error("the helper was asked")
	}
}

func TestACertificateThatIsNotTrusted(t *testing.T) {
	h, _ := newGuardedHub(t, "")
	opts := h.options(t, "secret")
	var err error
	if opts.Access, err = registry.New(registry.Options{}); err != nil {
		t.Fatal(err)
	}
	_, err = readAll(t, h.ref(), opts)
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "--ca-file") || strings.Contains(err.Error(), "--mirror") {
		t.Errorf("got %v", err)
	}
}

// onBlobs is a fault of the first answers with a blob of more than a config's size.
func onBlobs(times int64, fault http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/blobs/") || n.Add(1) > times {
			return false
		}
		fault(w, r)
		return true
	}
}

func TestFaultsOfARegistry(t *testing.T) {
	tooMany := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	broken := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	abort := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "300000")
		_, _ = w.Write(make([]byte, 10))
		panic(http.ErrAbortHandler)
	}
	for name, fault := range map[string]http.HandlerFunc{"429": tooMany, "500": broken, "silent": silent, "breaks off": abort} {
		t.Run(name, func(t *testing.T) {
			h, _ := newGuardedHub(t, "token")
			opts := h.options(t, "secret")
			if name != "breaks off" { // what was sent before it broke off would be wrong
				h.fault = onBlobs(2, fault)
				if _, err := readAll(t, h.ref(), opts); err != nil {
					t.Errorf("a fault that passes: %v", err)
				}
			}
			h.fault = onBlobs(1000, fault)
			began := time.Now()
			_, err := readAll(t, h.ref(), opts)
			if err == nil || !strings.Contains(err.Error(), h.host()) || time.Since(began) > 30*time.Second {
				t.Errorf("a fault that stays: %v after %v, want an error that names the registry", err, time.Since(began))
			}
			if !errors.Is(err, ErrUnreachable) {
				t.Errorf("%v is not known to be the registry's fault", err)
			}
		})
	}
}

func TestABlobThatBreaksOffIsReadOn(t *testing.T) {
	h, img := newGuardedHub(t, "token")
	var cut atomic.Int64
	var seen sync.Map
	h.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if _, again := seen.LoadOrStore(r.URL.Path, true); again || !strings.Contains(r.URL.Path, "/blobs/") {
			return false
		}
		whole := httptest.NewRecorder()
		h.inner.ServeHTTP(whole, r)
		if whole.Body.Len() < 100_000 {
			return false
		}
		cut.Add(1)
		w.Header().Set("Content-Length", fmt.Sprint(whole.Body.Len()))
		_, _ = w.Write(whole.Body.Bytes()[:50_000])
		panic(http.ErrAbortHandler)
	}
	c, err := readAll(t, h.ref(), h.options(t, "secret"))
	if err != nil || len(c.Layers) != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	if cut.Load() != 2 || c.TransferBytes != transferBytes(t, img) {
		t.Errorf("%d transfers were cut, want both layers'; %d bytes", cut.Load(), c.TransferBytes)
	}
}
