package node

import (
	"encoding/json"
	"io/fs"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// entry is a string of package.json, below a section or at the top.
type entry struct {
	file                 string
	section, name, value string
	line                 int
}

// manifest is a package.json, as far as it is made of strings in its first levels.
type manifest struct {
	file    string
	entries []entry
}

// maxEntries bounds the strings of a package.json.
const maxEntries = 5000

// readManifest reads a package.json; nil when there is none or it is not JSON.
func readManifest(context fs.FS, name string) *manifest {
	text, ok := readSmall(context, name)
	if !ok {
		return nil
	}
	text = strings.TrimPrefix(text, "\ufeff") // as the managers do
	m := &manifest{file: name}
	w := &walker{text: text, dec: json.NewDecoder(strings.NewReader(text)), m: m, line: 1}
	if t, ok := w.next(); !ok || t != json.Delim('{') || !w.object("", 0) {
		return nil
	}
	return m
}

func (m *manifest) at(line int, note string) ecosystem.Source {
	return ecosystem.Source{File: m.file, Line: line, Note: note}
}

// get returns an entry; the section of what stands at the top is "".
func (m *manifest) get(section, name string) (entry, bool) {
	for _, e := range m.entries {
		if e.section == section && e.name == name {
			return e, true
		}
	}
	return entry{}, false
}

// all are the entries of a section in their order.
func (m *manifest) all(section string) (list []entry) {
	for _, e := range m.entries {
		if e.section == section {
			list = append(list, e)
		}
	}
	return list
}

// walker goes through the tokens of a package.json and keeps the line of each.
type walker struct {
	text string
	dec  *json.Decoder
	m    *manifest
	line int // at seen
	seen int // offset up to which lines are counted
}

func (w *walker) next() (json.Token, bool) {
	t, err := w.dec.Token()
	if err != nil {
		return nil, false
	}
	end := int(w.dec.InputOffset())
	w.line += strings.Count(w.text[w.seen:end], "\n")
	w.seen = end
	return t, true
}

// object reads the members up to the closing brace.
func (w *walker) object(section string, depth int) bool {
	for {
		t, ok := w.next()
		if !ok {
			return false
		}
		key, isKey := t.(string)
		if !isKey {
			return true // the closing brace
		}
		if !w.value(section, key, depth) {
			return false
		}
	}
}

// value reads what a key has. The elements of a list have no name, and are one section.
func (w *walker) value(section, key string, depth int) bool {
	t, ok := w.next()
	if !ok {
		return false
	}
	inner := key
	if section != "" {
		inner = section + "." + key
	}
	switch t := t.(type) {
	case string:
		w.add(section, key, t)
	case json.Delim:
		switch {
		case depth >= 3:
			return w.skip()
		case t == '{':
			return w.object(inner, depth+1)
		case t == '[':
			return w.list(inner)
		}
	}
	return true
}

func (w *walker) add(section, name, value string) {
	if len(w.m.entries) < maxEntries {
		w.m.entries = append(w.m.entries, entry{w.m.file, section, name, value, w.line})
	}
}

func (w *walker) list(section string) bool {
	for {
		t, ok := w.next()
		if !ok {
			return false
		}
		switch t := t.(type) {
		case string:
			w.add(section, "", t)
		case json.Delim:
			if t == ']' {
				return true
			}
			if !w.skip() {
				return false
			}
		}
	}
}

// skip goes behind the end of what was just opened.
func (w *walker) skip() bool {
	for open := 1; open > 0; {
		t, ok := w.next()
		if !ok {
			return false
		}
		if d, isDelim := t.(json.Delim); isDelim {
			if d == '{' || d == '[' {
				open++
			} else {
				open--
			}
		}
	}
	return true
}
