package requirements

import (
	"fmt"
	"strings"
)

// operators of version specifiers (PEP 440), longer ones first.
var operators = []string{"===", "==", "~=", "!=", "<=", ">=", "<", ">"}

// Normalise gives a name the form that all its spellings share (PEP 503).
func Normalise(name string) string {
	var b strings.Builder
	dash := false
	for _, c := range strings.ToLower(name) {
		if c == '-' || c == '_' || c == '.' {
			dash = true
			continue
		}
		if dash && b.Len() > 0 {
			b.WriteByte('-')
		}
		dash = false
		b.WriteRune(c)
	}
	return b.String()
}

// named reads "name[extras] specifiers" without a marker.
func named(text string) (Line, error) {
	end := 0
	for end < len(text) && isNameByte(text[end]) {
		end++
	}
	name, rest := text[:end], strings.TrimSpace(text[end:])
	if !validName(name) {
		return Line{}, fmt.Errorf("%q is not a requirement", text)
	}
	line := Line{Kind: Package, Name: Normalise(name)}
	if strings.HasPrefix(rest, "[") {
		inside, after, ok := strings.Cut(rest[1:], "]")
		if !ok {
			return Line{}, fmt.Errorf("the extras of %q are not closed", text)
		}
		line.Extras, rest = splitExtras(inside), strings.TrimSpace(after)
	}
	var err error
	line.Specs, err = specifiers(rest)
	return line, err
}

func isNameByte(c byte) bool {
	return c == '-' || c == '_' || c == '.' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func validName(name string) bool {
	return name != "" && strings.Trim(name, "-_.") == name
}

func splitExtras(s string) []string {
	var list []string
	for _, e := range strings.Split(s, ",") {
		if e = Normalise(strings.TrimSpace(e)); e != "" {
			list = append(list, e)
		}
	}
	return list
}

func specifiers(text string) ([]Specifier, error) {
	if strings.HasPrefix(text, "(") && strings.HasSuffix(text, ")") {
		text = text[1 : len(text)-1]
	}
	var list []Specifier
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" { // pip allows a trailing comma
			continue
		}
		spec, ok := specifier(part)
		if !ok {
			return nil, fmt.Errorf("%q is not a version specifier", part)
		}
		list = append(list, spec)
	}
	return list, nil
}

func specifier(part string) (Specifier, bool) {
	for _, op := range operators {
		if version, ok := strings.CutPrefix(part, op); ok {
			version = strings.TrimSpace(version)
			return Specifier{op, version}, version != "" && !strings.ContainsAny(version, " \t<>=~")
		}
	}
	return Specifier{}, false
}

// Pinned returns the version that the line asks for exactly, or "".
func (l Line) Pinned() string {
	for _, s := range l.Specs {
		if (s.Op == "==" || s.Op == "===") && !strings.HasSuffix(s.Version, "*") {
			return s.Version
		}
	}
	return ""
}
