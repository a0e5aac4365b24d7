package image

import (
	"net/http"
	"strings"
	"testing"
)

func TestParseReference(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for _, c := range []struct{ in, want string }{
		{"python", "docker.io/library/python:latest"},
		{"python:3.11", "docker.io/library/python:3.11"},
		{"docker.io/python:3.11", "docker.io/library/python:3.11"},
		{"index.docker.io/library/python:3.11", "docker.io/library/python:3.11"},
		{"tiangolo/uvicorn", "docker.io/tiangolo/uvicorn:latest"},
		{"localhost/app:1", "localhost/app:1"},
		{"127.0.0.1:5005/app", "127.0.0.1:5005/app:latest"},
		{"mcr.microsoft.com/dotnet/sdk:8.0", "mcr.microsoft.com/dotnet/sdk:8.0"},
		{"python@" + digest, "docker.io/library/python@" + digest},
		{"python:3.11@" + digest, "docker.io/library/python:3.11@" + digest},
	} {
		got, err := ParseReference(c.in)
		if err != nil || got.String() != c.want {
			t.Errorf("%q: got %q, %v; want %q", c.in, got, err, c.want)
			continue
		}
		again, err := ParseReference(got.String())
		if err != nil || again.String() != c.want {
			t.Errorf("%q is not stable: %q, %v", c.want, again, err)
		}
	}
	for _, bad := range []string{"", ":", "python:", "python@", "Python", "py thon", "a/../b", "python:3.11@sha256:12", "host:port:x/y", "${BASE}", "/", "docker.io/", strings.Repeat("a", 5000)} {
		if got, err := ParseReference(bad); err == nil {
			t.Errorf("%q was taken for %q", bad, got)
		}
	}
}

func FuzzParseReference(f *testing.F) {
	for _, seed := range []string{"python:3.11", "a.b/c@sha256:0", "::", "@", "localhost:5/x:y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r, err := ParseReference(in)
		if err != nil {
			return
		}
		again, err := ParseReference(r.String())
		if err != nil || again.String() != r.String() {
			t.Errorf("%q gives %q, which gives %q, %v", in, r, again, err)
		}
		if _, _, err := candidates(r); err != nil {
			t.Errorf("%q: %v", in, err)
		}
	})
}

type answering struct{ asked []string }

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, r.URL.String())
	return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
}

func TestPlainHTTPOnlyToLoopback(t *testing.T) {
	for url, allowed := range map[string]bool{
		"http://127.0.0.1:5005/v2/": true, "http://localhost/v2/": true, "https://example.com/v2/": true,
		"http://example.com/v2/": false, "http://10.1.2.3:5000/v2/": false,
	} {
		base := &answering{}
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = plainOnlyOnLoopback{base}.RoundTrip(req)
		if (err == nil) != allowed || (len(base.asked) == 1) != allowed {
			t.Errorf("%s: allowed %v, want %v (%v)", url, err == nil, allowed, err)
		}
	}
}

func TestEndpointFollowsMirrors(t *testing.T) {
	opts := Options{Mirrors: map[string]string{"docker.io": "127.0.0.1:5005", "ghcr.io": "mirror.example.com/cache"}}
	for in, want := range map[string]string{
		"python:3.11":     "127.0.0.1:5005/library/python:3.11",
		"ghcr.io/a/b:1":   "mirror.example.com/cache/a/b:1",
		"quay.io/a/b:1":   "quay.io/a/b:1",
		"example.com/x:1": "example.com/x:1",
	} {
		r, err := ParseReference(in)
		if err != nil {
			t.Fatal(err)
		}
		at, err := opts.endpoint(r)
		if err != nil || at.Name() != want {
			t.Errorf("%s is asked at %v, %v; want %s", in, at, err, want)
		}
	}
}
