package embedded

import (
	"encoding/base64"
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
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/registry"
)

// guarded is a registry with TLS of its own CA that wants a token, which anna gets.
type guarded struct {
	*httptest.Server
	inner  http.Handler
	open   string                           // where the same images are had without a login
	fault  atomic.Pointer[http.HandlerFunc] // answers manifests and blobs in its place
	tokens atomic.Int64
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	store, err := image.StartRegistry(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{inner: store, open: store.Addr()}
	g.Server = httptest.NewUnstartedServer(g)
	g.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.StartTLS()
	t.Cleanup(func() {
		g.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g *guarded) host() string { return strings.TrimPrefix(g.URL, "https://") }

func (g *guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, password, _ := r.BasicAuth()
	if user == "" { // as a form, which is how daemons ask
		user, password = r.PostFormValue("username"), r.PostFormValue("password")
	}
	fault := g.fault.Load()
	switch {
	case r.URL.Path == "/token" && user == "anna" && password == "secret":
		g.tokens.Add(1)
		fmt.Fprint(w, `{"token":"good","access_token":"good"}`)
	case r.URL.Path == "/token":
		w.WriteHeader(http.StatusUnauthorized)
	case r.Header.Get("Authorization") != "Bearer good":
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="g"`, g.URL))
		w.WriteHeader(http.StatusUnauthorized)
	case fault != nil && r.URL.Path != "/v2/":
		(*fault)(w, r)
	default:
		g.inner.ServeHTTP(w, r)
	}
}

// surroundings are a login and a CA file for the registry.
func (g *guarded) surroundings(t *testing.T, helper string) *registry.Access {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, g.host(), base64.StdEncoding.EncodeToString([]byte("anna:secret")))
	if helper != "" {
		config = fmt.Sprintf(`{"credsStore":%q}`, helper)
	}
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.Certificate().Raw}))
	for file, text := range map[string]string{"config.json": config, "ca.pem": ca} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	access, err := registry.New(registry.Options{CAFile: filepath.Join(dir, "ca.pem")})
	if err != nil {
		t.Fatal(err)
	}
	return access
}

// TestRegistryFaults pulls one base image from a registry that wants TLS and a token, in good and in bad times.
func TestRegistryFaults(t *testing.T) {
	g := newGuarded(t)
	maker, tool := newBench(t)
	req := maker.Request("RUN write /base base\n")
	req.Push = g.open + "/base:1"
	maker.Build(req)

	hasty := registry.Patience{Tries: 4, First: 10 * time.Millisecond, Whole: 2 * time.Second, Silence: 500 * time.Millisecond, Connects: 1}
	from := engine.BuildRequest{Name: "after", ContextDir: maker.Dir, Dockerfile: []byte("FROM " + g.host() + "/base:1\nRUN [\"/bin/tool\", \"print\", \"x\"]\n")}
	build := func(helper string) error {
		e := open(t, Options{Root: t.TempDir(), HelperPath: tool, Access: g.surroundings(t, helper), patience: &hasty})
		_, err := e.Build(t.Context(), from, nil)
		return err
	}

	if err := build(""); err != nil || g.tokens.Load() == 0 {
		t.Errorf("in good times: %v, %d tokens", err, g.tokens.Load())
	}
	g.set(cutOnce(g))
	if err := build(""); err != nil {
		t.Errorf("each blob breaks off once: %v", err)
	}
	for name, c := range map[string]struct {
		fault  http.HandlerFunc
		helper string
		want   []string
	}{
		"429": {fault: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
		}, want: []string{"answered 429 Too Many Requests", "asks to wait 10m0s"}},
		"500":              {fault: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, want: []string{"answered 500", "tried 4 times"}},
		"silent":           {fault: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, want: []string{"sent nothing"}},
		"goes away":        {fault: goesAway(g), want: []string{"in the middle of a blob"}},
		"no helper":        {helper: "none-such", want: []string{"docker-credential-none-such", "is not installed"}},
		"broken in anyway": {fault: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: []string{"broke the connection off"}},
	} {
		g.fault.Store(nil)
		if c.fault != nil {
			g.set(c.fault)
		}
		began := time.Now()
		err := build(c.helper)
		var failed *engine.BuildError
		if !errors.As(err, &failed) || failed.Registry != g.host() {
			t.Errorf("%s: %v, want one that is the registry's fault", name, err)
			continue
		}
		for _, want := range append(c.want, g.host()) {
			if !strings.Contains(failed.Err.Error(), want) {
				t.Errorf("%s: %q does not say %q", name, failed.Err, want)
			}
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
		t.Logf("%s: %v: %v | %s", name, time.Since(began).Round(time.Millisecond), failed.Err, failed.Hint)
	}
}

func (g *guarded) set(fault http.HandlerFunc) { g.fault.Store(&fault) }

// cutOnce breaks the first transfer of each blob off in its middle.
func cutOnce(g *guarded) http.HandlerFunc {
	seen := map[string]bool{}
	return serialized(func(w http.ResponseWriter, r *http.Request) {
		if seen[r.URL.Path] || !strings.Contains(r.URL.Path, "/blobs/") {
			g.inner.ServeHTTP(w, r)
			return
		}
		seen[r.URL.Path] = true
		half(g.inner, w, r)
	})
}

// goesAway serves manifests and the halves of blobs.
func goesAway(g *guarded) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			half(g.inner, w, r)
		}
		g.inner.ServeHTTP(w, r)
	}
}

// half sends half of a blob and breaks off.
func half(inner http.Handler, w http.ResponseWriter, r *http.Request) {
	whole := httptest.NewRecorder()
	inner.ServeHTTP(whole, r)
	w.Header().Set("Content-Length", fmt.Sprint(whole.Body.Len()))
	_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// serialized lets one request at a time into a handler.
func serialized(h http.HandlerFunc) http.HandlerFunc {
	turn := make(chan struct{}, 1)
	return func(w http.ResponseWriter, r *http.Request) {
		turn <- struct{}{}
		defer func() { <-turn }()
		h(w, r)
	}
}
