package agent

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	// pollEvery is the pause between two attempts: it bounds how much later
	// than the application the agent notices.
	pollEvery = 3 * time.Millisecond
	// attemptLimit bounds one attempt: an application that accepted a
	// connection and then lost it is asked again.
	attemptLimit = 10 * time.Second
)

// wait polls until the application answers, its main process ends or the time is over.
func wait(ctx context.Context, r WaitRequest) (WaitAnswer, error) {
	main := mainPID(r.Main)
	var a WaitAnswer
	for {
		start, err := readStat(main)
		if err != nil || start.State == "Z" || start.State == "X" {
			a.Ended = true
			return a, nil
		}
		a.Attempts++
		if a.try(ctx, r) {
			a.Up, a.LastError, a.Late = true, "", a.Attempts == 1
			took, err := sinceStart(start)
			a.Seconds = took.Seconds()
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, nil
		case <-time.After(pollEvery):
		}
	}
}

// try makes one attempt on every address and port in question.
func (a *WaitAnswer) try(ctx context.Context, r WaitRequest) bool {
	ports := []int{r.Port}
	if r.Port == 0 {
		ports = listeningPorts()
		a.LastError = "nothing listens on a TCP port"
	}
	for _, port := range ports {
		for _, host := range []string{"127.0.0.1", "::1"} {
			status, err := attempt(ctx, net.JoinHostPort(host, strconv.Itoa(port)), r.Path)
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
