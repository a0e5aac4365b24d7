package agent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	eachLimit   = 10 * time.Second // for one request, when none is given
	maxBody     = 1 << 20          // kept of one body
	maxBodies   = 16 << 20         // kept of all bodies of one call
	maxRead     = 64 << 20         // read of one body
	maxHeaders  = 64
	maxHeader   = 1024 // bytes of one header
	headerLimit = 1 << 20
)

// newHTTPClient returns a client without memory: no proxy, no cookies, no
// redirects, a new connection for each request.
func newHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: headerLimit,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// asker sends requests to one application and remembers captured values.
type asker struct {
	client   *http.Client
	base     string // "http://127.0.0.1:8000"
	each     time.Duration
	captured map[string]string
	room     int64 // bytes of bodies that may still be kept
}

func ask(ctx context.Context, r AskRequest) (AskAnswer, error) {
	if r.Port <= 0 || r.Port > 65535 {
		return AskAnswer{}, fmt.Errorf("port %d is not a TCP port", r.Port)
	}
	k := &asker{client: newHTTPClient(), base: "http://" + loopback(ctx, r.Port), each: r.Each,
		captured: map[string]string{}, room: maxBodies}
	if k.each <= 0 {
		k.each = eachLimit
	}
	if r.Repeat > 0 {
		return AskAnswer{Load: k.load(ctx, r)}, nil
	}
	answers := make([]HTTPAnswer, len(r.Requests))
	for i, req := range r.Requests {
		answers[i] = k.ask(ctx, req)
	}
	return AskAnswer{Answers: answers}, nil
}

// loopback is the address on which the port answers: 127.0.0.1 unless ::1 alone does.
func loopback(ctx context.Context, port int) string {
	p := strconv.Itoa(port)
	v4, v6 := net.JoinHostPort("127.0.0.1", p), net.JoinHostPort("::1", p)
	d := net.Dialer{Timeout: time.Second}
	for _, address := range []string{v4, v6} {
		if conn, err := d.DialContext(ctx, "tcp", address); err == nil {
			_ = conn.Close()
			return address
		}
	}
	return v4
}

// load sends the whole list r.Repeat times and counts.
func (k *asker) load(ctx context.Context, r AskRequest) *Load {
	l := &Load{Statuses: map[int]int{}}
	k.room = 0
	started := time.Now()
	for range r.Repeat {
		for _, req := range r.Requests {
			if ctx.Err() != nil {
				l.Stopped = true
				break
			}
			l.Sent++
			if a := k.ask(ctx, req); a.Status == 0 {
				l.Failed++
				l.LastError = a.Error
			} else {
				l.Statuses[a.Status]++
			}
		}
	}
	l.Seconds = time.Since(started).Seconds()
	return l
}

// ask sends one request and reads its answer.
func (k *asker) ask(ctx context.Context, r HTTPRequest) HTTPAnswer {
	a := HTTPAnswer{Path: fill(r.Path, k.captured, r.Values)}
	ctx, cancel := context.WithTimeout(ctx, k.each)
	defer cancel()
	started := time.Now()
	err := k.send(ctx, r, &a)
	a.Milliseconds = float64(time.Since(started).Microseconds()) / 1000
	if err != nil {
		a.Error = err.Error()
	}
	k.capture(r, a)
	return a
}

func (k *asker) send(ctx context.Context, r HTTPRequest, a *HTTPAnswer) error {
	if !strings.HasPrefix(a.Path, "/") {
		return fmt.Errorf("path %q does not begin with a slash", a.Path)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, k.base+a.Path, bytes.NewReader(r.Body))
	if err != nil {
		return err
	}
	for name, value := range r.Headers {
		req.Header.Set(name, value)
		if strings.EqualFold(name, "host") {
			req.Host = value
		}
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	a.Status, a.Headers = resp.StatusCode, selectHeaders(resp.Header)
	return k.readBody(resp.Body, a)
}

// withoutURL drops the method and address that package net/http puts before every error.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// readBody keeps the beginning of a body, and the length and hash of all of it.
func (k *asker) readBody(body io.Reader, a *HTTPAnswer) error {
	kept := &head{limit: int(min(maxBody, k.room))}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(sum, kept), io.LimitReader(body, maxRead+1))
	a.Length, a.Body = n, kept.data
	a.SHA256, a.Truncated = hex.EncodeToString(sum.Sum(nil)), n > int64(len(kept.data))
	k.room -= int64(len(kept.data))
	if err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	if n > maxRead {
		return fmt.Errorf("the body has more than %d bytes", maxRead)
	}
	return nil
}

// head is a writer that keeps the first bytes and takes the rest without keeping it.
type head struct {
	data  []byte
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.data = append(h.data, p[:min(len(p), h.limit-len(h.data))]...)
	return len(p), nil
}

// selectHeaders flattens headers, bounded, with cookies reduced to their names.
func selectHeaders(h http.Header) map[string]string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	selected := map[string]string{}
	for _, name := range names[:min(len(names), maxHeaders)] {
		values := h[name]
		if name == "Set-Cookie" {
			values = cookieNames(values)
		}
		value := strings.Join(values, ", ")
		selected[name] = value[:min(len(value), maxHeader)]
	}
	return selected
}

func cookieNames(cookies []string) []string {
	var names []string
	for _, c := range cookies {
		name, _, _ := strings.Cut(c, "=")
		names = append(names, name)
	}
	return names
}
