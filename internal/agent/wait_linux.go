package agent

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/plimsoll/plimsoll/internal/procfs"
)

const (
	// pollEvery is the pause between two attempts: it bounds how much later
	// than the application the agent notices.
	pollEvery = 3 * time.Millisecond
	// Where sockets are listed for it, for which the kernel walks through a large table, the pause is listShare times as long as that
	// took, and longestPoll at most: on few cores the application wants them.
	listShare   = 10
	longestPoll = 30 * time.Millisecond
	// attemptLimit bounds one attempt: an application that accepted a
	// connection and then lost it is asked again.
	attemptLimit = 10 * time.Second
)

// wait polls until the application answers, its main process ends or the time is over.
func wait(ctx context.Context, r WaitRequest) (WaitAnswer, error) {
	main := mainPID(r.Main)
	var a WaitAnswer
	guess := &guessedPort{port: r.Port, patience: r.Elsewhere}
	for {
		start, err := procfs.ReadStat(main)
		if err != nil || start.Ended() {
			a.Ended = true
			return a, nil
		}
		a.Attempts++
		looked := time.Now()
		ports := guess.ports(looked)
		listing := time.Since(looked)
		if a.try(ctx, ports, r.Path) {
			a.Up, a.LastError, a.Late = true, "", a.Attempts == 1
			took, err := sinceStart(start)
			a.Seconds = took.Seconds()
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, nil
		case <-time.After(min(max(pollEvery, listShare*listing), longestPoll)):
		}
	}
}

// try makes one attempt on every address and port in question.
func (a *WaitAnswer) try(ctx context.Context, ports []int, path string) bool {
	if len(ports) == 0 {
		a.LastError = "nothing listens on a TCP port"
	}
	for _, port := range ports {
		for _, host := range []string{"127.0.0.1", "::1"} {
			status, err := attempt(ctx, net.JoinHostPort(host, strconv.Itoa(port)), path)
			if err == nil {
				a.Address, a.Port, a.Status = host, port, status
				return true
			}
			if host == "127.0.0.1" { // ::1 is the exception and its failure tells nothing
				a.LastError = err.Error()
			}
		}
	}
	return false
}

// guessedPort is a port that the application is expected on.
type guessedPort struct {
	port     int           // 0 means any
	patience time.Duration // see WaitRequest.Elsewhere
	since    time.Time     // when it was first seen to listen on other ports alone; zero when it is not
	looked   time.Time     // sockets are listed once in a while: that is dearer than an attempt
}

// ports are those to be tried now.
func (g *guessedPort) ports(now time.Time) []int {
	switch {
	case g.port == 0:
		return listeningPorts()
	case g.patience <= 0 || now.Sub(g.looked) < 100*time.Millisecond:
		return []int{g.port}
	}
	g.looked = now
	return g.choose(now, listeningPorts())
}

// choose takes the other ports in when the application has listened on these alone for long enough.
func (g *guessedPort) choose(now time.Time, open []int) []int {
	if len(open) == 0 || slices.Contains(open, g.port) {
		g.since = time.Time{}
		return []int{g.port}
	}
	if g.since.IsZero() {
		g.since = now
	}
	if now.Sub(g.since) < g.patience {
		return []int{g.port}
	}
	return open
}

func listeningPorts() []int {
	found, err := listening()
	if err != nil {
		return nil
	}
	var ports []int
	for _, s := range found {
		ports = append(ports, s.Port)
	}
	return slices.Compact(ports)
}

// attempt connects to an address and, if there is a path, gets it.
func attempt(ctx context.Context, address, path string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	if path == "" {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return 0, err
		}
		return 0, conn.Close()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return 0, fmt.Errorf("path %q: %w", path, err)
	}
	resp, err := newHTTPClient().Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
