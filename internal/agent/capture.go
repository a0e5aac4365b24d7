package agent

import (
	"bytes"
	"encoding/json"
	"net/url"
	"path"
	"slices"
	"strings"
)

// maxCaptured bounds the value of a variable: an identifier is never longer.
const maxCaptured = 200

// fill replaces "{name}" in a path by its value, captured ones first. What
// has no value stays as it is.
func fill(path string, captured, values map[string]string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(path, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !ok || !closed {
			b.WriteString(path)
			return b.String()
		}
		b.WriteString(before)
		value, known := captured[name]
		if !known {
			value, known = values[name]
		}
		if known {
			b.WriteString(escape(b.String(), value))
		} else {
			b.WriteString("{" + name + "}")
		}
		path = after
	}
}

// escape makes a value safe for what follows a beginning of a path: a query or another part of it.
func escape(before, value string) string {
	if strings.Contains(before, "?") {
		return url.QueryEscape(value)
	}
	return url.PathEscape(value)
}

// capture takes the values of variables from the answer to a creation: from a
// member of the JSON answer or else from the last part of the Location header.
// Answers that are not a success give no values.
func (k *asker) capture(r HTTPRequest, a HTTPAnswer) {
	if len(r.Captures) == 0 || a.Status < 200 || a.Status > 299 {
		return
	}
	var doc any
	d := json.NewDecoder(bytes.NewReader(a.Body))
	d.UseNumber()
	parsed := !a.Truncated && d.Decode(&doc) == nil
	for name, members := range r.Captures {
		value := ""
		if parsed {
			value = member(doc, members, 2)
		}
		if value == "" {
			value = lastSegment(a.Headers["Location"])
		}
		if value != "" && len(value) <= maxCaptured {
			k.captured[name] = value
		}
	}
}

// member finds the first of some members in an object or, failing that, in
// the objects inside it, down to a depth: answers are often wrapped in "data".
func member(doc any, members []string, depth int) string {
	object, ok := doc.(map[string]any)
	if !ok || depth == 0 {
		return ""
	}
	for _, name := range members {
		switch v := object[name].(type) {
		case string:
			return v
		case json.Number:
			return v.String()
		}
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if v := member(object[name], members, depth-1); v != "" {
			return v
		}
	}
	return ""
}

// lastSegment is the last part of a URL's path: "42" of "/notes/42".
func lastSegment(location string) string {
	u, err := url.Parse(location)
	if err != nil || location == "" {
		return ""
	}
	if s := path.Base(u.Path); s != "/" && s != "." {
		return s
	}
	return ""
}
