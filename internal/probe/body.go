package probe

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
)

const (
	typeJSON      = "application/json"
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
	// boundary is fixed, so that the same document gives the same body.
	boundary = "plimsoll-boundary"
)

// body makes the request's body up: its content type and bytes, nil for none.
func (o *operation) body() (contentType string, body []byte) {
	if requestBody, ok := o.resolve(o.members["requestBody"]); ok {
		content, _ := requestBody["content"].(map[string]any)
		contentType = preferred(slices.Sorted(maps.Keys(content)))
		media, ok := o.resolve(content[contentType])
		if !ok {
			return "", nil
		}
		return encode(contentType, o.mediaValue(media), o.files(media["schema"]))
	}
	return o.swaggerBody()
}

// mediaValue is the value that a media type gives as an example, or one that fits its schema.
func (o *operation) mediaValue(media map[string]any) any {
	if v, ok := media["example"]; ok {
		return v
	}
	examples, _ := media["examples"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(examples)) {
		if e, ok := o.resolve(examples[name]); ok && e["value"] != nil {
			return e["value"]
		}
	}
	v, _ := o.sample(media["schema"], "body", 0)
	return v
}

// swaggerBody reads Swagger 2.0's parameters "in body" and "in formData".
func (o *operation) swaggerBody() (string, []byte) {
	form := map[string]any{}
	files := map[string]bool{}
	for _, p := range o.parameters {
		name, _ := p["name"].(string)
		switch p["in"] {
		case "body":
			v, _ := o.sample(p["schema"], name, 0)
			return encode(typeJSON, v, nil)
		case "formData":
			files[name] = p["type"] == "file"
			form[name] = o.parameterValue(p)
			if files[name] {
				form[name] = "plimsoll"
			}
		}
	}
	if len(form) == 0 {
		return "", nil
	}
	if slices.Contains(slices.Collect(maps.Values(files)), true) {
		return encode(typeMultipart, form, files)
	}
	return encode(typeForm, form, nil)
}

// preferred picks the content type that can be made best.
func preferred(types []string) string {
	for _, want := range []func(string) bool{
		func(t string) bool { return t == typeJSON },
		isJSON,
		func(t string) bool { return t == typeForm },
		func(t string) bool { return t == typeMultipart },
		func(t string) bool { return strings.HasPrefix(t, "text/") },
	} {
		if i := slices.IndexFunc(types, want); i >= 0 {
			return types[i]
		}
	}
	return ""
}

// isJSON reports whether a media type, with or without parameters, is JSON.
func isJSON(contentType string) bool {
	t, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	t = strings.TrimSpace(t)
	return t == typeJSON || strings.HasSuffix(t, "+json")
}

// files names the members of a form that are files.
func (o *operation) files(schema any) map[string]bool {
	m, _ := o.resolve(schema)
	properties, _ := m["properties"].(map[string]any)
	files := map[string]bool{}
	for name, p := range properties {
		property, _ := o.resolve(p)
		files[name] = property["format"] == "binary" || property["contentMediaType"] != nil
	}
	return files
}

// encode writes a value in a content type.
func encode(contentType string, v any, files map[string]bool) (string, []byte) {
	fields, _ := v.(map[string]any)
	switch {
	case isJSON(contentType):
		data, err := json.Marshal(v)
		if err != nil {
			return "", nil
		}
		return contentType, data
	case contentType == typeForm:
		form := url.Values{}
		for name, value := range fields {
			form.Set(name, plain(value))
		}
		return contentType, []byte(form.Encode())
	case contentType == typeMultipart:
		return typeMultipart + "; boundary=" + boundary, encodeMultipart(fields, files)
	case contentType == "":
		return "", nil
	}
	return contentType, []byte(plain(v))
}

func encodeMultipart(fields map[string]any, files map[string]bool) []byte {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(boundary); err != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		create := w.CreateFormField
		if files[name] {
			create = func(name string) (io.Writer, error) { return w.CreateFormFile(name, "example.txt") }
		}
		part, err := create(name)
		if err != nil {
			return nil
		}
		if _, err := part.Write([]byte(plain(fields[name]))); err != nil {
			return nil
		}
	}
	if err := w.Close(); err != nil {
		return nil
	}
	return b.Bytes()
}
