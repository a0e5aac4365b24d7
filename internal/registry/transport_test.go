package registry

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hasty is patience for tests, which hardly waits between tries.
func hasty() Patience {
	return Patience{Tries: 4, First: time.Millisecond, Whole: 30 * time.Second, Silence: 20 * time.Second, Connects: 2}
}

// hastyWith is that for a server with a fault: of one that says nothing the silence is waited for, and
// other tests must not take a machine that is busy for silence.
func hastyWith(saysNothing bool) Patience {
	p := hasty()
	if saysNothing {
		p.Silence = 500 * time.Millisecond
	}
	return p
}

// heard collects what is said while waiting.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) say(line string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, line)
}

func (h *heard) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.lines, "\n")
}

func newAccess(t *testing.T, opts Options) *Access {
	t.Helper()
	a, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	a.certs = nil // those of this machine are no matter of a test
	return a
}

// get asks for a URL and reads the answer to its end.
func get(t *testing.T, rt http.RoundTripper, address string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: rt}).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = errors.New(resp.Status)
	}
	return string(text), err
}

// flaky answers its first requests with faults and the others well.
func flaky(t *testing.T, faults int, fault http.HandlerFunc) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= int64(faults) {
			fault(w, r)
			return
		}
		fmt.Fprint(w, "well")
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func answering(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, `{"errors":[{"code":"TOOMANYREQUESTS","message":"you have pulled\u001b[31m enough"}]}`)
	}
}

func breakingOff(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func TestFaultsThatPass(t *testing.T) {
	for name, fault := range map[string]http.HandlerFunc{
		"429":                http.HandlerFunc(answering(http.StatusTooManyRequests)),
		"429 and a time":     answering(http.StatusTooManyRequests, "Retry-After", "0"),
		"500":                answering(http.StatusInternalServerError),
		"503":                answering(http.StatusServiceUnavailable),
		"connection is shut": breakingOff,
		"nothing is said":    silent,
	} {
		t.Run(name, func(t *testing.T) {
			address, asked := flaky(t, 2, fault)
			said := &heard{}
			text, err := get(t, newAccess(t, Options{Waiting: said.say}).Transport(hastyWith(name == "nothing is said")), address+"/v2/")
			if err != nil || text != "well" || asked.Load() != 3 {
				t.Errorf("%q, %v after %d requests; want well after 3", text, err, asked.Load())
			}
			if got := said.text(); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "waiting ") || !strings.Contains(got, strings.TrimPrefix(address, "http://")) {
				t.Errorf("said %q, want a line for each of two waits that names the host", got)
			}
		})
	}
}

func TestFaultsThatStay(t *testing.T) {
	for name, c := range map[string]struct {
		fault http.HandlerFunc
		tries int64
		want  string
	}{
		"429":                {answering(http.StatusTooManyRequests), 4, "answered 429 Too Many Requests: you have pulled[31m enough (tried 4 times in "},
		"500":                {answering(http.StatusInternalServerError), 4, "answered 500 Internal Server Error"},
		"connection is shut": {breakingOff, 4, "broke the connection off (tried 4 times in "},
		"nothing is said":    {silent, 4, "sent nothing (tried "},
		"asks for too long":  {answering(http.StatusTooManyRequests, "Retry-After", "3600"), 1, "and asks to wait 1h0m0s (tried once)"},
	} {
		t.Run(name, func(t *testing.T) {
			address, asked := flaky(t, 1000, c.fault)
			_, err := get(t, newAccess(t, Options{}).Transport(hastyWith(name == "nothing is said")), address)
			var unavailable *UnavailableError
			if !errors.As(err, &unavailable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an UnavailableError with %q", err, c.want)
			}
			if asked.Load() != c.tries {
				t.Errorf("%d requests, want %d", asked.Load(), c.tries)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "0": 0, "-7": 0, "soon": 0, "99999999999999999999": 0,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:03:05 GMT": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func TestWhatIsNoFaultIsAskedOnce(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound} {
		address, asked := flaky(t, 1000, answering(status))
		if _, err := get(t, newAccess(t, Options{}).Transport(hasty()), address); err == nil || asked.Load() != 1 {
			t.Errorf("%d: %v after %d requests, want one", status, err, asked.Load())
		}
	}
}

func TestNobodyListens(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	_, err := get(t, newAccess(t, Options{}).Transport(hasty()), s.URL)
	if err == nil || !strings.Contains(err.Error(), "could not be connected to") || !strings.Contains(err.Error(), "tried 2 times") {
		t.Errorf("got %v, want one that says so after two tries", err)
	}
}

func TestTheCallersEndIsNoFault(t *testing.T) {
	address, asked := flaky(t, 1000, answering(http.StatusServiceUnavailable))
	p := hasty()
	p.First, p.Whole = time.Hour, 2*time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = newAccess(t, Options{}).Transport(p).RoundTrip(req)
	if err == nil || asked.Load() != 1 || ctx.Err() != nil {
		t.Errorf("%v after %d requests, %v: a wait past the deadline must not begin", err, asked.Load(), ctx.Err())
	}
}

func TestAnUploadThatCantBeSentTwiceIsSentOnce(t *testing.T) {
	address, asked := flaky(t, 1000, answering(http.StatusServiceUnavailable))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, address, io.LimitReader(strings.NewReader("layer"), 5))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := newAccess(t, Options{}).Transport(hasty()).RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || asked.Load() != 1 {
		t.Fatalf("%v, %v after %d requests: want the answer as it came, once", resp, err, asked.Load())
	}
	resp.Body.Close()
}

// A server that takes no more of what is sent to it is silent, however long that would be sent for.
func TestAnUploadThatIsNotTaken(t *testing.T) {
	over := make(chan struct{})
	address, _ := flaky(t, 1, func(http.ResponseWriter, *http.Request) { <-over })
	t.Cleanup(func() { close(over) })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, address, endless{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = newAccess(t, Options{}).Transport(hastyWith(true)).RoundTrip(req); !errors.Is(err, errSilent) {
		t.Errorf("got %v", err)
	}
}

// A source that takes its time is none of the server's.
func TestAnUploadThatIsSlowToCome(t *testing.T) {
	address, _ := flaky(t, 1, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	slow, source := io.Pipe()
	go func() {
		time.Sleep(1500 * time.Millisecond)
		_, _ = source.Write([]byte("late"))
		source.Close()
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, address, slow)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = newAccess(t, Options{}).Transport(hastyWith(true)).RoundTrip(req); err != nil {
		t.Errorf("got %v", err)
	}
}

// endless is a source that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestATokenIsAskedForAgainWithTheSameForm(t *testing.T) {
	var forms []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forms = append(forms, r.PostFormValue("service"))
		if len(forms) == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer s.Close()
	client := http.Client{Transport: newAccess(t, Options{}).Transport(hasty())}
	resp, err := client.PostForm(s.URL, url.Values{"service": {"registry"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if fmt.Sprint(forms) != "[registry registry]" {
		t.Errorf("forms were %v", forms)
	}
}

// blobServer serves one blob and breaks off after some bytes of each answer.
type blobServer struct {
	blob   []byte
	each   int  // bytes after which it breaks off
	ranges bool // whether it sends parts
	stall  bool // falls silent instead of breaking off
	asked  atomic.Int64
}

func (s *blobServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked.Add(1)
	from := 0
	if text, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && s.ranges {
		from, _ = strconv.Atoi(strings.TrimSuffix(text, "-"))
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(s.blob)-1, len(s.blob)))
		w.Header().Set("Content-Length", strconv.Itoa(len(s.blob)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(s.blob)))
	}
	rest := s.blob[from:]
	_, _ = w.Write(rest[:min(s.each, len(rest))])
	if len(rest) <= s.each {
		return
	}
	w.(http.Flusher).Flush()
	if s.stall {
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

func TestABlobGoesOnWhereItBrokeOff(t *testing.T) {
	blob := bytes.Repeat([]byte("plimsoll"), 400_000) // 3.2 MB
	for name, s := range map[string]*blobServer{
		"broken":           {blob: blob, each: 1_500_000, ranges: true},
		"stalled":          {blob: blob, each: 1_500_000, ranges: true, stall: true},
		"far more breaks":  {blob: blob, each: 1 << 20, ranges: true},
		"no break at all":  {blob: blob, each: len(blob)},
		"without ranges":   {blob: blob, each: len(blob)},
		"one byte missing": {blob: blob, each: len(blob) - 1, ranges: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(s)
			defer server.Close()
			text, err := get(t, newAccess(t, Options{}).Transport(hastyWith(s.stall)), server.URL+"/v2/a/blobs/sha256:0")
			if err != nil || text != string(blob) {
				t.Errorf("%d of %d bytes, %v, after %d requests", len(text), len(blob), err, s.asked.Load())
			}
			if want := int64((len(blob) + s.each - 1) / s.each); s.asked.Load() != want {
				t.Errorf("%d requests, want %d", s.asked.Load(), want)
			}
		})
	}
}

func TestABlobThatKeepsBreakingOff(t *testing.T) {
	for name, s := range map[string]*blobServer{
		"with parts":    {blob: make([]byte, 100_000), each: 1000, ranges: true},
		"without parts": {blob: make([]byte, 100_000), each: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(s)
			defer server.Close()
			_, err := get(t, newAccess(t, Options{}).Transport(hasty()), server.URL+"/v2/a/blobs/sha256:0")
			var unavailable *UnavailableError
			if !errors.As(err, &unavailable) || !strings.Contains(err.Error(), "in the middle of a blob") {
				t.Errorf("got %v", err)
			}
			if s.asked.Load() > 10 {
				t.Errorf("it was asked %d times", s.asked.Load())
			}
		})
	}
}

func TestOtherAnswersAreNotPutTogether(t *testing.T) {
	s := &blobServer{blob: make([]byte, 100_000), each: 1000, ranges: true}
	server := httptest.NewServer(s)
	defer server.Close()
	if _, err := get(t, newAccess(t, Options{}).Transport(hasty()), server.URL+"/token"); !errors.Is(err, io.ErrUnexpectedEOF) || s.asked.Load() != 1 {
		t.Errorf("got %v after %d requests", err, s.asked.Load())
	}
}

// ownCA writes the certificate of a TLS server as a CA file.
func ownCA(t *testing.T, s *httptest.Server, file string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func newTLS(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "well") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that hangs up is what some tests want
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestACertificateOfItsOwn(t *testing.T) {
	s := newTLS(t)
	host := strings.TrimPrefix(s.URL, "https://")

	_, err := get(t, newAccess(t, Options{}).Transport(hasty()), s.URL)
	var bad *UntrustedError
	if !errors.As(err, &bad) || bad.Host != host || !strings.Contains(err.Error(), "--ca-file") {
		t.Errorf("without its CA: %v", err)
	}
	if text, err := get(t, newAccess(t, Options{CAFile: ownCA(t, s, filepath.Join(t.TempDir(), "ca.pem"))}).Transport(hasty()), s.URL); text != "well" {
		t.Errorf("with --ca-file: %v", err)
	}
	folder := t.TempDir()
	ownCA(t, s, filepath.Join(folder, host, "ca.crt"))
	a := newAccess(t, Options{})
	a.certs = []string{folder}
	if text, err := get(t, a.Transport(hasty()), s.URL); text != "well" {
		t.Errorf("with certs.d: %v", err)
	}
	// The CA in certs.d is trusted for its host alone.
	other := newTLS(t)
	if _, err := get(t, a.Transport(hasty()), other.URL); !errors.As(err, &bad) {
		t.Errorf("another host: %v, want it not to be trusted", err)
	}
}

func TestCertificatesThatCantBeRead(t *testing.T) {
	if _, err := New(Options{CAFile: filepath.Join(t.TempDir(), "none.pem")}); err == nil || !strings.Contains(err.Error(), "none.pem") {
		t.Errorf("a missing file: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{CAFile: empty}); err == nil || !strings.Contains(err.Error(), "BEGIN CERTIFICATE") {
		t.Errorf("a file without any: %v", err)
	}
}

// connectProxy is an HTTP proxy that leads every host to one server.
func connectProxy(t *testing.T, to string) (address string, hosts *heard) {
	t.Helper()
	hosts = &heard{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts.say(r.Method + " " + r.Host)
		server, err := net.Dial("tcp", to)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer server.Close()
		w.WriteHeader(http.StatusOK)
		client, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		go func() { _, _ = io.Copy(server, buffered) }()
		_, _ = io.Copy(client, server)
	}))
	t.Cleanup(s.Close)
	return s.URL, hosts
}

func TestProxies(t *testing.T) {
	s := newTLS(t)
	ca := ownCA(t, s, filepath.Join(t.TempDir(), "ca.pem")) // good for example.com
	proxy, hosts := connectProxy(t, s.Listener.Addr().String())
	t.Setenv("HTTPS_PROXY", proxy)
	t.Setenv("NO_PROXY", "direct.invalid")
	a := newAccess(t, Options{CAFile: ca})
	if text, err := get(t, a.Transport(hasty()), "https://example.com/v2/"); text != "well" {
		t.Errorf("through the proxy: %v", err)
	}
	if hosts.text() != "CONNECT example.com:443" {
		t.Errorf("the proxy was asked for %q", hosts.text())
	}
	if _, err := get(t, a.Transport(hasty()), "https://direct.invalid/"); err == nil || strings.Contains(hosts.text(), "direct") {
		t.Errorf("NO_PROXY is not heeded: %v, %s", err, hosts.text())
	}
}

func TestPlainHTTPStaysOnThisHost(t *testing.T) {
	_, err := get(t, newAccess(t, Options{}).Transport(hasty()), "http://192.0.2.1/v2/")
	if err == nil || !strings.Contains(err.Error(), "plain HTTP to 192.0.2.1 refused") {
		t.Errorf("got %v", err)
	}
}

func TestALoopbackHostMaySpeakPlainHTTP(t *testing.T) {
	address, asked := flaky(t, 0, nil)
	transport := newAccess(t, Options{}).Transport(hasty())
	for range 2 {
		if text, err := get(t, transport, strings.Replace(address, "http:", "https:", 1)); text != "well" {
			t.Errorf("got %q, %v", text, err)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("%d requests arrived, want 2", asked.Load())
	}
}

// A server that knows nothing but HTTP/0.9 and 1.0 answers a handshake with a page, without a status.
func TestALoopbackHostMayAnswerAHandshakeWithAPage(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			head := make([]byte, 4)
			_, _ = io.ReadFull(c, head)
			if string(head) == "GET " {
				_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\nwell")
			} else {
				_, _ = io.WriteString(c, "<!DOCTYPE HTML>")
			}
			_ = c.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	if text, err := get(t, newAccess(t, Options{}).Transport(hasty()), "https://"+listener.Addr().String()); text != "well" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestOneLineForAllThatWaitForAHost(t *testing.T) {
	address, _ := flaky(t, 8, answering(http.StatusServiceUnavailable))
	said := &heard{}
	p := hasty()
	p.First = 2 * time.Second // time enough for all to begin
	transport := newAccess(t, Options{Waiting: said.say}).Transport(p)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := get(t, transport, address); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(said.lines); n != 1 {
		t.Errorf("%d lines for eight requests that wait: %q", n, said.lines)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:5000": true, "127.0.0.1:5005": true, "127.9.9.9": true, "[::1]:5000": true,
		"registry.localhost:80": true, "10.0.0.5:5000": false, "192.168.1.1": false, "docker.io": false,
		"127.0.0.1.example.com": false, "localhost.example.com:5000": false, "127.0.0.1:5005/path": true,
	} {
		if got := IsLoopback(HostOf(host)); got != want {
			t.Errorf("%s: loopback is %v, want %v", host, got, want)
		}
	}
}
