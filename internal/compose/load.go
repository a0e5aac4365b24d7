package compose

import (
	"errors"
	"fmt"
	"iter"
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
	Files []string // that were read, the main one first, those that others name last
	// Services are those that are built, by name.
	Services []*Service
	// Others run an image that is not said to be built here, but may be that of a service which is.
	Others []*Service
	// Unfollowed are included files that were not read.
	Unfollowed []Unfollowed
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

// Load reads compose files, each of which overrides those before it, and the files of their folder that they include or
// extend services of. environ is the caller's environment, as NAME=value; values in .env beside the first file stand
// below it. Errors show no values.
func Load(files, environ []string) (*Project, error) {
	if len(files) == 0 {
		return nil, errors.New("no compose file")
	}
	dir := filepath.Dir(files[0])
	vars, err := environment(dir, environ)
	if err != nil {
		return nil, fmt.Errorf("reading the variables of %s: %w", files[0], err)
	}
	p := &Project{Dir: dir}
	l := &loading{within: &within{dir: dir}, tree: treeOf(dir), unfollowed: &p.Unfollowed, vars: vars}
	defer l.within.close()
	l = l.below(files[0])
	l.dir, l.vars = dir, vars
	if err := l.load(files, read); err != nil {
		return nil, fmt.Errorf("reading the compose file: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(l.services)) {
		service := l.services[name].(map[string]any)
		if service["build"] == nil {
			p.Others = append(p.Others, l.started(name, service))
			continue
		}
		s, err := l.service(name, service)
		if err != nil {
			return nil, fmt.Errorf("reading the compose file: %w", err)
		}
		p.Services = append(p.Services, s)
	}
	p.Files = slices.Concat(files, l.within.files)
	return p, nil
}

// loading reads the files of a project, or of one that is included.
type loading struct {
	dir        string // that its paths start at
	vars       variables
	scopes     []*scope // one for each document
	services   map[string]any
	secrets    map[string]any
	unset      map[string][]string // by service: variables without a value
	refused    map[string]string   // by service: why it can't be read in full
	extended   map[string]*scope   // files of which services are extended, by path
	chain      []string            // main files that are being read, the outermost first
	within     *within             // shared by all
	tree       tree                // of the main file
	unfollowed *[]Unfollowed       // shared by all
}

// below is a loading of files that are read for this one, of which the first is named.
func (l *loading) below(first string) *loading {
	return &loading{
		services: map[string]any{}, secrets: map[string]any{}, unset: map[string][]string{}, refused: map[string]string{}, extended: map[string]*scope{},
		chain: append(slices.Clone(l.chain), first), within: l.within, tree: l.tree, unfollowed: l.unfollowed,
	}
}

// load merges files, each over those before it.
func (l *loading) load(files []string, read func(string) ([]byte, error)) error {
	for _, file := range files {
		source, err := read(file)
		if err != nil {
			return err
		}
		docs, err := parse(file, source)
		if err != nil {
			return err
		}
		for i := range docs {
			if err := l.add(&docs[i]); err != nil {
				return err
			}
		}
	}
	l.settle()
	return nil
}

// add merges a document over those before it.
func (l *loading) add(d *document) error {
	s := newScope()
	s.docs, s.services = []*document{d}, d.services
	if err := errors.Join(l.fill(s, d, l.dir), l.fillSecrets(d)); err != nil {
		return err
	}
	if err := l.include(s, d); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.services)) {
		if err := l.extend(s, name, nil); err != nil {
			return err
		}
	}
	all := map[string]any{"services": l.services, "secrets": l.secrets}
	for _, path := range d.reset {
		drop(all, path)
	}
	merged, err := override.Merge(all, map[string]any{"services": s.services, "secrets": d.secrets})
	if err != nil {
		return fmt.Errorf("%s: %w", d.file, err)
	}
	l.services, l.secrets = mapping(merged["services"]), mapping(merged["secrets"])
	for name, names := range s.unset {
		l.unset[name] = append(l.unset[name], names...)
	}
	maps.Copy(l.refused, s.refused)
	l.scopes = append(l.scopes, s)
	return nil
}

// settle puts in what is decided where a project is read, and not where it is included: the folder that is built where none
// is named, and the values of variables that are named alone.
func (l *loading) settle() {
	for _, service := range l.services {
		if build := mapping(mapping(service)["build"]); build != nil && build["context"] == nil {
			build["context"] = l.dir
		}
		list, _ := mapping(service)["environment"].([]any)
		for i, pair := range stringsOf(list) {
			if name, value, ok := l.resolve(pair); ok {
				list[i] = name + "=" + value
			}
		}
	}
	for _, source := range l.secrets {
		l.settleSecret(mapping(source))
	}
}

// spots are where a service's key stands, those that have the say first.
func (l *loading) spots(service string, keys ...string) iter.Seq[spot] {
	return func(yield func(spot) bool) {
		for _, s := range slices.Backward(l.scopes) {
			for found := range s.spots(service, keys...) {
				if !yield(found) {
					return
				}
			}
		}
	}
}

// place is where a service's key stands: in the last document that has it.
func (l *loading) place(service string, keys ...string) Place {
	for found := range l.spots(service, keys...) {
		return found.place()
	}
	return Place{l.chain[0], 0}
}

// show is a path as its author may have written it: relative to the project's folder, where that is shorter.
func (l *loading) show(path string) string {
	if rel, err := filepath.Rel(l.within.dir, path); err == nil && !remote(path) && !ofHome(path) && len(rel) < len(path) {
		return filepath.ToSlash(rel)
	}
	return path
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
