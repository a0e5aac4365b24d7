package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

const (
	maxDocuments = 16  // of one file
	maxDepth     = 100 // of nested YAML
	maxServices  = 500
)

// document is one YAML document of a compose file.
type document struct {
	file string
	root *yaml.Node // the top mapping
	// services are the keys that this package reads of each service, with variables put in.
	services map[string]any
	secrets  map[string]any // what is read of each secret
	vars     variables      // that were put in
	// reset are paths of keys that earlier documents lose (!reset, !override).
	reset [][]string
}

// parse reads the documents of a file.
func parse(file string, text []byte) ([]document, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var docs []document
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if len(docs) == maxDocuments {
			return nil, fmt.Errorf("%s: more than %d YAML documents", file, maxDocuments)
		}
		d, err := newDocument(file, &node)
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
}

func newDocument(file string, node *yaml.Node) (document, error) {
	d := document{file: file, root: node}
	if node.Kind == yaml.DocumentNode && len(node.Content) > 0 {
		d.root = node.Content[0]
	}
	if d.root.Kind != yaml.MappingNode {
		return d, fmt.Errorf("%s:%d: not a compose file: want a mapping with services", file, d.root.Line)
	}
	if err := d.takeTags(d.root, nil); err != nil {
		return d, err
	}
	d.services = map[string]any{}
	if err := d.readSecrets(); err != nil {
		return d, err
	}
	services := child(d.root, "services")
	if services == nil || services.Kind == yaml.ScalarNode && services.ShortTag() == "!!null" {
		return d, nil
	}
	if services.Kind != yaml.MappingNode || len(services.Content) > 2*maxServices {
		return d, fmt.Errorf("%s:%d: services: want a mapping of at most %d", file, services.Line, maxServices)
	}
	var raw any
	if err := services.Decode(&raw); err != nil {
		return d, fmt.Errorf("%s: %w", file, err)
	}
	all, ok := stringKeys(raw, 0).(map[string]any)
	if !ok {
		return d, fmt.Errorf("%s:%d: services: nested deeper than %d", file, services.Line, maxDepth)
	}
	for name, value := range all {
		service, problem := known(value)
		if problem != "" {
			return d, fmt.Errorf("%s:%d: services.%s%s", file, d.line(name), name, problem)
		}
		d.services[name] = service
	}
	return d, nil
}

// takeTags removes what is tagged !reset, and remembers the paths of that and of what is tagged !override.
func (d *document) takeTags(n *yaml.Node, path []string) error {
	if len(path) > maxDepth {
		return fmt.Errorf("%s:%d: nested deeper than %d", d.file, n.Line, maxDepth)
	}
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			if err := d.takeTags(item, append(path, "[]")); err != nil {
				return err
			}
		}
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := append(append([]string{}, path...), key.Value)
		tag := value.Tag
		if tag == "!reset" || tag == "!override" {
			d.reset = append(d.reset, at)
			value.Tag = ""
		}
		if tag == "!reset" {
			continue
		}
		if err := d.takeTags(value, at); err != nil {
			return err
		}
		kept = append(kept, key, value)
	}
	n.Content = kept
	return nil
}

// stringKeys turns every mapping into one with strings for keys; what is nested deeper than maxDepth becomes an error value.
func stringKeys(value any, depth int) any {
	if depth > maxDepth {
		return nil
	}
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = stringKeys(inner, depth+1)
		}
		return v
	case map[any]any:
		m := make(map[string]any, len(v))
		for key, inner := range v {
			m[fmt.Sprint(key)] = stringKeys(inner, depth+1)
		}
		return m
	case []any:
		for i, inner := range v {
			v[i] = stringKeys(inner, depth+1)
		}
	}
	return value
}

// drop removes a path from a tree of mappings.
func drop(tree map[string]any, path []string) {
	for len(path) > 1 {
		inner, ok := tree[path[0]].(map[string]any)
		if !ok {
			return
		}
		tree, path = inner, path[1:]
	}
	delete(tree, path[0])
}

// line is the line of a service's key.
func (d *document) line(service string) int {
	if services := resolve(child(d.root, "services")); services != nil {
		for i := 0; i+1 < len(services.Content); i += 2 {
			if services.Content[i].Value == service {
				return services.Content[i].Line
			}
		}
	}
	return 0
}

// node is where a service's key stands in the document, also through a merge key.
func (d *document) node(service string, keys ...string) *yaml.Node {
	n := child(child(d.root, "services"), service)
	for _, key := range keys {
		n = child(n, key)
	}
	return n
}

// readSecrets reads what the document says of secrets.
func (d *document) readSecrets() error {
	d.secrets = map[string]any{}
	n := child(d.root, "secrets")
	if n == nil {
		return nil
	}
	var raw any
	if err := n.Decode(&raw); err != nil {
		return fmt.Errorf("%s: %w", d.file, err)
	}
	all, ok := stringKeys(raw, 0).(map[string]any)
	if !ok && raw != nil || len(all) > maxServices {
		return fmt.Errorf("%s:%d: secrets: want a mapping of at most %d", d.file, n.Line, maxServices)
	}
	for name, value := range all {
		source := map[string]any{}
		for _, key := range []string{"file", "environment"} {
			if s, ok := text(mapping(value)[key]); ok {
				source[key] = s
			}
		}
		if external := mapping(value)["external"]; external != nil && external != false {
			source["external"] = true
		}
		d.secrets[name] = source
	}
	return nil
}

// child is the value of a mapping's key; nil when there is none.
func child(n *yaml.Node, key string) *yaml.Node { return childWithin(n, key, maxDepth) }

func childWithin(n *yaml.Node, key string, depth int) *yaml.Node {
	if n = resolve(n); n == nil || n.Kind != yaml.MappingNode || depth == 0 {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "<<" {
			continue
		}
		merged := resolve(n.Content[i+1])
		if merged != nil && merged.Kind == yaml.SequenceNode {
			for _, one := range merged.Content {
				if found := childWithin(one, key, depth-1); found != nil {
					return found
				}
			}
		} else if found := childWithin(merged, key, depth-1); found != nil {
			return found
		}
	}
	return nil
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	for range maxDepth {
		if n == nil || n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return nil
}

// text is a scalar as compose writes it out; numbers and truth values may stand for strings.
func text(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(v), true
	}
	return "", false
}

// pairs are the entries of a mapping, or of a list of NAME=value, as a list of the latter. A name without a
// value takes the environment's.
func pairs(value any) ([]any, bool) {
	var list []any
	switch v := value.(type) {
	case nil:
		return nil, true
	case map[string]any:
		for name, inner := range v {
			if inner == nil {
				list = append(list, name)
				continue
			}
			s, ok := text(inner)
			if !ok {
				return nil, false
			}
			list = append(list, name+"="+s)
		}
		return list, true
	case []any:
		for _, inner := range v {
			s, ok := text(inner)
			if !ok || strings.HasPrefix(s, "=") {
				return nil, false
			}
			list = append(list, s)
		}
		return list, true
	}
	return nil, false
}
