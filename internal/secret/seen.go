package secret

import (
	"hash/maphash"
	"slices"
	"sync"
)

// Seen remembers what was found in files, so that content which an image has
// again, as after a chown, is searched once. Scans in several goroutines may share it.
type Seen struct {
	seed maphash.Seed // no one can make files that pass for others: it is drawn at random

	mu    sync.Mutex
	files map[seenKey]seenFile
}

type seenKey struct {
	hash uint64
	size int
}

type seenFile struct {
	path  string
	found []Match
}

const (
	// leastSeen is the size from which on it pays to remember a file.
	leastSeen = 4 << 10
	// maxSeen bounds how many files are remembered.
	maxSeen = 100_000
)

// NewSeen returns a memory without any file.
func NewSeen() *Seen { return &Seen{seed: maphash.MakeSeed(), files: map[seenKey]seenFile{}} }

func (s *Seen) key(content []byte) seenKey {
	return seenKey{maphash.Bytes(s.seed, content), len(content)}
}

// find returns what was found in the same content, at a path that makes no
// difference to any rule.
func (s *Seen) find(key seenKey, path string) ([]Match, bool) {
	s.mu.Lock()
	file, ok := s.files[key]
	s.mu.Unlock()
	if !ok || file.path != path && !slices.Equal(pathTraits(file.path), pathTraits(path)) {
		return nil, false
	}
	return file.found, true
}

func (s *Seen) add(key seenKey, path string, found []Match) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) < maxSeen {
		s.files[key] = seenFile{path, found}
	}
}

// pathTraits are what rules can tell of a path.
func pathTraits(path string) []bool {
	set, err := rules()
	if err != nil {
		return nil
	}
	var traits []bool
	for _, expression := range set.paths() {
		traits = append(traits, expression.matches(path))
	}
	return traits
}

// pathPatterns are those that any rule or allowlist has for paths.
func (set *ruleSet) pathPatterns() (all []*pattern) {
	lists, err := set.allowed()
	if err != nil {
		return nil
	}
	for _, r := range set.rules {
		if r.Path == "" && !slices.ContainsFunc(r.Allowlists, func(l allowlist) bool { return len(l.Paths) > 0 }) {
			continue
		}
		if compiled, err := r.compiled(); err == nil {
			lists = slices.Concat(lists, compiled.allowed)
			if compiled.path != nil {
				all = append(all, compiled.path)
			}
		}
	}
	for _, l := range lists {
		if l.paths != nil {
			all = append(all, l.paths)
		}
	}
	return all
}
