package probe

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// textFor makes a text that fits a schema's format, pattern and length.
func textFor(m map[string]any, name string) string {
	format, _ := m["format"].(string)
	if v, ok := formats()[format]; ok {
		return v
	}
	if pattern, ok := m["pattern"].(string); ok {
		if v, ok := matching(pattern); ok {
			return fit(v, m, pattern)
		}
	}
	return fit(byName(name, "example"), m, "")
}

// formats has a value for each of the formats that JSON Schema and OpenAPI name.
func formats() map[string]string {
	return map[string]string{
		"date":      "2024-01-15",
		"date-time": "2024-01-15T10:30:00Z",
		"time":      "10:30:00",
		"duration":  "P1D",
		"email":     "user@example.com",
		"idn-email": "user@example.com",
		"hostname":  "example.com",
		"ipv4":      "192.0.2.1",
		"ipv6":      "2001:db8::1",
		"uri":       "https://example.com/",
		"url":       "https://example.com/",
		"uuid":      sampleUUID,
		"byte":      "cGxpbXNvbGw=",
		"binary":    "plimsoll",
		"password":  "Example-1234",
		"decimal":   "1",
	}
}

// byName guesses from what a value is called, for schemas that say no more than "string".
func byName(name, otherwise string) string {
	name = strings.ToLower(name)
	for _, known := range [][2]string{{"email", "email"}, {"uuid", "uuid"}, {"url", "uri"}, {"password", "password"}} {
		if strings.Contains(name, known[0]) {
			return formats()[known[1]]
		}
	}
	switch {
	case name == "id" || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "-id"):
		return "1"
	case strings.HasSuffix(name, "name") || name == "slug" || name == "path" || strings.HasSuffix(name, "path"):
		return "example"
	case name == "date" || strings.HasSuffix(name, "_date"):
		return formats()["date"]
	}
	return otherwise
}

// fit makes a text as long as the schema wants; one that must match a
// pattern stays as it is when the change would break the match.
func fit(s string, m map[string]any, pattern string) string {
	least, _ := numeric(m["minLength"])
	most, bounded := numeric(m["maxLength"])
	fitted := s
	if n := utf8.RuneCountInString(s); float64(n) < least && s != "" {
		last, _ := utf8.DecodeLastRuneInString(s)
		fitted += strings.Repeat(string(last), int(min(least, maxText))-min(n, maxText))
	}
	if runes := []rune(fitted); bounded && most >= 0 && float64(len(runes)) > most {
		fitted = string(runes[:int(most)])
	}
	if pattern == "" {
		return fitted
	}
	if re, err := regexp.Compile(pattern); err != nil || !re.MatchString(fitted) {
		return s
	}
	return fitted
}

// matching makes a short text that matches a pattern, if Go's syntax knows the pattern.
func matching(pattern string) (string, bool) {
	if len(pattern) > 1000 {
		return "", false
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	if !generate(&b, tree) {
		return "", false
	}
	return b.String(), re.MatchString(b.String())
}

// generate writes the shortest text for a pattern; false when it grows too long.
func generate(b *strings.Builder, re *syntax.Regexp) bool {
	if b.Len() > maxText {
		return false
	}
	times := 1
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
		return true
	case syntax.OpCharClass:
		return writeClass(b, re.Rune)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a')
		return true
	case syntax.OpAlternate:
		return generate(b, re.Sub[0])
	case syntax.OpStar, syntax.OpQuest:
		return true
	case syntax.OpRepeat:
		times = re.Min
	case syntax.OpNoMatch:
		return false
	}
	for range times {
		for _, sub := range re.Sub {
			if !generate(b, sub) {
				return false
			}
		}
	}
	return true
}

// writeClass writes a letter or digit of a character class or, if it has none, its first character.
func writeClass(b *strings.Builder, ranges []rune) bool {
	if len(ranges) < 2 {
		return false
	}
	for _, c := range "a1A" {
		for i := 0; i+1 < len(ranges); i += 2 {
			if ranges[i] <= c && c <= ranges[i+1] {
				b.WriteRune(c)
				return true
			}
		}
	}
	b.WriteRune(max(ranges[0], ' '))
	return true
}
