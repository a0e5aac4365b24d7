package docker

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	digest "github.com/opencontainers/go-digest"
	"github.com/plimsoll/plimsoll/internal/engine/enginetest"
	"github.com/plimsoll/plimsoll/testbase/engines"
)

// TestWays reaches an Engine in the ways in which the docker command does: over TLS by the environment and by a
// context, and over ssh.
func TestWays(t *testing.T) {
	enginetest.Need(t)
	bin, err := engines.DebianDocker(t.Context(), programs(t))
	if err != nil {
		t.Fatal(err)
	}
	certs := t.TempDir()
	certificate(t, certs)
	port := freePort(t)
	file := func(name string) string { return filepath.Join(certs, name) }
	d := daemon(t, bin, nil, "--host", "tcp://127.0.0.1:"+port, "--tlsverify",
		"--tlscacert", file("ca.pem"), "--tlscert", file("cert.pem"), "--tlskey", file("key.pem"))
	secure := "tcp://localhost:" + port
	tool := enginetest.Tool(t)

	for _, c := range []struct {
		name string
		env  map[string]string
	}{
		{"TLS by the environment", map[string]string{hostVariable: secure, verifyVariable: "1", certVariable: certs}},
		{"TLS by a context", map[string]string{configVariable: contextOf(t, secure, certs)}},
		{"ssh", map[string]string{hostVariable: "ssh://somebody@far.example"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			// What ssh would do on the other machine is done on this one.
			t.Setenv("PATH", sshTo(t, filepath.Join(bin, "docker"), d.Address)+":"+os.Getenv("PATH"))
			endpoint, err := Resolve(func(name string) string { return c.env[name] })
			if err != nil {
				t.Fatal(err)
			}
			e, err := New(t.Context(), Options{Endpoint: endpoint, Helper: tool})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			b := enginetest.NewBench(t, e, tool)
			if got := b.OutputOf("CMD [\"/bin/tool\", \"print\", \"hello\"]\n"); got != "hello\n" {
				t.Errorf("printed %q", got)
			}
		})
	}
	t.Run("without a certificate", func(t *testing.T) {
		endpoint, err := Resolve(func(name string) string { return map[string]string{hostVariable: secure}[name] })
		if err != nil {
			t.Fatal(err)
		}
		var unreachable *Unreachable
		if _, err := New(t.Context(), Options{Endpoint: endpoint, Helper: tool}); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), secure) {
			t.Errorf("got %v", err)
		}
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// contextOf is a Docker configuration whose current context is an Engine behind TLS.
func contextOf(t *testing.T, host, certs string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "config.json"), `{"currentContext": "secure"}`)
	id := digest.FromString("secure").Encoded()
	write(t, filepath.Join(dir, "contexts", "meta", id, "meta.json"), `{"Name": "secure", "Metadata": {}, "Endpoints": {"docker": {"Host": "`+host+`"}}}`)
	for _, name := range []string{"ca.pem", "cert.pem", "key.pem"} {
		text, err := os.ReadFile(filepath.Join(certs, name))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "contexts", "tls", id, "docker", name), string(text))
	}
	return dir
}

// sshTo is a folder with an ssh that holds the conversation with the Engine itself.
func sshTo(t *testing.T, docker, address string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ssh"), "#!/bin/sh\nexec '"+docker+"' --host '"+address+"' system dial-stdio\n")
	if err := os.Chmod(filepath.Join(dir, "ssh"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
