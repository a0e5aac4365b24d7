package image

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/plimsoll/plimsoll/internal/registry"
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
	// Docker finds the Docker Engine that "docker:NAME" is asked of. Nil takes the socket that DOCKER_HOST
	// names, or the usual one.
	Docker func() (Engine, error)
	// Access is how registries are reached, with logins and certificates. Nil asks directly and with
	// nobody's login, as suits a registry of one's own on loopback.
	Access *registry.Access

	// Of tests, in place of the usual ones.
	transport http.RoundTripper
	patience  *registry.Patience
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
	if registry.IsLoopback(registry.HostOf(host)) {
		nameOpts = append(nameOpts, name.Insecure)
	}
	ref, err := name.ParseReference(at, nameOpts...)
	if err != nil {
		return nil, fmt.Errorf("mirror %q of %s: %w", host, r.Host, err)
	}
	return ref, nil
}

// remote are the library's options for requests under ctx. What a registry can't do right now, it is
// asked again with the patience given; the library's own retries would come on top.
func (o Options) remote(ctx context.Context, patience registry.Patience) ([]remote.Option, error) {
	platform, err := o.platform()
	if err != nil {
		return nil, err
	}
	return []remote.Option{
		remote.WithContext(ctx),
		remote.WithPlatform(*platform),
		remote.WithTransport(o.roundTripper(patience)),
		remote.WithAuthFromKeychain(keychain{o.Access}),
		remote.WithUserAgent("plimsoll"),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
		remote.WithRetryStatusCodes(),
	}, nil
}

func (o Options) roundTripper(patience registry.Patience) http.RoundTripper {
	switch {
	case o.transport != nil:
		return plainOnlyOnLoopback{o.transport}
	case o.Access != nil:
		return o.Access.Transport(o.patient(patience))
	}
	return plainOnlyOnLoopback{remote.DefaultTransport}
}

// patient is the patience to have, which tests may change.
func (o Options) patient(usual registry.Patience) registry.Patience {
	if o.patience != nil {
		return *o.patience
	}
	return usual
}

// keychain hands the logins of an access to the registry library.
type keychain struct{ access *registry.Access }

func (k keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	if k.access == nil {
		return authn.Anonymous, nil
	}
	return &lateLogin{access: k.access, host: target.RegistryStr()}, nil
}

// lateLogin is a login that is looked up when it is first used.
type lateLogin struct {
	access *registry.Access
	host   string
}

func (l *lateLogin) Authorization() (*authn.AuthConfig, error) {
	return l.AuthorizationContext(context.Background())
}

// AuthorizationContext looks the login up; without one it is that of nobody. A helper that is out of
// order does no harm where no login is wanted; where one is, explain tells of it.
func (l *lateLogin) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	login, _ := l.access.Login(ctx, l.host) // that of nobody, when it fails
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return &authn.AuthConfig{
		Username: login.Username, Password: login.Password,
		IdentityToken: login.IdentityToken, RegistryToken: login.RegistryToken,
	}, nil
}

// explain says what went wrong with ref, which was asked for at a place that a mirror may have changed.
func (o Options) explain(ctx context.Context, ref Reference, at name.Reference, err error) error {
	if o.Access != nil && kindOf(err) == ErrAuth {
		_, loginErr := o.Access.Login(ctx, at.Context().RegistryStr()) // mostly known by now
		if loginErr != nil && ctx.Err() == nil {
			err = loginErr
		}
	}
	return explain(ref, err)
}

// CheckPlatform says whether a text names a platform as Options takes it.
func CheckPlatform(text string) error {
	if text == "" {
		return fmt.Errorf("it is written os/arch[/variant], such as linux/arm64")
	}
	_, err := Options{Platform: text}.platform()
	return err
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

// fits tells an image that is for another platform than the one that was named. A variant that the image does not
// tell of is not held against it.
func (o Options) fits(c Config) error {
	if o.Platform == "" || c.Architecture == "" {
		return nil
	}
	wanted, err := o.platform()
	if err != nil {
		return err
	}
	got := v1.Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant}
	if got.Variant == "" {
		got.Variant = wanted.Variant
	}
	if !got.Satisfies(v1.Platform{OS: wanted.OS, Architecture: wanted.Architecture, Variant: wanted.Variant}) {
		return fmt.Errorf("it is for %s, not %s", got, o.Platform)
	}
	return nil
}

// plainOnlyOnLoopback refuses to send anything unencrypted over a network. The
// registry library by itself falls back to plain HTTP in private networks too.
type plainOnlyOnLoopback struct{ base http.RoundTripper }

func (t plainOnlyOnLoopback) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !registry.IsLoopback(req.URL.Hostname()) {
		return nil, fmt.Errorf("plain HTTP to %s refused: only loopback registries are asked without TLS", req.URL.Host)
	}
	return t.base.RoundTrip(req)
}
