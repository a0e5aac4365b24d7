package node

import (
	"path"
	"slices"
	"strings"
)

// value is what an expression of the source gives.
type value struct {
	text string
	// based says that the path is absolute in the image, and not meant from the working directory.
	based bool
	env   string // a variable that can change it
}

// Bounds of what is evaluated: how far names and brackets are followed, how many parts of
// expressions are looked at in one project, and how many tokens a call's arguments may have.
const (
	maxDepth = 20
	maxParts = 1_000_000
	maxSpan  = 1000
)

// declare notes where the value of each name that is given a value begins, and which module a name is imported from.
// Scopes are not told apart: a name that is given twice has no known value.
func (s *source) declare() {
	s.names, s.modules = map[string]int{}, map[string]string{}
	for i, t := range s.toks {
		if t.is("import") && s.tok(i+2).is("from") && s.tok(i+3).kind == text && s.modules[s.tok(i+1).text] == "" {
			s.modules[s.tok(i+1).text] = s.tok(i + 3).text
		}
		if t.kind != name || s.tok(i-1).is(".") {
			continue
		}
		at := -1
		switch next := s.tok(i + 1); {
		case next.is("="):
			at = i + 2
		case next.is(":") && (s.tok(i-1).is("const") || s.tok(i-1).is("let") || s.tok(i-1).is("var")): // a type
			if s.tok(i + 3).is("=") {
				at = i + 4
			}
		case next.is("+=") || next.is("++"):
		default:
			continue
		}
		if _, again := s.names[t.text]; again {
			at = -1
		}
		s.names[t.text] = at
	}
}

// eval is the value of the expression that begins at a place; ok is false when it is only
// known when the program runs. It returns the place behind the expression.
func (s *source) eval(i, depth int) (value, int, bool) {
	v, next, ok := s.sum(i, depth)
	for s.tok(next).is("||") || s.tok(next).is("??") {
		other, end, okOther := s.sum(next+1, depth)
		if !ok && v.env != "" { // an unset variable: the default holds
			env := v.env
			v, ok = other, okOther
			v.env = env
		}
		next = end
	}
	return v, next, ok
}

func (s *source) sum(i, depth int) (value, int, bool) {
	v, next, ok := s.primary(i, depth)
	for s.tok(next).is("+") {
		other, end, okOther := s.primary(next+1, depth)
		v.text, ok, next = v.text+other.text, ok && okOther, end
	}
	return v, next, ok
}

func (s *source) primary(i, depth int) (value, int, bool) {
	t := s.tok(i)
	s.d.parts++
	switch {
	case depth > maxDepth || s.d.parts > maxParts:
		return value{}, i + 1, false
	case t.kind == text || t.kind == number:
		return s.ended(value{text: strings.ReplaceAll(t.text, "_", underscore(t))}, i+1)
	case t.kind == template:
		v, ok := s.filled(t.text, depth)
		return v, i + 1, ok
	case t.is("+"):
		return s.primary(i+1, depth+1)
	case t.is("("):
		v, next, ok := s.eval(i+1, depth+1)
		return v, next + 1, ok && s.tok(next).is(")")
	case t.is("__dirname"):
		return value{text: s.dir(), based: true}, i + 1, s.dir() != ""
	case s.seq(i, "import", ".", "meta", ".", "dirname"):
		return value{text: s.dir(), based: true}, i + 5, s.dir() != ""
	case s.seq(i, "process", ".", "cwd", "(", ")"):
		return value{text: s.d.state.Workdir, based: true}, i + 5, true
	case t.kind == name:
		return s.named(i, depth)
	}
	return value{}, i + 1, false
}

// underscore keeps what a string has, and drops what separates digits of a number.
func underscore(t token) string {
	if t.kind == number {
		return ""
	}
	return "_"
}

// ended refuses a value on which something is called.
func (s *source) ended(v value, next int) (value, int, bool) {
	return v, next, !s.tok(next).is(".") && !s.tok(next).is("[") && !s.tok(next).is("?.")
}

// dir is the directory of the file where it runs; "" when it is compiled to elsewhere.
func (s *source) dir() string {
	if s.typed() || s.image == "" {
		return ""
	}
	return path.Dir(s.image)
}

// filled is a template whose expressions are plain names.
func (s *source) filled(raw string, depth int) (value, bool) {
	var v value
	for first := true; ; first = false {
		before, rest, found := strings.Cut(raw, "${")
		v.text += before
		if !found {
			return v, !strings.Contains(v.text, `\`)
		}
		inside, after, closed := strings.Cut(rest, "}")
		inner := &source{d: s.d, file: s.file, image: s.image, toks: tokens(inside), names: s.names}
		if len(inner.toks) != 1 || !closed {
			return value{}, false
		}
		part, ok := s.lookup(inner.toks[0].text, depth)
		if inner.toks[0].is("__dirname") {
			part, _, ok = inner.primary(0, depth+1)
		}
		if !ok {
			return value{}, false
		}
		v.based = v.based || first && before == "" && part.based
		v.text, raw = v.text+part.text, after
	}
}

func (s *source) lookup(id string, depth int) (value, bool) {
	at, known := s.names[id]
	if !known || at < 0 {
		return value{}, false
	}
	v, _, ok := s.eval(at, depth+1)
	return v, ok
}

// converters are functions that give back what they get, as another type or checked.
var converters = []string{"Number", "parseInt", "parseFloat", "String", "normalizePort", "toNumber"}

// named is a name, a variable of the environment, or a call of a function that is known.
func (s *source) named(i, depth int) (value, int, bool) {
	if variable, _ := s.envRead(i); variable != "" {
		next := i + 5
		if s.tok(i + 3).is("[") {
			next++
		}
		set, ok := s.d.state.EnvVar(variable)
		known := ok && set.Set && !strings.Contains(set.Value, "$")
		return value{text: set.Value, env: variable}, next, known
	}
	t := s.tok(i)
	next := i + 1
	call := t.text
	for s.tok(next).is(".") && s.tok(next+1).kind == name {
		call = s.tok(next + 1).text
		next += 2
	}
	if !s.tok(next).is("(") {
		if next > i+1 || s.tok(next).is("[") || s.tok(next).is("?.") {
			return value{}, next, false
		}
		v, ok := s.lookup(t.text, depth)
		return v, next, ok
	}
	end := s.close(next)
	switch {
	case slices.Contains(converters, call):
		v, _, ok := s.eval(next+1, depth+1)
		return v, end, ok
	case (call == "join" || call == "resolve") && (next == i+1 || t.text == "path"):
		v, ok := s.joined(next, depth)
		return v, end, ok
	case call == "dirname" && s.seq(next+1, "fileURLToPath", "(", "import", ".", "meta"):
		return value{text: s.dir(), based: true}, end, s.dir() != ""
	}
	return value{}, end, false
}

// joined is path.join or path.resolve.
func (s *source) joined(open, depth int) (value, bool) {
	var v value
	end := s.close(open)
	for at := open + 1; at < end-1; {
		part, next, ok := s.eval(at, depth+1)
		if !ok || !s.tok(next).is(",") && next != end-1 {
			return value{}, false
		}
		if part.based {
			v = part
		} else {
			v.text = path.Join(v.text, part.text)
		}
		if part.env != "" {
			v.env = part.env
		}
		at = next + 1
	}
	return v, v.text != ""
}

// close is the place behind the bracket that closes the one at a place, within maxSpan.
func (s *source) close(open int) int {
	depth, last := 0, min(len(s.toks), open+maxSpan)
	for i := open; i < last; i++ {
		switch t := s.toks[i]; {
		case t.is("(") || t.is("[") || t.is("{"):
			depth++
		case t.is(")") || t.is("]") || t.is("}"):
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return last
}

// args are the places where the arguments of a call begin, whose bracket opens at a place.
func (s *source) args(open int) (list []int) {
	end := s.close(open) - 1
	if open+1 >= end {
		return nil
	}
	list = append(list, open+1)
	depth := 0
	for i := open + 1; i < end && len(list) < 20; i++ {
		switch t := s.toks[i]; {
		case t.is("(") || t.is("[") || t.is("{"):
			depth++
		case t.is(")") || t.is("]") || t.is("}"):
			depth--
		case t.is(",") && depth == 0:
			list = append(list, i+1)
		}
	}
	return list
}
