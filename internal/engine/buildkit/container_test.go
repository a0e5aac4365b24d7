package buildkit

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"

	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
)

func TestTail(t *testing.T) {
	for _, c := range []struct {
		writes []string
		want   string
	}{
		{nil, ""},
		{[]string{"abc"}, "abc"},
		{[]string{"abcd", "efgh"}, "abcdefgh"},
		{[]string{"abcdefgh", "i"}, "bcdefghi"},
		{[]string{"0123456789abcdef"}, "89abcdef"},
		{strings.Split(strings.Repeat("x", 100)+"12345678", ""), "12345678"},
	} {
		tail := &tail{limit: 8}
		for _, w := range c.writes {
			if n, err := tail.Write([]byte(w)); n != len(w) || err != nil {
				t.Fatalf("wrote %d, %v", n, err)
			}
		}
		if got := tail.String(); got != c.want {
			t.Errorf("%v: %q, want %q", c.writes, got, c.want)
		}
		if len(tail.bytes) > 2*tail.limit {
			t.Errorf("%d bytes are kept", len(tail.bytes))
		}
	}
}

func TestLastLines(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "\n": "", "a": "a", "a\nb\n": "a\nb", "a\nb\nc\n": "b\nc", "a\n\nc": "\nc",
	} {
		tail := &tail{limit: 100}
		_, _ = tail.Write([]byte(text))
		if got := tail.lastLines(2); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestBounded(t *testing.T) {
	b := &bounded{limit: 4}
	for _, w := range []string{"ab", "cd", ""} {
		_, _ = b.Write([]byte(w))
	}
	if b.cut || b.buf.String() != "abcd" {
		t.Errorf("%q, cut %v", b.buf.String(), b.cut)
	}
	_, _ = b.Write([]byte("e"))
	if !b.cut || b.buf.String() != "abcd" {
		t.Errorf("%q, cut %v", b.buf.String(), b.cut)
	}
}

func TestMergeEnv(t *testing.T) {
	got := mergeEnv([]string{"A=1", "B=2", "A=3"}, []string{"B=", "C=x=y", "LONE"})
	if want := []string{"A=3", "B=", "C=x=y", "LONE"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestExitOf(t *testing.T) {
	exit := func(code uint32) error {
		return fmt.Errorf("waiting: %w", &gatewaypb.ExitError{ExitCode: code, Err: errors.New("x")})
	}
	for _, c := range []struct {
		err  error
		code int
		sig  syscall.Signal
		ok   bool
	}{
		{nil, 0, 0, true},
		{exit(1), 1, 0, true},
		{exit(137), 137, syscall.SIGKILL, true},
		{exit(139), 139, syscall.SIGSEGV, true},
		{exit(143), 143, 0, true}, // the first process can't be killed by SIGTERM: it chose this
		{exit(128), 128, 0, true},
		{&gatewaypb.ExitError{ExitCode: 255}, 255, 0, true},
		{exit(gatewaypb.UnknownExitStatus), -1, 0, false},
		{exit(math.MaxUint32), -1, 0, false}, // the runtime was killed
		{errors.New("lost"), -1, 0, false},
	} {
		got, err := exitOf(c.err)
		if got.Code != c.code || got.Signal != c.sig || (err == nil) != c.ok {
			t.Errorf("%v: %+v, %v", c.err, got, err)
		}
	}
}

func TestHeadline(t *testing.T) {
	for text, want := range map[string]string{
		"failed to solve: x": "x",
		"rpc error: code = Unknown desc = failed to solve: boom":                                                      `boom`,
		`failed to solve: failed to compute cache key: failed to calculate checksum of ref abc::def: "/x": not found`: `"/x": not found`,
		`process "/bin/sh -c false" did not complete successfully: exit code: 1`:                                      `process "/bin/sh -c false" did not complete successfully: exit code: 1`,
	} {
		if got := headline(errors.New(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestBaseFailure(t *testing.T) {
	const step = loadMetadata + "docker.io/library/x:1"
	for reason, want := range map[string]string{
		"docker.io/library/x:1: not found":                                                           "does not exist",
		"pull access denied, repository does not exist or may require authorization":                 "does not exist",
		`failed to do request: Head "https://h/v2/": dial tcp: lookup h: no such host`:               "dial tcp: lookup h: no such host",
		"unexpected status from HEAD request to https://h/v2/x/manifests/1: 503 Service Unavailable": "could not be asked",
	} {
		got := baseFailure(step, reason)
		if got == nil || got.ref != "docker.io/library/x:1" || !strings.Contains(got.what, want) || got.hint == "" {
			t.Errorf("%q: %+v, want %q", reason, got, want)
		}
	}
	for reason, want := range map[string]missingBase{
		`failed to do request: Get "https://h:5/v2/x/blobs/sha256:0": h:5 broke the connection off in the middle of a blob (tried 7 times in 31s)`: {
			what: "the registry docker.io could not be asked for docker.io/library/x:1: h:5 broke the connection off in the middle of a blob (tried 7 times in 31s)",
			hint: "check the network, or name a mirror: --mirror docker.io=HOST:PORT", registry: "docker.io"},
		`x: Head "https://h/v2/": the certificate of h is not trusted: who: name the CA that signed it with --ca-file FILE`: {
			what:     "the registry docker.io could not be asked for docker.io/library/x:1: the certificate of h is not trusted: who: name the CA that signed it with --ca-file FILE",
			registry: "docker.io"},
		`failed to authorize: rpc error: code = Unknown desc = the login for h is kept by docker-credential-x, which is not installed`: {
			what: "the login for h is kept by docker-credential-x, which is not installed", registry: "docker.io"},
	} {
		want.ref = "docker.io/library/x:1"
		for _, step := range []string{step, "[builder 1/4] FROM docker.io/library/x:1@sha256:0123", "FROM docker.io/library/x:1"} {
			if got := baseFailure(step, reason); got == nil || *got != want {
				t.Errorf("%s, %s:\ngot  %+v\nwant %+v", step, reason, got, want)
			}
		}
	}
	if got := baseFailure("[1/4] FROM docker.io/library/x:1", "write /layers: no space left on device"); got != nil {
		t.Errorf("a disk that is full is no registry's fault: %+v", got)
	}
	if got := baseFailure("[2/3] RUN x", "not found"); got != nil {
		t.Errorf("a step that is no base: %+v", got)
	}
	if got := baseFailure(step, "dial tcp: refused"); !strings.Contains(got.hint, "--mirror docker.io=") {
		t.Errorf("hint %q", got.hint)
	}
}
