package wheel

import (
	"strings"
)

// header is one field of a METADATA or PKG-INFO file, folded lines included.
type header struct{ name, value string }

// metadata is such a file, cut into fields and the text after them.
type metadata struct {
	headers []header
	body    string
}

func parseMetadata(text string) metadata {
	var m metadata
	text = strings.ReplaceAll(text, "\r\n", "\n")
	head, body, _ := strings.Cut(text, "\n\n")
	m.body = body
	for line := range strings.SplitSeq(head, "\n") {
		if n := len(m.headers); n > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			m.headers[n-1].value += "\n" + line
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok {
			m.headers = append(m.headers, header{name, strings.TrimSpace(value)})
		}
	}
	return m
}

func (m metadata) get(name string) string {
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			return h.value
		}
	}
	return ""
}

func (m metadata) all(name string) (values []string) {
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			values = append(values, h.value)
		}
	}
	return values
}

// render writes the file with the given version, extras and requirements, and
// every other field as it was.
func (m metadata) render(version string, extras []string, reqs []Requirement) string {
	var b strings.Builder
	field := func(name, value string) { b.WriteString(name + ": " + value + "\n") }
	field("Metadata-Version", "2.1")
	for _, h := range m.headers {
		switch strings.ToLower(h.name) {
		case "metadata-version", "requires-dist", "provides-extra":
		case "version":
			field("Version", version)
		default:
			field(h.name, h.value)
		}
	}
	for _, e := range extras {
		field("Provides-Extra", e)
	}
	for _, r := range reqs {
		field("Requires-Dist", r.String())
	}
	return b.String() + "\n" + m.body
}
