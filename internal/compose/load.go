package compose

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/override"
)

// Place is a line of a compose file.
type Place struct {
	File string // as it was opened
	Line int    // 1-based; 0 when the file as a whole is meant
}

func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Project is what compose files say.
type Project struct {
	Dir   string   // folder of the first file, that relative paths start at
	Files []string // that were read, the main one first
	// Services are those that are built, by name.
	Services []*Service
	// Included says where other compose files are included, which are not read.
	Included []Place
}

// Service is the built service of that name; nil when there is none.
func (p *Project) Service(name string) *Service {
	for _, s := range p.Services {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Load reads compose files, each of which overrides those before it. environ is the caller's environment, as
// NAME=value; values in .env beside the first file stand below it. Errors show no values.
func Load(files, environ []string) (*Project, error) {
	if len(files) == 0 {
		return nil, errors.New("no compose file")
	}
	l := &loading{dir: filepath.Dir(files[0]), merged: map[string]any{}, unset: map[string][]string{}, refused: map[string]string{}}
	var err error
	if l.vars, err = environment(l.dir, environ); err != nil {
		return nil, fmt.Errorf("reading the variables of %s: %w", files[0], err)
	}
	p := &Project{Dir: l.dir, Files: slices.Clone(files)}
	for _, file := range files {
		source, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("reading the compose file: %w", err)
		}
		docs, err := parse(file, source)
		if err != nil {
			return nil, fmt.Errorf("reading the compose file: %w", err)
		}
		for i := range docs {
			if include := child(docs[i].root, "include"); include != nil {
				p.Included = append(p.Included, Place{file, include.Line})
			}
			if err := l.add(&docs[i]); err != nil {
				return nil, fmt.Errorf("reading the compose file: %w", err)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.merged)) {
		service := l.merged[name].(map[string]any)
		if service["build"] == nil {
			continue
		}
		s, err := l.service(name, service)
		if err != nil {
			return nil, fmt.Errorf("reading the compose file: %w", err)
		}
		p.Services = append(p.Services, s)
	}
	return p, nil
}

// loading is one run of Load.
type loading struct {
	dir     string
	vars    variables
	docs    []*document
	merged  map[string]any      // services
	unset   map[string][]string // by service: variables without a value
	refused map[string]string   // by service: why it can't be read in full
}

// add merges a document over those before it.
func (l *loading) add(d *document) error {
	for name, service := range d.services {
		f := filler{vars: l.vars}
		filled, err := f.fill(service, "services."+name)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", d.file, d.line(name), err)
		}
		d.services[name] = filled
		l.unset[name] = append(l.unset[name], f.unset...)
	}
	for name := range d.services {
		if err := l.extend(d, name, nil); err != nil {
			return err
		}
	}
	for _, path := range d.reset {
		if len(path) > 1 && path[0] == "services" {
			drop(l.merged, path[1:])
		}
	}
	merged, err := override.Merge(map[string]any{"services": l.merged}, map[string]any{"services": d.services})
	if err != nil {
		return fmt.Errorf("%s: %w", d.file, err)
	}
	l.merged = merged["services"].(map[string]any)
	l.docs = append(l.docs, d)
	return nil
}

// extend puts what a service extends below it, when that is in the same document.
func (l *loading) extend(d *document, name string, chain []string) error {
	service := d.services[name].(map[string]any)
	from, ok := service["extends"].(map[string]any)
	if !ok {
		return nil
	}
	at := Place{d.file, d.line(name)}
	if slices.Contains(chain, name) {
		return fmt.Errorf("%s: services.%s extends itself", at, name)
	}
	delete(service, "extends")
	base, _ := from["service"].(string)
	if _, elsewhere := from["file"]; elsewhere {
		l.refused[name] = fmt.Sprintf("it extends the service %s of another file, which plimsoll does not follow: name the Dockerfile itself", base)
		return nil
	}
	if d.services[base] == nil {
		return fmt.Errorf("%s: services.%s extends %s, which is not in that file", at, name, base)
	}
	if err := l.extend(d, base, append(chain, name)); err != nil {
		return err
	}
	if why := l.refused[base]; why != "" {
		l.refused[name] = why
	}
	merged, err := override.ExtendService(clone(d.services[base]).(map[string]any), service)
	if err != nil {
		return fmt.Errorf("%s: services.%s: %w", at, name, err)
	}
	delete(merged, "extends")
	d.services[name] = merged
	l.unset[name] = append(l.unset[name], l.unset[base]...)
	return nil
}

func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, inner := range v {
			m[key] = clone(inner)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, inner := range v {
			list[i] = clone(inner)
		}
		return list
	}
	return value
}

// place is where a service's key stands: in the last document that has it.
func (l *loading) place(service string, keys ...string) Place {
	for _, d := range slices.Backward(l.docs) {
		if n := d.node(service, keys...); n != nil {
			return Place{d.file, n.Line}
		}
	}
	return Place{l.docs[0].file, 0}
}
