package compose

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/override"
	"go.yaml.in/yaml/v4"
)

// scope is what a service may extend without naming a file: the services of a document with those that it includes, or
// of a whole file that another one names.
type scope struct {
	docs     []*document
	included []*loading
	services map[string]any
	unset    map[string][]string // by service: variables without a value
	refused  map[string]string   // by service: why it can't be read in full
	extends  map[string]origin
	// unread says that it includes a file that was not followed.
	unread bool
}

// origin is a service of a scope.
type origin struct {
	*scope
	service string
}

func newScope() *scope {
	return &scope{services: map[string]any{}, unset: map[string][]string{}, refused: map[string]string{}, extends: map[string]origin{}}
}

// spot is a node of a document.
type spot struct {
	*document
	node *yaml.Node
}

func (s spot) place() Place { return Place{s.file, s.node.Line} }

// spots are where a service's key stands, those that have the say first.
func (s *scope) spots(service string, keys ...string) iter.Seq[spot] {
	return func(yield func(spot) bool) {
		for _, d := range slices.Backward(s.docs) {
			if n := d.node(service, keys...); n != nil && !yield(spot{d, n}) {
				return
			}
		}
		if base, ok := s.extends[service]; ok {
			for found := range base.spots(base.service, keys...) {
				if !yield(found) {
					return
				}
			}
		}
		for _, l := range slices.Backward(s.included) {
			for found := range l.spots(service, keys...) {
				if !yield(found) {
					return
				}
			}
		}
	}
}

// place is the line of a service.
func (s *scope) place(service string) Place {
	for found := range s.spots(service) {
		return found.place()
	}
	return Place{File: s.docs[0].file}
}

// take merges the services of a document over those that are there.
func (s *scope) take(d *document) error {
	for _, path := range d.reset {
		if len(path) > 1 && path[0] == "services" {
			drop(s.services, path[1:])
		}
	}
	merged, err := override.Merge(map[string]any{"services": s.services}, map[string]any{"services": d.services})
	if err != nil {
		return fmt.Errorf("%s: %w", d.file, err)
	}
	s.services = merged["services"].(map[string]any)
	s.docs = append(s.docs, d)
	return nil
}

// fill puts variables into a document, and makes its paths start at dir.
func (l *loading) fill(s *scope, d *document, dir string) error {
	d.vars = l.vars
	for name, service := range d.services {
		f := filler{vars: l.vars}
		filled, err := f.fill(service, "services."+name)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", d.file, d.line(name), err)
		}
		d.services[name] = filled
		resolvePaths(filled.(map[string]any), dir)
		s.unset[name] = append(s.unset[name], f.unset...)
	}
	return nil
}

// resolvePaths makes a service's paths start at dir.
func resolvePaths(service map[string]any, dir string) {
	files, _ := service["env_file"].([]any)
	for _, in := range append(files, service["extends"], service["build"]) {
		entry := mapping(in)
		for _, key := range []string{"path", "file", "context"} {
			if path, ok := entry[key].(string); ok {
				entry[key] = at(dir, path)
			}
		}
	}
}

// extend puts what a service extends below it.
func (l *loading) extend(s *scope, name string, chain []origin) error {
	service := s.services[name].(map[string]any)
	from, ok := service["extends"].(map[string]any)
	if !ok {
		return nil
	}
	here := origin{s, name}
	if slices.Contains(chain, here) {
		return fmt.Errorf("%s: services.%s extends itself", s.place(name), name)
	}
	base, why, err := l.base(s, from)
	switch {
	case err != nil:
		return err
	case why != "":
		s.refused[name] = why
	case base.services[base.service] == nil && base.unread:
		s.refused[name] = fmt.Sprintf("it extends %s, which a file may have that is included and not followed", base.service)
	case base.services[base.service] == nil:
		return fmt.Errorf("%s: services.%s extends %s, which is not in that file", s.place(name), name, base.service)
	}
	if s.refused[name] != "" {
		delete(service, "extends")
		return nil
	}
	if err := l.extend(base.scope, base.service, append(chain, here)); err != nil {
		return err
	}
	return s.mergeBase(here, base)
}

// mergeBase merges a service over the one that it extends.
func (s *scope) mergeBase(here, base origin) error {
	below := clone(base.services[base.service]).(map[string]any)
	for _, d := range s.docs {
		for _, path := range d.reset {
			if len(path) > 2 && path[0] == "services" && path[1] == here.service {
				drop(below, path[2:])
			}
		}
	}
	merged, err := override.ExtendService(below, s.services[here.service].(map[string]any))
	if err != nil {
		return fmt.Errorf("%s: services.%s: %w", s.place(here.service), here.service, err)
	}
	delete(merged, "extends")
	s.services[here.service], s.extends[here.service] = merged, base
	s.unset[here.service] = append(s.unset[here.service], base.unset[base.service]...)
	if why := base.refused[base.service]; why != "" {
		s.refused[here.service] = why
	}
	return nil
}

// base is the service that an "extends" names, or why its file is not read.
func (l *loading) base(s *scope, from map[string]any) (base origin, why string, err error) {
	name, _ := from["service"].(string)
	file, elsewhere := from["file"].(string)
	if !elsewhere {
		return origin{s, name}, "", nil
	}
	named, err := l.fileScope(file)
	var not *unreachable
	if errors.As(err, &not) {
		return origin{}, fmt.Sprintf("it extends the service %s of the file %s, which %s", name, l.show(file), not.why), nil
	}
	return origin{named, name}, "", err
}

// fileScope is a file that a service extends one of. Its paths start at its own folder, its variables are those here.
func (l *loading) fileScope(file string) (*scope, error) {
	if s := l.extended[file]; s != nil {
		return s, nil
	}
	source, err := l.within.readCompose(file)
	if err != nil {
		return nil, err
	}
	docs, err := parse(file, source)
	if err != nil {
		return nil, err
	}
	s := newScope()
	for i := range docs {
		if err := errors.Join(l.fill(s, &docs[i], filepath.Dir(file)), s.take(&docs[i])); err != nil {
			return nil, err
		}
	}
	l.extended[file] = s
	return s, nil
}

// join puts what included files say below a document's services and secrets.
func (s *scope) join(d *document, sub *loading) error {
	below := map[string]any{"services": clone(sub.services), "secrets": clone(sub.secrets)}
	for _, path := range d.reset {
		drop(below, path)
	}
	merged, err := override.Merge(below, map[string]any{"services": clone(d.services), "secrets": clone(d.secrets)})
	if err != nil {
		return fmt.Errorf("%s: %w", d.file, err)
	}
	maps.Copy(d.services, mapping(merged["services"]))
	maps.Copy(d.secrets, mapping(merged["secrets"]))
	for name, names := range sub.unset {
		s.unset[name] = append(s.unset[name], names...)
	}
	maps.Copy(s.refused, sub.refused)
	s.included = append(s.included, sub)
	return nil
}
