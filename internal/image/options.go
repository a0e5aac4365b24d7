package image

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Options says how registries are reached. The zero value asks them directly,
// for linux/amd64, and caches nothing.
type Options struct {
	// Mirrors maps a registry's host to where its images are fetched from
	// instead: "docker.io" → "127.0.0.1:5005". A path after the host is put in
	// front of the repository's name. A mirror is taken at its word: what it
	// does not have does not exist.
	Mirrors map[string]string
	// CacheDir holds what registries answered; "" keeps nothing.
	CacheDir string
	// Offline forbids Lookup to ask any registry.
	Offline bool
	// Platform is "os/arch[/variant]"; "" means linux/amd64.
	Platform string
	// Client's transport is used instead of the default one.
	Client *http.Client
}

// endpoint is the reference as it is really asked for, after mirrors.
func (o Options) endpoint(r Reference) (name.Reference, error) {
	host := r.Host
	if mirror := strings.Trim(o.Mirrors[r.Host], "/"); mirror != "" {
		host = mirror
	}
	at := host + "/" + r.Path
	if r.Digest != "" {
		at += "@" + r.Digest
	} else {
		at += ":" + r.Tag
	}
	var nameOpts []name.Option
	if isLoopback(hostOf(host)) {
		nameOpts = append(nameOpts, name.Insecure)
	}
	ref, err := name.ParseReference(at, nameOpts...)
	if err != nil {
		return nil, fmt.Errorf("mirror %q of %s: %w", host, r.Host, err)
	}
	return ref, nil
}

// remote are the library's options for requests under ctx.
func (o Options) remote(ctx context.Context) ([]remote.Option, error) {
	platform, err := o.platform()
	if err != nil {
		return nil, err
	}
	base := remote.DefaultTransport
	if o.Client != nil && o.Client.Transport != nil {
		base = o.Client.Transport
	}
	return []remote.Option{
		remote.WithContext(ctx),
		remote.WithPlatform(*platform),
		remote.WithTransport(plainOnlyOnLoopback{base}),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithUserAgent("plimsoll"),
		remote.WithRetryBackoff(remote.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Steps: 2}),
	}, nil
}

func (o Options) platform() (*v1.Platform, error) {
	if o.Platform == "" {
		return &v1.Platform{OS: "linux", Architecture: "amd64"}, nil
	}
	p, err := v1.ParsePlatform(o.Platform)
	if err != nil || p.OS == "" || p.Architecture == "" {
		return nil, fmt.Errorf("platform %q: it is written os/arch[/variant], such as linux/arm64", o.Platform)
	}
	return p, nil
}

// plainOnlyOnLoopback refuses to send anything unencrypted over a network. The
// registry library by itself falls back to plain HTTP in private networks too.
type plainOnlyOnLoopback struct{ base http.RoundTripper }

func (t plainOnlyOnLoopback) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !isLoopback(req.URL.Hostname()) {
		return nil, fmt.Errorf("plain HTTP to %s refused: only loopback registries are asked without TLS", req.URL.Host)
	}
	return t.base.RoundTrip(req)
}

// hostOf takes port and path off a registry's address.
func hostOf(registry string) string {
	registry, _, _ = strings.Cut(registry, "/")
	if host, _, err := net.SplitHostPort(registry); err == nil {
		return host
	}
	return strings.Trim(registry, "[]")
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
