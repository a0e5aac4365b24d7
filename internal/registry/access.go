// Package registry is how registries are reached: with the logins that Docker keeps, over TLS with the
// certificates that Docker trusts, through proxies, and with patience for a server that is overloaded, silent or
// breaks off. Everything that asks a registry goes through it: look-ups, inspections, and
// the pulls of the embedded engine.
//
// Hosts are asked over TLS; plain HTTP is spoken to loopback hosts only.
package registry

import (
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Options say how registries are reached. The zero value takes all from the surroundings.
type Options struct {
	// CAFile is a file of PEM certificates that are trusted besides the system's; "" means none.
	CAFile string
	// Waiting is told, in one line, what is waited for when a registry is asked again later. Nil hears
	// nothing. It may be called from several goroutines.
	Waiting func(message string)
}

// Access is a way to registries. It can be used by several goroutines at once, and keeps
// logins and connections for its life, which is that of a command.
type Access struct {
	roots   *x509.CertPool // nil: the system's
	proxy   *httpproxy.Config
	waiting *announcer
	certs   []string // folders like Docker's certs.d
	logins  logins
	// helperLimit bounds a credential helper.
	helperLimit time.Duration

	mu      sync.Mutex
	clients map[string]*http.Transport // by host, for those with certificates of their own; "" for all others
	plain   map[string]bool            // loopback hosts that speak plain HTTP
}

// TrustsMore says whether certificates are trusted that were given besides the system's; a nil Access trusts none.
func (a *Access) TrustsMore() bool { return a != nil && a.roots != nil }

// New reads the certificates and the proxies that the environment names; logins are read when
// a registry wants one.
func New(opts Options) (*Access, error) {
	roots, err := readRoots(opts.CAFile)
	if err != nil {
		return nil, err
	}
	return &Access{
		roots:   roots,
		proxy:   httpproxy.FromEnvironment(),
		waiting: &announcer{tell: opts.Waiting, hosts: map[string]bool{}},
		certs:   certificateFolders(),

		helperLimit: helperLimit,
		clients:     map[string]*http.Transport{},
		plain:       map[string]bool{},
	}, nil
}

// Transport is for HTTP requests to registries and to the servers that they name.
func (a *Access) Transport(p Patience) http.RoundTripper {
	return &patient{base: a.byHost(), patience: p, waiting: a.waiting}
}

// HostOf takes port and path off a registry's address.
func HostOf(registry string) string {
	registry, _, _ = strings.Cut(registry, "/")
	if host, _, err := net.SplitHostPort(registry); err == nil {
		return host
	}
	return strings.Trim(registry, "[]")
}

// IsLoopback says whether a host, without port, is this one. Of names only localhost and those
// below it count: any other could be made to point anywhere.
func IsLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
