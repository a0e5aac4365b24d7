package agent

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// notes is a small service for the agent to ask.
func notes(t *testing.T) (port int, connections map[string]int) {
	t.Helper()
	connections = map[string]int{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /notes", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "hush"})
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"data":{"id":77,"text":%q,"kind":%q}}`, body, r.Header.Get("Content-Type"))
	})
	mux.HandleFunc("GET /notes/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("id")) })
	mux.HandleFunc("GET /moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/notes/1", http.StatusFound) })
	mux.HandleFunc("GET /big", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), maxBody+10)) })
	mux.HandleFunc("GET /slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("GET /broken", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr]++
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err = strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port, connections
}

func TestAskInSequence(t *testing.T) {
	port, connections := notes(t)
	a, err := local().Ask(t.Context(), AskRequest{Port: port, Each: 2 * time.Second, Requests: []HTTPRequest{
		{Method: "POST", Path: "/notes", Body: []byte("hi"), Headers: map[string]string{"Content-Type": "text/plain"},
			Captures: map[string][]string{"note": {"note_id", "id"}}},
		{Method: "GET", Path: "/notes/{note}", Values: map[string]string{"note": "1"}},
		{Method: "GET", Path: "/notes/{other}", Values: map[string]string{"other": "a b/c"}},
		{Method: "GET", Path: "/moved"},
		{Method: "GET", Path: "/big"},
		{Method: "GET", Path: "/slow"},
		{Method: "GET", Path: "/broken"},
		{Method: "GET", Path: "no-slash"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		status      int
		path, body  string
		length      int64
		error, note string
	}{
		{201, "/notes", `{"data":{"id":77,"text":"hi","kind":"text/plain"}}`, 50, "", "created"},
		{200, "/notes/77", "77", 2, "", "captured from the wrapped answer"},
		{200, "/notes/a%20b%2Fc", "a b/c", 5, "", "default value, escaped"},
		{302, "/moved", "<a href=\"/notes/1\">Found</a>.\n\n", 31, "", "not followed"},
		{200, "/big", strings.Repeat("x", maxBody), maxBody + 10, "", "cut off"},
		{0, "/slow", "", 0, "deadline exceeded", "over its time"},
		{0, "/broken", "", 0, "EOF", "no answer"},
		{0, "no-slash", "", 0, "slash", "not sent"},
	}
	for i, w := range want {
		g := a.Answers[i]
		if g.Status != w.status || g.Path != w.path || string(g.Body) != w.body || g.Length != w.length || !strings.Contains(g.Error, w.error) ||
			(g.Error == "") != (w.error == "") || g.Truncated != (w.length > maxBody) {
			t.Errorf("%s: got %d %s %.60q (%d bytes), error %q", w.note, g.Status, g.Path, g.Body, g.Length, g.Error)
		}
	}
	if h := a.Answers[0].Headers; h["Set-Cookie"] != "session" || h["Content-Type"] != "application/json" {
		t.Errorf("headers %v: want the cookie's name without its value", h)
	}
	if used := slices.Max(slices.Collect(maps.Values(connections))); used != 1 {
		t.Errorf("a connection was used %d times, want each once", used)
	}
}

func TestAskAsLoadAnswersWithCounts(t *testing.T) {
	port, _ := notes(t)
	a, err := local().Ask(t.Context(), AskRequest{Port: port, Repeat: 20, Requests: []HTTPRequest{
		{Method: "GET", Path: "/notes/1"}, {Method: "GET", Path: "/nowhere"}, {Method: "GET", Path: "/broken"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	l := a.Load
	if a.Answers != nil || l == nil || l.Sent != 60 || l.Failed != 20 || l.Statuses[200] != 20 || l.Statuses[404] != 20 || l.Stopped {
		t.Errorf("got %+v", l)
	}
}

func TestLoadStopsAtItsTime(t *testing.T) {
	port, _ := notes(t)
	a, err := local().Ask(t.Context(), AskRequest{Port: port, Repeat: 1_000_000, Timeout: 100 * time.Millisecond,
		Requests: []HTTPRequest{{Method: "GET", Path: "/notes/1"}}})
	if err != nil || !a.Load.Stopped || a.Load.Sent >= 1_000_000 {
		t.Errorf("got %+v, %v", a.Load, err)
	}
}

func TestFill(t *testing.T) {
	captured, values := map[string]string{"id": "7"}, map[string]string{"id": "1", "q": "x&y", "empty": ""}
	for path, want := range map[string]string{
		"/a": "/a", "/a/{id}/b": "/a/7/b", "/?q={q}": "/?q=x%26y", "/{unknown}/{id}": "/{unknown}/7",
		"/{id": "/{id", "/}{": "/}{", "/{}": "/{}", "/{empty}/x": "//x",
	} {
		if got := fill(path, captured, values); got != want {
			t.Errorf("fill(%q) = %q, want %q", path, got, want)
		}
	}
}

func TestCapture(t *testing.T) {
	for _, c := range []struct {
		name, body, location, want string
		status                     int
	}{
		{"number", `{"id": 12345678901234567890}`, "", "12345678901234567890", 201},
		{"text", `{"id":"u-1","ID":"no"}`, "", "u-1", 200},
		{"Location", `created`, "http://h/notes/9?x=1", "9", 201},
		{"the answer before the Location", `{"id":1}`, "/notes/9", "1", 201},
		{"refused", `{"id":1}`, "", "", 422},
		{"too deep", `{"a":{"b":{"id":1}}}`, "", "", 200},
		{"not a value", `{"id":{"x":1}}`, "", "", 200},
		{"list", `[{"id":1}]`, "", "", 200},
		{"too long", `{"id":"` + strings.Repeat("x", maxCaptured+1) + `"}`, "", "", 200},
		{"no segment", ``, "/", "", 201},
		{"bad Location", ``, "%zz", "", 201},
	} {
		k := &asker{captured: map[string]string{}}
		k.capture(HTTPRequest{Captures: map[string][]string{"v": {"id"}}},
			HTTPAnswer{Status: c.status, Body: []byte(c.body), Headers: map[string]string{"Location": c.location}})
		if got := k.captured["v"]; got != c.want {
			t.Errorf("%s: captured %q, want %q", c.name, got, c.want)
		}
	}
}
