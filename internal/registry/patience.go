package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Patience is how long a registry is waited for that can't answer right now.
type Patience struct {
	// Tries is how often one request is made.
	Tries int
	// First is the time before the second try; each further wait is twice as long.
	First time.Duration
	// Whole is the time within which a try may begin, from the first one on.
	Whole time.Duration
	// Silence is how long a server may send nothing, neither an answer nor more of it.
	Silence time.Duration
	// Connects is how often it is tried to connect: where nobody listens, somebody seldom will within seconds.
	Connects int
}

// Brief is for questions that there is another answer to: look-ups have ten seconds in all, and then
// the cache and the table.
func Brief() Patience {
	return Patience{Tries: 4, First: 250 * time.Millisecond, Whole: 5 * time.Second, Silence: 8 * time.Second, Connects: 1}
}

// Long is for what can't be done without: images that are built from, looked into, or put out.
func Long() Patience {
	return Patience{Tries: 7, First: 500 * time.Millisecond, Whole: time.Minute, Silence: 30 * time.Second, Connects: 3}
}

// UnavailableError is a registry that did not do its part for as long as it was waited for.
type UnavailableError struct {
	Host  string
	What  string // "answered 429 Too Many Requests", "broke the connection off"
	Tries int
	Took  time.Duration
}

func (e *UnavailableError) Error() string {
	tries := "once"
	if e.Tries > 1 {
		tries = fmt.Sprintf("%d times in %s", e.Tries, e.Took.Round(100*time.Millisecond))
	}
	return fmt.Sprintf("%s %s (tried %s)", e.Host, e.What, tries)
}

// patient tries requests again that failed for a reason that may pass.
type patient struct {
	base     http.RoundTripper
	patience Patience
	waiting  *announcer
}

// RoundTrip makes a request. What can't be sent twice is sent once.
func (p *patient) RoundTrip(req *http.Request) (*http.Response, error) {
	if !isRepeatable(req) {
		return p.once(req)
	}
	began := time.Now()
	for try := 1; ; try++ {
		resp, err := p.once(req)
		fault := faultOf(resp, err)
		if fault == nil || isEnd(req.Context(), err) {
			return p.guarded(req, resp), err
		}
		wait, again := p.next(req, fault, try, began)
		if !again {
			return nil, &UnavailableError{Host: req.URL.Host, What: fault.text(), Tries: try, Took: time.Since(began)}
		}
		if err := p.pause(req.Context(), req.URL.Host, fault.what, wait); err != nil {
			return nil, err
		}
		if req, err = rewound(req); err != nil {
			return nil, err
		}
	}
}

// once makes a request and waits for the head of its answer, as long as the patience has it.
func (p *patient) once(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	timer := time.AfterFunc(p.patience.Silence, func() { cancel(errSilent) })
	sent := req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		timer.Stop()
		body := &upload{ReadCloser: req.Body, timer: timer, silence: p.patience.Silence}
		defer body.over()
		sent.Body = body
	}
	resp, err := p.base.RoundTrip(sent)
	timer.Stop()
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilent) {
			err = errSilent
		}
		cancel(nil)
		return nil, err
	}
	resp.Body = &silenceGuard{ReadCloser: resp.Body, ctx: ctx, cancel: cancel, silence: p.patience.Silence}
	return resp, nil
}

var (
	errSilent = errors.New("sent nothing")
	errBroken = errors.New("broke the connection off")
)

// guarded makes a blob whose transfer breaks off go on where it broke off.
func (p *patient) guarded(req *http.Request, resp *http.Response) *http.Response {
	if resp != nil && isBlob(req, resp) {
		resp.Body = &resumed{body: resp.Body, request: req, patient: p}
	}
	return resp
}

// fault is a failure that may pass.
type fault struct {
	what   string        // "answered 503 Service Unavailable"
	detail string        // what the registry said about it
	after  time.Duration // what the registry asks to wait; 0 when it says nothing
	dial   bool          // there was no connection
}

func (f *fault) text() string {
	text := f.what
	if f.detail != "" {
		text += ": " + f.detail
	}
	if f.after > 0 {
		text += fmt.Sprintf(", and asks to wait %s", f.after.Round(time.Second))
	}
	return text
}

// faultOf sorts the outcome of a try; nil is one that a further try would not change.
func faultOf(resp *http.Response, err error) *fault {
	if err != nil {
		return faultOfError(err)
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &fault{what: "answered " + status(resp), detail: said(resp), after: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
	}
	return nil
}

// status is an answer's status in the words of the standard, whatever the server wrote.
func status(resp *http.Response) string {
	return strings.TrimSpace(strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode))
}

func faultOfError(err error) *fault {
	var op *net.OpError
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.Is(err, errSilent):
		return &fault{what: errSilent.Error()}
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return nil
		}
		return &fault{what: "could not be found: " + dns.Error(), dial: true}
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return &fault{what: "could not be connected to: " + op.Error(), dial: true}
	case isBroken(err):
		return &fault{what: errBroken.Error()}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &fault{what: "sent nothing: " + err.Error()}
	}
	return nil
}

func isBroken(err error) bool {
	for _, sign := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed} {
		if errors.Is(err, sign) {
			return true
		}
	}
	// net/http has no value for this one.
	return strings.Contains(err.Error(), "server closed idle connection")
}

// maxSaid bounds what is read of a registry's explanation.
const maxSaid = 4 << 10

// said is a registry's explanation of its status, and ends the answer.
func said(resp *http.Response) string {
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxSaid))
	var reply struct {
		Errors []struct{ Message string } `json:"errors"`
	}
	if err != nil || json.Unmarshal(text, &reply) != nil || len(reply.Errors) == 0 {
		return ""
	}
	return printable(reply.Errors[0].Message)
}

// printable makes a server's words safe for a terminal.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, text)
	const most = 200
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(strings.TrimSpace(header), 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// next says how long to wait before the next try, and whether there is to be one.
func (p *patient) next(req *http.Request, f *fault, try int, began time.Time) (wait time.Duration, again bool) {
	most := p.patience.Tries
	if f.dial {
		most = min(most, p.patience.Connects)
	}
	if try >= most {
		return 0, false
	}
	wait = p.patience.First << (try - 1)
	wait += rand.N(wait/4 + 1) // so that many who wait do not all come back at once
	wait = max(wait, f.after)
	until := time.Now().Add(wait)
	if until.After(began.Add(p.patience.Whole)) {
		return 0, false
	}
	deadline, bounded := req.Context().Deadline()
	return wait, !bounded || until.Before(deadline)
}

// isRepeatable says whether a request may be made twice, and its body can be sent twice.
func isRepeatable(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
	case http.MethodPost:
		// A token is asked for by POST, too; an upload that is begun twice is left to expire.
	default:
		return false
	}
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// rewound is the request with its body at the beginning again.
func rewound(req *http.Request) (*http.Request, error) {
	if req.GetBody == nil {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	next := req.Clone(req.Context())
	next.Body = body
	return next, nil
}

// pause waits, and says so.
func (p *patient) pause(ctx context.Context, host, why string, wait time.Duration) error {
	done := p.waiting.begin(host, why, wait)
	defer done()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
