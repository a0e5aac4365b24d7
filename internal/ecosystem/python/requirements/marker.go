package requirements

import "strings"

// maxMarker bounds the nesting of parentheses in a marker.
const maxMarker = 20

// Applies evaluates the line's environment marker, given the values of marker
// variables. What can't be decided, such as an unknown variable, counts as true:
// then pip may install it.
func (l Line) Applies(env map[string]string) bool {
	if l.Marker == "" {
		return true
	}
	m := &marker{words: markerWords(l.Marker), env: env}
	return m.or()
}

// Linux are the marker variables of a Linux container with CPython of the given version ("3.11"); an unknown version may be "",
// and "3" says as little: it is the newest of them.
func Linux(version string) map[string]string {
	env := map[string]string{
		"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux",
		"platform_python_implementation": "CPython", "implementation_name": "cpython", "extra": "",
	}
	if strings.Contains(version, ".") {
		env["python_version"] = version
	}
	return env
}

type marker struct {
	words []string
	pos   int
	depth int
	env   map[string]string
}

// markerWords splits a marker into names, quoted strings (with a quote in front) and operators.
func markerWords(s string) []string {
	var list []string
	for i := 0; i < len(s); {
		c := s[i]
		start := i
		switch {
		case c == ' ' || c == '\t':
			i++
			continue
		case c == '\'' || c == '"':
			end := strings.IndexByte(s[i+1:], c)
			if end < 0 {
				end = len(s) - i - 1
			}
			list = append(list, "'"+s[i+1:i+1+end])
			i = min(len(s), i+end+2)
			continue
		case isNameByte(c):
			for i < len(s) && isNameByte(s[i]) {
				i++
			}
		case strings.IndexByte("<>=!~", c) >= 0:
			for i < len(s) && strings.IndexByte("<>=!~", s[i]) >= 0 {
				i++
			}
		default:
			i++
		}
		list = append(list, s[start:i])
	}
	return list
}

func (m *marker) take() string {
	if m.pos >= len(m.words) {
		return ""
	}
	m.pos++
	return m.words[m.pos-1]
}

func (m *marker) accept(w string) bool {
	if m.pos < len(m.words) && m.words[m.pos] == w {
		m.pos++
		return true
	}
	return false
}

func (m *marker) or() bool {
	result := m.and()
	for m.accept("or") {
		right := m.and()
		result = result || right
	}
	return result
}

func (m *marker) and() bool {
	result := m.condition()
	for m.accept("and") {
		right := m.condition()
		result = result && right
	}
	return result
}

func (m *marker) condition() bool {
	if m.accept("(") {
		if m.depth++; m.depth > maxMarker {
			m.pos = len(m.words)
			return true
		}
		result := m.or()
		m.accept(")")
		m.depth--
		return result
	}
	left, op := m.take(), m.take()
	if op == "not" {
		op += " " + m.take()
	}
	right := m.take()
	version := strings.HasPrefix(left, "python_") || strings.HasPrefix(right, "python_")
	l, okL := m.value(left)
	r, okR := m.value(right)
	if !okL || !okR {
		return true
	}
	return compare(l, op, r, version)
}

func (m *marker) value(word string) (string, bool) {
	if literal, ok := strings.CutPrefix(word, "'"); ok {
		return literal, true
	}
	v, ok := m.env[word]
	return v, ok
}

func compare(l, op, r string, version bool) bool {
	order := strings.Compare(l, r)
	if version {
		order = CompareVersions(l, r)
	}
	switch op {
	case "==", "===":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=", "~=":
		return order >= 0
	case "in":
		return strings.Contains(r, l)
	case "not in":
		return !strings.Contains(r, l)
	}
	return true
}
