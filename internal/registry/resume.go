package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// silenceGuard ends a transfer in which nothing comes any more.
type silenceGuard struct {
	io.ReadCloser
	ctx     context.Context // of the request
	cancel  context.CancelCauseFunc
	silence time.Duration
	timer   *time.Timer
}

func (g *silenceGuard) Read(p []byte) (int, error) {
	if g.timer == nil {
		g.timer = time.AfterFunc(g.silence, func() { g.cancel(errSilent) })
	} else {
		g.timer.Reset(g.silence)
	}
	n, err := g.ReadCloser.Read(p)
	g.timer.Stop()
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(g.ctx), errSilent) {
		err = errSilent
	}
	return n, err
}

func (g *silenceGuard) Close() error {
	err := g.ReadCloser.Close()
	g.cancel(nil)
	return err
}

// upload is what is sent, piece by piece: the server has to take each in time. How long the next takes to come is the
// sender's matter, and when all is sent, the transport waits for the answer.
type upload struct {
	io.ReadCloser
	silence time.Duration

	mu    sync.Mutex
	timer *time.Timer // nil once the answer is there
}

func (u *upload) Read(p []byte) (int, error) {
	u.wait(0)
	n, err := u.ReadCloser.Read(p)
	if err == nil {
		u.wait(u.silence)
	}
	return n, err
}

// wait begins to wait for the server, or ends that.
func (u *upload) wait(limit time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.timer == nil {
		return
	}
	if u.timer.Stop(); limit > 0 {
		u.timer.Reset(limit)
	}
}

// over is called when the answer is there: the server may have heard enough before all was sent.
func (u *upload) over() {
	u.wait(0)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.timer = nil
}

// isBlob says whether an answer can be asked for in parts: a whole blob, from the registry
// or from where it redirects to. Its digest is verified by whoever reads it, so parts of two answers do no harm.
func isBlob(req *http.Request, resp *http.Response) bool {
	return req.Method == http.MethodGet && resp.StatusCode == http.StatusOK && req.Header.Get("Range") == "" &&
		(strings.Contains(req.URL.Path, "/blobs/") || req.Response != nil)
}

// resumed is a blob whose transfer goes on where it broke off.
type resumed struct {
	body    io.ReadCloser
	request *http.Request
	patient *patient

	read  int64     // bytes handed out
	fresh int64     // of them, since it last broke off
	try   int       // how often it broke off without much coming in between
	began time.Time // of the first of these
}

// muchBetween is how many bytes must come for a transfer to count as going on.
const muchBetween = 1 << 20

func (r *resumed) Read(p []byte) (int, error) {
	for {
		n, err := r.body.Read(p)
		if n > 0 {
			r.read, r.fresh = r.read+int64(n), r.fresh+int64(n)
			if err != nil && !errors.Is(err, io.EOF) {
				err = nil // it comes again with the next call
			}
			return n, err
		}
		if err == nil || errors.Is(err, io.EOF) {
			return n, err
		}
		if err := r.resume(err); err != nil {
			return 0, err
		}
	}
}

// resume asks for the rest of the blob; the error is what ended it for good.
func (r *resumed) resume(failed error) error {
	ctx, host := r.request.Context(), r.request.URL.Host
	f := faultOfError(failed)
	if f == nil || isEnd(ctx, failed) {
		return failed
	}
	if r.try == 0 || r.fresh >= muchBetween {
		r.try, r.began = 0, time.Now()
	}
	r.try, r.fresh = r.try+1, 0
	wait, again := r.patient.next(r.request, f, r.try, r.began)
	if !again {
		return r.ended(f.text())
	}
	if err := r.patient.pause(ctx, host, f.what, wait); err != nil {
		return err
	}
	rest, err := r.rest()
	if err != nil {
		return err
	}
	_ = r.body.Close() // it is broken already
	r.body = rest
	return nil
}

// rest is the blob from the first byte on that was not read. A server that can't send parts is asked for all of it.
func (r *resumed) rest() (io.ReadCloser, error) {
	req := r.request.Clone(r.request.Context())
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.read))
	resp, err := r.patient.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", r.read)) {
		return resp.Body, nil
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close() // what it holds is of no use
		req.Header.Del("Range")
		if resp, err = r.patient.once(req); err != nil {
			return nil, r.ended(errBroken.Error())
		}
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, r.ended("answered " + status(resp) + " when asked for the rest")
	}
	if _, err := io.CopyN(io.Discard, resp.Body, r.read); err != nil { // what was read already
		_ = resp.Body.Close()
		return nil, r.ended(errBroken.Error())
	}
	return resp.Body, nil
}

func (r *resumed) ended(what string) error {
	return &UnavailableError{Host: r.request.URL.Host, What: what + " in the middle of a blob", Tries: r.try, Took: time.Since(r.began)}
}

func (r *resumed) Close() error { return r.body.Close() }
