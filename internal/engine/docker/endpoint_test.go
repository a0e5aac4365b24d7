package docker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	digest "github.com/opencontainers/go-digest"
)

// configuration writes a Docker configuration with one context, "far", and returns its folder.
func configuration(t *testing.T, current string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.json"), `{"currentContext": "`+current+`"}`)
	id := digest.FromString("far").Encoded()
	write(t, filepath.Join(dir, "contexts", "meta", id, "meta.json"),
		`{"Name": "far", "Metadata": {}, "Endpoints": {"docker": {"Host": "tcp://far.example:2376", "SkipTLSVerify": false}}}`)
	certificate(t, filepath.Join(dir, "contexts", "tls", id, "docker"))
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificate writes ca.pem, cert.pem and key.pem.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, DNSNames: []string{"localhost"},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))
	write(t, filepath.Join(dir, "ca.pem"), text)
	write(t, filepath.Join(dir, "cert.pem"), text)
	write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})))
}

// TestResolve holds the order in which the docker command looks for its Engine.
func TestResolve(t *testing.T) {
	certs := t.TempDir()
	certificate(t, certs)
	for _, c := range []struct {
		name, current   string
		env             map[string]string
		host, why       string
		certified, skip bool
	}{
		{name: "nothing is said", host: "unix:///var/run/docker.sock", why: "usual socket"},
		{name: "a host", env: map[string]string{"DOCKER_HOST": "tcp://127.0.0.1:2375"}, host: "tcp://127.0.0.1:2375", why: "DOCKER_HOST"},
		{name: "the current context", current: "far", host: "tcp://far.example:2376", why: "current context", certified: true},
		{name: "a context by name", env: map[string]string{"DOCKER_CONTEXT": "far"}, host: "tcp://far.example:2376", why: "DOCKER_CONTEXT is far", certified: true},
		{name: "a context outranks the current one", current: "far", env: map[string]string{"DOCKER_CONTEXT": "default"}, host: "unix:///var/run/docker.sock", why: "DOCKER_CONTEXT is default"},
		{name: "a host outranks contexts", current: "far", env: map[string]string{"DOCKER_CONTEXT": "far", "DOCKER_HOST": "ssh://me@far.example"}, host: "ssh://me@far.example", why: "DOCKER_HOST"},
		{name: "TLS", env: map[string]string{"DOCKER_HOST": "tcp://far.example:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": certs}, host: "tcp://far.example:2376", why: "DOCKER_HOST", certified: true},
		{name: "TLS with any certificate", env: map[string]string{"DOCKER_HOST": "tcp://far.example:2376", "DOCKER_TLS": "1", "DOCKER_CERT_PATH": certs}, host: "tcp://far.example:2376", why: "DOCKER_HOST", certified: true, skip: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := configuration(t, c.current)
			got, err := Resolve(func(name string) string {
				if name == configVariable {
					return dir
				}
				return c.env[name]
			})
			if err != nil {
				t.Fatal(err)
			}
			if got.Host != c.host || !strings.Contains(got.Why, c.why) {
				t.Errorf("got %s (%s), want %s (%s)", got.Host, got.Why, c.host, c.why)
			}
			if certified := got.TLSData != nil && got.TLSData.Cert != nil; certified != c.certified || got.SkipTLSVerify != c.skip {
				t.Errorf("certified %v, any certificate %v; want %v, %v", certified, got.SkipTLSVerify, c.certified, c.skip)
			}
			api, err := connect(got)
			if err != nil {
				t.Fatal(err)
			}
			if err := api.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	dir := configuration(t, "absent")
	if _, err := Resolve(func(name string) string { return map[string]string{configVariable: dir}[name] }); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("a context that is not there: %v", err)
	}
	write(t, filepath.Join(dir, "config.json"), "{")
	if _, err := Resolve(func(name string) string { return map[string]string{configVariable: dir}[name] }); err == nil {
		t.Error("a broken configuration was read")
	}
}
