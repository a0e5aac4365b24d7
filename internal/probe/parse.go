package probe

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/agent"
)

// methods are the methods that a probe may have.
func methods() []string {
	return []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
}

// Parse reads a probe as a user writes it: "/path", "GET /path?x=1",
// `POST /notes {"text": "hi"}` or "POST /login user=a&word=b". A body that is
// JSON is sent as JSON, one that looks like a form as a form, others as text.
func Parse(probe string) (Request, error) {
	method, rest := "GET", strings.TrimSpace(probe)
	if !strings.HasPrefix(rest, "/") {
		first, after, _ := strings.Cut(rest, " ")
		method, rest = strings.ToUpper(first), strings.TrimSpace(after)
	}
	if !slices.Contains(methods(), method) {
		return Request{}, fmt.Errorf("probe %q: %q is not one of the methods %s", probe, method, strings.Join(methods(), ", "))
	}
	path, body, _ := strings.Cut(rest, " ")
	if !strings.HasPrefix(path, "/") {
		return Request{}, fmt.Errorf("probe %q: the path must begin with a slash, as in 'GET /path'", probe)
	}
	if _, err := url.ParseRequestURI(path); err != nil || strings.ContainsAny(path, "\x00\r\n") {
		return Request{}, fmt.Errorf("probe %q: %q is not a path that can be asked for", probe, path)
	}
	r := Request{agent.HTTPRequest{Method: method, Path: path}, OriginUser}
	if body = strings.TrimSpace(body); body != "" {
		r.Body = []byte(body)
		r.Headers = map[string]string{"Content-Type": contentType(body)}
	}
	return r, nil
}

func contentType(body string) string {
	if json.Valid([]byte(body)) {
		return typeJSON
	}
	if _, err := url.ParseQuery(body); err == nil && strings.Contains(body, "=") && !strings.ContainsAny(body, " {\n") {
		return typeForm
	}
	return "text/plain; charset=utf-8"
}
