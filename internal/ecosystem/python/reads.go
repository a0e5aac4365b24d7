package python

import (
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/python/syntax"
)

// set collects facts, each value once.
type set struct {
	seen map[string]bool
	list []ecosystem.Fact[string]
}

func (s *set) add(value string, source ecosystem.Source) {
	if value == "" || s.seen[value] {
		return
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[value] = true
	s.list = append(s.list, ecosystem.Fact[string]{Value: value, Source: source})
}

// envReads finds the environment variables that the source reads.
func envReads(r *resolver) []ecosystem.Fact[string] {
	var found set
	for _, m := range r.sources.list {
		m.exprs(func(x syntax.Expr, sc *scope) bool {
			if key, note := environKey(m, x); key != nil {
				if name, ok := r.text(key, sc); ok {
					found.add(name, m.at(x.Line(), note))
				}
			}
			return true
		})
		m.each(func(s *syntax.Stmt, sc *scope) {
			if s.Kind == syntax.Class && isSettings(m, s) {
				settingsFields(m, s, &found)
			}
		})
	}
	return found.list
}

// environKey returns the name in os.environ[…], os.getenv(…) and "…" in os.environ.
func environKey(m *module, x syntax.Expr) (syntax.Expr, string) {
	switch x := x.(type) {
	case *syntax.Index:
		if isEnviron(m.qualified(x.X)) {
			return x.I, "reads it, and fails without it"
		}
	case *syntax.Call:
		if key, _, ok := envRead(m.qualified(x.Fun), x); ok {
			return key, "reads it"
		}
	case *syntax.Binary:
		if x.Op == "in" && isEnviron(m.qualified(x.R)) {
			return x.L, "asks whether it is set"
		}
	}
	return nil, ""
}

// settingsFields reads the annotated fields of a pydantic settings class.
func settingsFields(m *module, class *syntax.Stmt, found *set) {
	prefix := envPrefix(class)
	for _, s := range class.Body {
		if s.Kind != syntax.Assign || s.Annotation == nil || len(s.Targets) != 1 {
			continue
		}
		field, ok := s.Targets[0].(*syntax.Name)
		if !ok || field.ID == "model_config" || strings.HasPrefix(field.ID, "_") {
			continue
		}
		name := strings.ToUpper(prefix + field.ID)
		if alias := fieldAlias(s.Value); alias != "" {
			name = alias
		}
		found.add(name, m.at(s.Line, "is a field of the settings class "+class.Name))
	}
}

func fieldAlias(x syntax.Expr) string {
	c, ok := x.(*syntax.Call)
	if !ok {
		return ""
	}
	for _, k := range []string{"validation_alias", "alias", "env"} {
		if s, ok := c.Keyword(k).(*syntax.Str); ok {
			return s.Value
		}
	}
	return ""
}

// envPrefix finds env_prefix in model_config or in the inner class Config.
func envPrefix(class *syntax.Stmt) string {
	prefix := ""
	literal := func(x syntax.Expr) {
		if s, ok := x.(*syntax.Str); ok {
			prefix = s.Value
		}
	}
	for _, s := range class.Body {
		if c, ok := s.Value.(*syntax.Call); ok && len(s.Targets) == 1 && syntax.Dotted(s.Targets[0]) == "model_config" {
			literal(c.Keyword("env_prefix"))
		}
		for _, inner := range s.Body {
			if s.Name == "Config" && len(inner.Targets) == 1 && syntax.Dotted(inner.Targets[0]) == "env_prefix" {
				literal(inner.Value)
			}
		}
	}
	return prefix
}
