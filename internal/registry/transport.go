package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// dialLimit bounds connecting: the name, the connection, and the handshake after it.
const dialLimit = 10 * time.Second

// replyLimit bounds the wait for an answer to an upload that was sent; other requests are less patient.
const replyLimit = 2 * time.Minute

// byHost sends each request with the certificates that are meant for its host.
func (a *Access) byHost() http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		host := req.URL.Host
		if req.URL.Scheme != "https" && !IsLoopback(req.URL.Hostname()) {
			return nil, fmt.Errorf("plain HTTP to %s refused: only loopback registries are asked without TLS", host)
		}
		t, err := a.client(host)
		if err != nil {
			return nil, err
		}
		if req.URL.Scheme == "https" && a.speaksPlain(host) {
			return t.RoundTrip(plain(req))
		}
		resp, err := t.RoundTrip(req)
		if answeredPlain(err) && IsLoopback(req.URL.Hostname()) {
			a.notePlain(host)
			again, err := rewound(req) // what was sent did not arrive
			if err != nil {
				return nil, err
			}
			return t.RoundTrip(plain(again))
		}
		return resp, untrusted(host, err)
	})
}

// answeredPlain tells an answer in plain text to a TLS handshake: an HTTP status, or with simple servers a page at once.
func answeredPlain(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record)
}

// plain is a request in plain HTTP.
func plain(req *http.Request) *http.Request {
	out := req.Clone(req.Context())
	out.URL.Scheme = "http"
	return out
}

// speaksPlain says whether a loopback host is known to speak plain HTTP alone.
func (a *Access) speaksPlain(host string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.plain[host]
}

func (a *Access) notePlain(host string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plain[host] = true
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// client is the transport for a host. Those without certificates of their own share one.
func (a *Access) client(host string) (*http.Transport, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t, ok := a.clients[host]; ok {
		return t, nil
	}
	config, own, err := a.tlsConfig(host)
	if err != nil {
		return nil, err
	}
	key := host
	if !own {
		key = ""
	}
	t, ok := a.clients[key]
	if !ok {
		t = a.newClient(config)
		a.clients[key] = t
	}
	if !own {
		a.clients[host] = t
	}
	return t, nil
}

func (a *Access) newClient(config *tls.Config) *http.Transport {
	proxy := a.proxy.ProxyFunc()
	return &http.Transport{
		Proxy:                 func(req *http.Request) (*url.URL, error) { return proxy(req.URL) },
		DialContext:           (&net.Dialer{Timeout: dialLimit, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   dialLimit,
		ExpectContinueTimeout: time.Second,
		ResponseHeaderTimeout: replyLimit,
		MaxIdleConns:          30,
		MaxIdleConnsPerHost:   8,
		IdleConnTimeout:       90 * time.Second,
		// HTTP/2 stays off, as in BuildKit: its flow control slows large blobs down.
	}
}

// UntrustedError is a registry whose certificate is not trusted.
type UntrustedError struct {
	Host string
	Err  error
}

func (e *UntrustedError) Error() string {
	return fmt.Sprintf("the certificate of %s is not trusted: %v: name the CA that signed it with --ca-file FILE, or put it into /etc/docker/certs.d/%s/ca.crt", e.Host, e.Err, e.Host)
}

func (e *UntrustedError) Unwrap() error { return e.Err }

func untrusted(host string, err error) error {
	if bad := new(tls.CertificateVerificationError); errors.As(err, &bad) {
		return &UntrustedError{Host: host, Err: bad.Err}
	}
	return err
}

// isEnd tells errors that come from the caller, who no longer waits.
func isEnd(ctx context.Context, err error) bool { return ctx.Err() != nil && err != nil }
