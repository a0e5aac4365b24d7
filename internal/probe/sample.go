package probe

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
)

const (
	maxDepth   = 12   // of a sample; deeper parts are left out
	maxWilling = 4    // depth to which members are made that are not required
	maxValues  = 2000 // in one sample
	maxText    = 4096 // characters of a made-up text
	maxItems   = 3    // of a made-up list

	sampleUUID = "00000000-0000-4000-8000-000000000001"
)

// sampler makes values up that fit schemas, always the same ones.
type sampler struct {
	doc  map[string]any
	left int // values that may still be made
}

func newSampler(doc map[string]any) *sampler { return &sampler{doc, maxValues} }

// sample makes a value that fits a schema; ok is false where the schema has
// no end (a cycle) or nothing can be made. name is what the value is for.
func (s *sampler) sample(schema any, name string, depth int) (value any, ok bool) {
	s.left--
	if depth > maxDepth || s.left < 0 {
		return nil, false
	}
	m, ok := s.resolve(schema)
	if !ok {
		if schema == true { // allows everything
			return "example", true
		}
		return nil, false
	}
	if v, ok := given(m); ok {
		return v, true
	}
	if parts := list(m["allOf"]); len(parts) > 0 {
		return s.all(m, parts, name, depth)
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		for _, part := range list(m[key]) {
			if p, ok := s.resolve(part); ok && kind(p) != "null" {
				if v, ok := s.sample(p, name, depth+1); ok {
					return v, true
				}
			}
		}
	}
	return s.byKind(m, name, depth)
}

// given is the value that a schema itself proposes.
func given(m map[string]any) (any, bool) {
	for _, key := range []string{"example", "const", "default"} {
		if v, ok := m[key]; ok && v != nil {
			return v, true
		}
	}
	for _, key := range []string{"examples", "enum"} {
		for _, v := range list(m[key]) {
			if v != nil {
				return v, true
			}
		}
	}
	return nil, false
}

// all makes a value that fits several schemas at once: their members
// together or, where they are no objects, the first one's value.
func (s *sampler) all(m map[string]any, parts []any, name string, depth int) (any, bool) {
	own := maps.Clone(m)
	delete(own, "allOf")
	merged := map[string]any{}
	for _, part := range append([]any{own}, parts...) {
		p, ok := s.resolve(part)
		if !ok || kind(p) == "" && len(list(p["allOf"])) == 0 && len(list(p["enum"])) == 0 {
			continue
		}
		v, ok := s.sample(p, name, depth+1)
		if !ok {
			continue
		}
		members, isObject := v.(map[string]any)
		if !isObject {
			return v, true
		}
		maps.Copy(merged, members)
	}
	return merged, true
}

func (s *sampler) byKind(m map[string]any, name string, depth int) (any, bool) {
	switch kind(m) {
	case "object":
		return s.object(m, depth)
	case "array":
		return s.array(m, name, depth)
	case "integer":
		return numberWithin(m, true), true
	case "number":
		return numberWithin(m, false), true
	case "boolean":
		return true, true
	case "null":
		return nil, true
	}
	return textFor(m, name), true
}

// object makes the required members or, where none is required, all of them down to a depth.
func (s *sampler) object(m map[string]any, depth int) (any, bool) {
	properties, _ := m["properties"].(map[string]any)
	required := map[string]bool{}
	for _, r := range list(m["required"]) {
		if name, ok := r.(string); ok {
			required[name] = true
		}
	}
	object := map[string]any{}
	if len(required) == 0 && depth > maxWilling {
		return object, true
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		p, _ := s.resolve(properties[name])
		if p["readOnly"] == true || len(required) > 0 && !required[name] {
			continue
		}
		if v, ok := s.sample(properties[name], name, depth+1); ok {
			object[name] = v
		} else if required[name] {
			return nil, false
		}
	}
	return object, true
}

func (s *sampler) array(m map[string]any, name string, depth int) (any, bool) {
	least, _ := numeric(m["minItems"])
	items := []any{}
	for range int(min(max(least, 1), maxItems)) {
		v, ok := s.sample(m["items"], strings.TrimSuffix(name, "s"), depth+1)
		if !ok {
			break
		}
		items = append(items, v)
	}
	return items, len(items) > 0 || least == 0
}

// numberWithin is 1 or the nearest number that the schema's limits allow.
func numberWithin(m map[string]any, whole bool) any {
	step := 1.0
	if !whole {
		step = 0.5
	}
	low, high := limits(m, step)
	n := min(max(1, low), high)
	if by, ok := numeric(m["multipleOf"]); ok && by > 0 {
		n = math.Ceil(max(n, low)/by) * by
		if n == 0 && low > math.Inf(-1) {
			n = by
		}
	}
	if whole {
		n = math.Ceil(n)
	}
	if math.Abs(n) < 1<<53 && n == math.Trunc(n) {
		return int64(n)
	}
	if math.IsInf(n, 0) || math.IsNaN(n) {
		return int64(1)
	}
	return n
}

// limits reads minimum and maximum; exclusive ones are a number in 3.1 and a
// flag in 3.0.
func limits(m map[string]any, step float64) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	if v, ok := numeric(m["minimum"]); ok {
		low = v
		if m["exclusiveMinimum"] == true {
			low += step
		}
	}
	if v, ok := numeric(m["maximum"]); ok {
		high = v
		if m["exclusiveMaximum"] == true {
			high -= step
		}
	}
	if v, ok := numeric(m["exclusiveMinimum"]); ok {
		low = max(low, v+step)
	}
	if v, ok := numeric(m["exclusiveMaximum"]); ok {
		high = min(high, v-step)
	}
	if low > high {
		low = high
	}
	return low, high
}

// kind is the schema's type, or what its other members imply.
func kind(m map[string]any) string {
	switch t := m["type"].(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if name, ok := one.(string); ok && name != "null" {
				return name
			}
		}
		return "null"
	}
	for _, implied := range [][2]string{{"properties", "object"}, {"items", "array"}, {"pattern", "string"},
		{"format", "string"}, {"minLength", "string"}, {"minimum", "number"}} {
		if _, ok := m[implied[0]]; ok {
			return implied[1]
		}
	}
	return ""
}

// resolve follows references inside the document.
func (s *sampler) resolve(v any) (map[string]any, bool) {
	for range maxDepth {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		ref, ok := m["$ref"].(string)
		if !ok {
			return m, true
		}
		if v, ok = pointer(s.doc, ref); !ok {
			return nil, false
		}
	}
	return nil, false
}

// pointer finds what a local JSON pointer ("#/components/schemas/Note") points to.
func pointer(doc map[string]any, ref string) (any, bool) {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil, false
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~", "%7B", "{", "%7D", "}")
	var at any = doc
	for part := range strings.SplitSeq(path, "/") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = m[unescape.Replace(part)]; !ok {
			return nil, false
		}
	}
	return at, true
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func numeric(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}
