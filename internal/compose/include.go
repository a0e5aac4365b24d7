package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Unfollowed is a part of compose files that is not followed.
type Unfollowed struct {
	Place Place
	What  string // the file that it names
	Why   string
}

func (u Unfollowed) String() string { return fmt.Sprintf("%s: the file %s %s", u.Place, u.What, u.Why) }

// inclusion is one entry of include.
type inclusion struct {
	paths    []string // the main file, and those that override it
	dir      string   // that their paths start at; empty means the folder of the first
	envFiles []string // empty means the .env of that folder
}

// include reads the files that a document includes, and puts what they say below it.
func (l *loading) include(s *scope, d *document) error {
	list := resolve(child(d.root, "include"))
	if list == nil || list.ShortTag() == "!!null" {
		return nil
	}
	place := Place{d.file, list.Line}
	if list.Kind != yaml.SequenceNode {
		return fmt.Errorf("%s: include: want a list of files", place)
	}
	for _, item := range list.Content {
		place.Line = item.Line
		entry, err := l.inclusion(item)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		sub, err := l.included(entry)
		var not *notIncluded
		if errors.As(err, &not) {
			s.unread = true
			*l.unfollowed = append(*l.unfollowed, Unfollowed{place, l.show(not.path), not.why})
			continue
		}
		if err != nil {
			return err
		}
		if err := s.join(d, sub); err != nil {
			return err
		}
	}
	return nil
}

// inclusion reads an entry.
func (l *loading) inclusion(item *yaml.Node) (in inclusion, err error) {
	var raw any
	if err := item.Decode(&raw); err != nil {
		return in, errors.New("include: want a path or a mapping with one")
	}
	filled, err := (&filler{vars: l.vars}).fill(stringKeys(raw, 0), "include")
	if err != nil {
		return in, err
	}
	if path, ok := text(filled); ok {
		filled = map[string]any{"path": path}
	}
	entry := mapping(filled)
	in.paths, in.envFiles = someTexts(entry["path"]), someTexts(entry["env_file"])
	in.dir, _ = entry["project_directory"].(string)
	if len(in.paths) == 0 {
		return in, errors.New("include: want a path or a mapping with one")
	}
	return in, nil
}

// someTexts is a list of texts, or one.
func someTexts(value any) []string {
	if one, ok := text(value); ok {
		return []string{one}
	}
	return stringsOf(value)
}

// notIncluded is why an entry is not followed.
type notIncluded struct {
	path string
	*unreachable
}

// included reads the files of an entry as a project of their own.
func (l *loading) included(in inclusion) (*loading, error) {
	for i, path := range in.paths {
		in.paths[i] = at(l.dir, path)
		if _, err := l.within.find(in.paths[i], maxFile); err != nil {
			return nil, named(in.paths[i], err)
		}
	}
	first := in.paths[0]
	switch {
	case slices.Contains(l.chain, first):
		return nil, fmt.Errorf("%s includes itself", first)
	case len(l.chain) > maxNested:
		return nil, named(first, unreached("is included over more than %d others", maxNested))
	}
	sub := l.below(first)
	sub.dir = filepath.Dir(first)
	if in.dir != "" {
		sub.dir = at(l.dir, in.dir)
	}
	if err := l.variablesBelow(sub, in.envFiles); err != nil {
		return nil, err
	}
	err := sub.load(in.paths, func(path string) ([]byte, error) {
		text, err := l.within.readCompose(path)
		return text, named(path, err)
	})
	return sub, err
}

// variablesBelow adds what the variable files of an included project say below those that are known here.
func (l *loading) variablesBelow(sub *loading, files []string) error {
	optional := len(files) == 0
	if optional {
		files = []string{filepath.Join(sub.dir, ".env")}
	}
	set := variables{}
	for _, file := range files {
		if file == "/dev/null" {
			continue
		}
		if !optional {
			file = at(l.dir, file)
		}
		source, err := l.within.read(file)
		if optional && errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return named(file, err)
		}
		more, err := parseEnv(file, source, func(name string) (string, bool) {
			if value, ok := l.vars[name]; ok {
				return value, true
			}
			return set.lookup(name)
		})
		if err != nil {
			return err
		}
		maps.Copy(set, more)
	}
	sub.vars = set
	maps.Copy(sub.vars, l.vars)
	return nil
}

// named tells which file was not reached.
func named(path string, err error) error {
	var not *unreachable
	if errors.As(err, &not) {
		return &notIncluded{path, not}
	}
	return err
}
