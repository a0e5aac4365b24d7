package probe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/agent"
)

// maxDocument bounds an OpenAPI document.
const maxDocument = 16 << 20

// FromOpenAPI makes requests out of an OpenAPI 3.0 or 3.1 or Swagger 2.0
// document in JSON: one for each operation, creations before reads, changes
// after them and deletions last. Identifiers in paths come from the answer to the creation one path
// above where there is one. Parameters and members that are not required are left out
// unless the document gives an example. Left out too: operations that would end the
// application (see endsThings) and those that answer with an endless stream.
func FromOpenAPI(doc []byte) ([]Request, error) {
	root, err := parseDocument(doc)
	if err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	d := &document{root: root, base: basePath(root), names: map[string][]string{}}
	paths, _ := root["paths"].(map[string]any)
	var requests []Request
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		requests = append(requests, d.pathRequests(path, paths[path])...)
	}
	sequence(requests)
	link(requests, d.names)
	return choose(distinct(requests), MaxRequests), nil
}

func parseDocument(doc []byte) (map[string]any, error) {
	if len(doc) > maxDocument {
		return nil, fmt.Errorf("it has %d bytes, over the limit of %d", len(doc), maxDocument)
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var root map[string]any
	if err := d.Decode(&root); err != nil {
		return nil, fmt.Errorf("it is not a JSON object: %w", err)
	}
	version, _ := root["openapi"].(string)
	if swagger, _ := root["swagger"].(string); !strings.HasPrefix(version, "3.") && swagger != "2.0" {
		return nil, errors.New(`it names no version that is known ("openapi": "3.…" or "swagger": "2.0")`)
	}
	return root, nil
}

// basePath is what stands before all paths: Swagger's basePath, or the path of the first server.
func basePath(root map[string]any) string {
	base, _ := root["basePath"].(string)
	if servers := list(root["servers"]); len(servers) > 0 {
		server, _ := servers[0].(map[string]any)
		address, _ := server["url"].(string)
		if u, err := url.Parse(address); err == nil && !strings.Contains(address, "{") {
			base = u.Path
		}
	}
	if !strings.HasPrefix(base, "/") {
		return ""
	}
	return strings.TrimRight(base, "/")
}

// document is an OpenAPI document being turned into requests.
type document struct {
	root  map[string]any
	base  string
	names map[string][]string // see namesByPlace
}

// operation is one method of one path with all that applies to it.
type operation struct {
	*sampler
	doc        *document
	method     string
	path       string
	members    map[string]any
	parameters []map[string]any
}

func (d *document) pathRequests(path string, item any) []Request {
	full := d.base + path
	if !strings.HasPrefix(path, "/") || endsThings(path) || unsendable(full) {
		return nil
	}
	members, ok := newSampler(d.root).resolve(item)
	if !ok {
		return nil
	}
	var requests []Request
	for _, method := range []string{"get", "post", "put", "patch", "delete"} {
		o := operation{sampler: newSampler(d.root), doc: d, method: strings.ToUpper(method), path: full}
		if o.members, ok = members[method].(map[string]any); !ok {
			continue
		}
		o.collectParameters(members["parameters"], o.members["parameters"])
		if !o.streams() {
			requests = append(requests, o.request())
		}
	}
	return requests
}

// collectParameters resolves parameters; those of an operation replace those of its path.
func (o *operation) collectParameters(lists ...any) {
	at := map[string]int{}
	for _, l := range lists {
		for _, v := range list(l) {
			p, ok := o.resolve(v)
			name, named := p["name"].(string)
			if !ok || !named || len(o.parameters) >= 100 {
				continue
			}
			key := fmt.Sprint(p["in"], " ", name)
			if i, known := at[key]; known {
				o.parameters[i] = p
				continue
			}
			at[key] = len(o.parameters)
			o.parameters = append(o.parameters, p)
		}
	}
}

// streams reports whether an answer is declared that may never end.
func (o *operation) streams() bool {
	responses, _ := o.members["responses"].(map[string]any)
	for _, v := range responses {
		response, _ := o.resolve(v)
		content, _ := response["content"].(map[string]any)
		if _, ok := content["text/event-stream"]; ok {
			return true
		}
	}
	return slices.Contains(list(o.members["produces"]), any("text/event-stream"))
}

func (o *operation) request() Request {
	path, parameters := template(o.path)
	namesByPlace(o.doc.names, parameters)
	r := Request{agent.HTTPRequest{Method: o.method, Path: path, Headers: map[string]string{}}, OriginOpenAPI}
	for _, p := range parameters {
		if r.Values == nil {
			r.Values = map[string]string{}
		}
		r.Values[p.variable] = o.pathValue(p)
	}
	query := url.Values{}
	for _, p := range o.parameters {
		o.place(p, query, r.Headers)
	}
	if len(query) > 0 {
		r.Path += "?" + query.Encode()
	}
	if kind, body := o.body(); body != nil {
		r.Headers["Content-Type"], r.Body = kind, body
	}
	if len(r.Headers) == 0 {
		r.Headers = nil
	}
	return r
}

// pathValue makes a value up for a part of the path.
func (o *operation) pathValue(p parameter) string {
	for _, declared := range o.parameters {
		if declared["in"] == "path" && declared["name"] == p.name {
			if v := plain(o.parameterValue(declared)); v != "" && v != "example" {
				return v
			}
		}
	}
	return simpleValue(p)
}

// place puts a query or header parameter where it belongs.
func (o *operation) place(p map[string]any, query url.Values, headers map[string]string) {
	name, _ := p["name"].(string)
	_, exemplified := p["example"]
	if p["required"] != true && !exemplified {
		return
	}
	switch p["in"] {
	case "query":
		v := o.parameterValue(p)
		values, many := v.([]any)
		if !many {
			values = []any{v}
		}
		for _, one := range values {
			query.Add(name, plain(one))
		}
	case "header":
		if v := plain(o.parameterValue(p)); settable(name) && !strings.ContainsAny(v, "\r\n\x00") {
			headers[name] = v
		}
	}
}

// settable reports whether a document may set a header: a token of RFC 9110,
// and none of those that OpenAPI says are not parameters or that the connection needs.
func settable(name string) bool {
	switch strings.ToLower(name) {
	case "", "accept", "content-type", "authorization", "host", "content-length", "connection", "transfer-encoding":
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
}

// parameterValue makes a value up for a parameter; in Swagger 2.0 it is a schema itself.
func (o *operation) parameterValue(p map[string]any) any {
	if v, ok := given(p); ok {
		return v
	}
	name, _ := p["name"].(string)
	schema, ok := p["schema"]
	if !ok {
		schema = p
	}
	v, _ := o.sample(schema, name, 0)
	return v
}

// plain is a value as it stands in a path, query, form or header.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}
