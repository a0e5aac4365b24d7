package probe

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// deviation is one place where two JSON values differ.
type deviation struct {
	path   string // "$.items[2].name"
	name   string // of the innermost member: "name"
	before any
	after  any
}

// absent stands for a member or item that is not there.
type absent struct{}

// json compares JSON documents, leaving out the places at which the two of before differ.
func (c *comparison) json(b1, b2, a any) {
	noise := map[string]bool{}
	for _, d := range deviations(b1, b2) {
		noise[d.path] = true
		if d.path != "$" { // which has a plainer name
			c.Noise = append(c.Noise, d.path)
		}
	}
	if noise["$"] || len(noise) > 0 && leaves(b1, "$", noise) == 0 {
		c.allNoise()
	}
	for _, d := range deviations(b1, a) {
		if masked(d.path, noise) {
			continue
		}
		c.differ(d.path, show(d.before, d.name, c.redact), show(d.after, d.name, c.redact))
	}
}

// deviations lists where two values differ, in the order of names. Lists of
// different lengths differ as a whole: their items have no fixed places.
func deviations(before, after any) []deviation {
	var found []deviation
	walk(&found, deviation{path: "$", before: before, after: after})
	return found
}

func walk(found *[]deviation, d deviation) {
	switch before := d.before.(type) {
	case map[string]any:
		if after, ok := d.after.(map[string]any); ok {
			walkObjects(found, d.path, before, after)
			return
		}
	case []any:
		if after, ok := d.after.([]any); ok && len(before) == len(after) {
			for i := range before {
				walk(found, deviation{d.path + "[" + strconv.Itoa(i) + "]", d.name, before[i], after[i]})
			}
			return
		}
	default:
		if d.before == d.after { // numbers, texts, true, false and null
			return
		}
	}
	*found = append(*found, d)
}

func walkObjects(found *[]deviation, path string, before, after map[string]any) {
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := deviation{path + member(name), name, absent{}, absent{}}
		if v, ok := before[name]; ok {
			d.before = v
		}
		if v, ok := after[name]; ok {
			d.after = v
		}
		walk(found, d)
	}
}

// member is a member's name in a path: ".name", or ["a name"] where it is no word.
func member(name string) string {
	word := name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if word {
		return "." + name
	}
	return "[" + strconv.Quote(name) + "]"
}

// masked reports whether a place is noise or lies inside of it.
func masked(path string, noise map[string]bool) bool {
	for p := path; ; {
		if noise[p] {
			return true
		}
		cut := strings.LastIndexAny(p, ".[")
		if cut <= 0 {
			return false
		}
		p = p[:cut]
	}
}

// leaves counts the values that are left to compare.
func leaves(v any, path string, noise map[string]bool) int {
	if noise[path] {
		return 0
	}
	n := 0
	switch v := v.(type) {
	case map[string]any:
		for name, one := range v {
			n += leaves(one, path+member(name), noise)
		}
	case []any:
		for i, one := range v {
			n += leaves(one, path+"["+strconv.Itoa(i)+"]", noise)
		}
	default:
		n = 1
	}
	return n
}

// show is a value as it stands in a difference.
func show(v any, name string, redact func(string) string) string {
	switch v := v.(type) {
	case absent:
		return "absent"
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case map[string]any:
		return fmt.Sprintf("an object of %d members", len(v))
	case json.Number:
		if !secretName(name) {
			return redact(v.String())
		}
	case string:
		if !secretName(name) {
			return quote(v, redact)
		}
	}
	return "(not shown)"
}

// secretName reports whether a member is called like something that is a secret.
func secretName(name string) bool {
	name = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
	return slices.ContainsFunc([]string{"password", "passwd", "secret", "token", "apikey", "authorization",
		"credential", "privatekey", "cookie", "session", "signature"}, func(word string) bool { return strings.Contains(name, word) })
}

// quote redacts a text as a whole, then makes it one short line.
func quote(s string, redact func(string) string) string {
	return strconv.Quote(shorten(redact(s), maxValue-2))
}

// oneLine turns control characters into spaces.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// shorten cuts a text to a number of characters.
func shorten(s string, limit int) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}
