package remote

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
	"github.com/plimsoll/plimsoll/internal/engine/enginetest"
	"github.com/plimsoll/plimsoll/testbase/engines"
)

func TestCheckAddress(t *testing.T) {
	for _, good := range []string{"tcp://builder:1234", "unix:///run/buildkit/buildkitd.sock", "kube-pod://buildkitd-0?namespace=ci", "docker-container://buildx", "ssh://me@host"} {
		if err := CheckAddress(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "builder:1234", "http://builder", "tcp://", "unix://", "tcp://a b"} {
		if err := CheckAddress(bad); err == nil || !strings.Contains(err.Error(), "tcp://HOST:PORT") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestKilled(t *testing.T) {
	d := daemon(t, engines.Setup{})
	enginetest.Killed(t, func(t *testing.T, o enginetest.Options) engine.Engine {
		e, err := New(t.Context(), Options{Address: d.Address, Helper: o.Helper})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}, d.Kill)
}

// TestFarm builds on two daemons that reach nobody: each has one version, runs it, and hands it over as an archive.
func TestFarm(t *testing.T) {
	one, two := daemon(t, engines.Setup{Apart: true}), daemon(t, engines.Setup{Apart: true})
	tool := enginetest.Tool(t)
	both := open(t, []string{one.Address, two.Address}, Options{Helper: tool})
	b := enginetest.NewBench(t, both, tool)
	for _, name := range []string{"before", "after", "before"} {
		req := b.Request("RUN write /word " + name + "\nCMD [\"/bin/tool\", \"show\", \"/word\"]\n")
		req.Name, req.Push = name, "127.0.0.1:1/app:1"
		_, err := both.Build(t.Context(), req, nil)
		var refused *engine.PushError
		if !errors.As(err, &refused) {
			t.Fatalf("a push out of a network of its own: %v", err)
		}
		var archive bytes.Buffer
		req.Push, req.Archive = "", &archive
		c := b.Run(engine.RunRequest{Image: b.Build(req).Image})
		b.Wait(c)
		if c.Output() != name+"\n" || archive.Len() == 0 {
			t.Errorf("%s: printed %q, an archive of %d bytes", name, c.Output(), archive.Len())
		}
	}
	// Where a version was built, it is cached.
	for i, d := range []*engines.Daemon{one, two} {
		alone := enginetest.NewBench(t, open(t, []string{d.Address}, Options{Helper: tool}), tool)
		alone.Dir = b.Dir
		for j, name := range []string{"before", "after"} {
			res := alone.Build(b.Request("RUN write /word " + name + "\n"))
			if cached := stepCached(res, 4); cached != (i == j) {
				t.Errorf("daemon %d has %s cached: %v", i+1, name, cached)
			}
		}
	}
	if info := both.Info(); !strings.Contains(info.Daemon, one.Address) || !strings.Contains(info.Daemon, two.Address) {
		t.Errorf("%+v does not name both", info)
	}
	if _, err := both.Run(t.Context(), engine.RunRequest{Image: "7/absent"}); err == nil {
		t.Error("an image of no daemon was run")
	}
}

func stepCached(res *engine.BuildResult, line int) bool {
	for _, s := range res.Steps {
		if !s.Internal && s.Lines[0][0] == line {
			return s.Cached
		}
	}
	return false
}

// TestTLS reaches a daemon that wants a certificate.
func TestTLS(t *testing.T) {
	enginetest.Need(t)
	certs := t.TempDir()
	certificate(t, certs)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "tcp://" + l.Addr().String()
	l.Close()
	file := func(name string) string { return filepath.Join(certs, name) }
	daemon(t, engines.Setup{Args: []string{"--addr", address, "--tlscacert", file("ca.pem"), "--tlscert", file("cert.pem"), "--tlskey", file("key.pem")}})

	tool := enginetest.Tool(t)
	b := enginetest.NewBench(t, open(t, []string{address}, Options{Certificates: certs, Helper: tool}), tool)
	if got := b.OutputOf("CMD [\"/bin/tool\", \"print\", \"hello\"]\n"); got != "hello\n" {
		t.Errorf("printed %q", got)
	}
	var unreachable *Unreachable
	if _, err := New(t.Context(), Options{Address: address, Helper: tool}); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), address) {
		t.Errorf("without a certificate: %v", err)
	}
	if _, err := New(t.Context(), Options{Address: address, Certificates: t.TempDir(), Helper: tool}); err == nil || !strings.Contains(err.Error(), "ca.pem or ca.crt") {
		t.Errorf("with a folder that is empty: %v", err)
	}
}

// certificate writes one certificate that is authority, server and client in one.
func certificate(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	for name, text := range map[string][]byte{
		"ca.pem": public, "cert.pem": public, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnreachable(t *testing.T) {
	var unreachable *Unreachable
	address := fmt.Sprintf("unix://%s/absent", t.TempDir())
	if _, err := New(t.Context(), Options{Address: address, Helper: os.Args[0]}); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "absent") {
		t.Errorf("got %v", err)
	}
}
