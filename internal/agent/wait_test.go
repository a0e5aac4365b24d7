//go:build linux

package agent

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

func TestWaitUntilTheApplicationAnswers(t *testing.T) {
	cmd, port := startApplication(t, "1s")
	a, err := local().Wait(t.Context(), WaitRequest{Port: port, Path: "/", Main: cmd.Process.Pid, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if !a.Up || a.Status != http.StatusTeapot || a.Address != "127.0.0.1" || a.Port != port || a.LastError != "" {
		t.Errorf("got %+v", a)
	}
	if a.Seconds < 1 || a.Late || a.Attempts < 2 {
		t.Errorf("got %+v, want at least the second that the application slept", a)
	}
}

func TestWaitSaysThatItCameLate(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	a, err := local().Wait(t.Context(), WaitRequest{Port: portOf(t, s.URL[len("http://"):]), Path: "/", Main: os.Getpid()})
	if err != nil || !a.Up || !a.Late || a.Status != 404 {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestWaitFindsThePort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := local().Wait(t.Context(), WaitRequest{Main: os.Getpid()})
	if err != nil || !a.Up || a.Port == 0 || a.Status != 0 {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestWaitOnIPv6Alone(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 on loopback:", err)
	}
	defer l.Close()
	a, err := local().Wait(t.Context(), WaitRequest{Port: portOf(t, l.Addr().String()), Main: os.Getpid()})
	if err != nil || !a.Up || a.Address != "::1" {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestWaitEndsWithTheApplication(t *testing.T) {
	cmd, _ := startApplication(t, "1h")
	if err := cmd.Process.Kill(); err != nil { // nobody waits for it yet: it is a zombie
		t.Fatal(err)
	}
	a, err := local().Wait(t.Context(), WaitRequest{Port: freePort(t), Main: cmd.Process.Pid, Timeout: time.Minute})
	if err != nil || a.Up || !a.Ended {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestWaitEndsWithItsTime(t *testing.T) {
	a, err := local().Wait(t.Context(), WaitRequest{Port: freePort(t), Main: os.Getpid(), Timeout: 50 * time.Millisecond})
	if err != nil || a.Up || a.Ended || a.LastError == "" {
		t.Errorf("got %+v, %v; want a time-out with the last error", a, err)
	}
}

func TestSocketsHaveTheirOwner(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := local().Sockets(t.Context(), SocketsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	port := portOf(t, l.Addr().String())
	for _, s := range a.Sockets {
		if s.Port == port && s.Address == "127.0.0.1" && s.PID == os.Getpid() && s.UID == os.Geteuid() {
			return
		}
	}
	t.Errorf("port %d of process %d is not in %+v", port, os.Getpid(), a.Sockets)
}

func TestParseSockets(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 10001        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1F91 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
   2: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 4713 1
   3: XYZ:0050 0:0 0A 0:0 0:0 0 0 0 4714 1
`
	got := parseSockets(table)
	want := []Socket{{Address: "127.0.0.1", Port: 8080, UID: 10001, Inode: 4711}, {Address: "::1", Port: 80, Inode: 4713}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	_, p, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(p)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return portOf(t, l.Addr().String())
}

func TestAnotherPortIsTakenWhenTheExpectedOneStaysClosed(t *testing.T) {
	start := time.Now()
	g := &guessedPort{port: 8080, patience: 3 * time.Second}
	for _, c := range []struct {
		after time.Duration
		open  []int
		want  []int
	}{
		{0, nil, []int{8080}},
		{time.Second, []int{5000}, []int{8080}},
		{3 * time.Second, []int{5000}, []int{8080}},
		{4 * time.Second, []int{5000, 9090}, []int{5000, 9090}},
		{5 * time.Second, []int{5000, 8080}, []int{8080}},
		{6 * time.Second, []int{5000}, []int{8080}}, // its patience begins anew
	} {
		if got := g.choose(start.Add(c.after), c.open); !slices.Equal(got, c.want) {
			t.Errorf("after %s with %v open: %v, want %v", c.after, c.open, got, c.want)
		}
	}
}

func TestWaitTakesAnotherPort(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := other.Addr().(*net.TCPAddr).Port
	other.Close()
	for _, elsewhere := range []time.Duration{0, 50 * time.Millisecond} {
		a, err := local().Wait(t.Context(), WaitRequest{Port: closed, Elsewhere: elsewhere, Main: os.Getpid(), Timeout: 1500 * time.Millisecond})
		if err != nil || a.Up != (elsewhere > 0) {
			t.Errorf("elsewhere after %s: %+v, %v", elsewhere, a, err)
		}
	}
}
