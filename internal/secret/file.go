package secret

import (
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// maxFileBytes is how much of a file is looked at: such files are small.
const maxFileBytes = 1 << 20

// kinds is compiled once: it never changes after.
var kinds = sync.OnceValue(func() (all []namedKind) {
	for _, k := range fileKinds() {
		all = append(all, namedKind{k, namePatterns(k.names), namePatterns(k.but)})
	}
	return all
})

// namedKind is a kind whose patterns are made ready to be compared with all names of a context.
type namedKind struct {
	fileKind
	is, isNot []namePattern
}

// namePattern is a pattern of path.Match with its first and last character, 0 where they stand for others. They leave
// hardly any name for path.Match, which takes far longer.
type namePattern struct {
	text        string
	inFolder    bool // it has the last folder too
	first, last byte
}

func namePatterns(texts []string) (all []namePattern) {
	const special = `*?[]\`
	plain := func(c byte) byte {
		if strings.IndexByte(special, c) >= 0 {
			return 0
		}
		return c
	}
	for _, text := range texts {
		all = append(all, namePattern{text, strings.Contains(text, "/"), plain(text[0]), plain(text[len(text)-1])})
	}
	return all
}

func (p *namePattern) matches(subject string) bool {
	if subject == "" || p.first != 0 && p.first != subject[0] || p.last != 0 && p.last != subject[len(subject)-1] {
		return false
	}
	ok, _ := path.Match(p.text, subject)
	return ok
}

// File tells whether a file holds credentials by its nature: an environment
// file, a private key, login data. Its content is read from fsys only where the name
// leaves it open; without a file system, or where the file can't be read, the name
// decides and the match is merely likely.
func File(fsys fs.FS, name string) (Match, bool) {
	base := path.Base(name)
	inFolder := path.Base(path.Dir(name)) + "/" + base
	all := kinds()
	for i := range all {
		if matchesAny(all[i].is, base, inFolder) && !matchesAny(all[i].isNot, base, inFolder) {
			return all[i].look(fsys, name)
		}
	}
	return Match{}, false
}

// matchesAny compares a file's name, or its folder and name where the pattern has a folder.
func matchesAny(patterns []namePattern, base, inFolder string) bool {
	for i := range patterns {
		p := &patterns[i]
		if p.inFolder && p.matches(inFolder) || !p.inFolder && p.matches(base) {
			return true
		}
	}
	return false
}

func (k fileKind) look(fsys fs.FS, name string) (Match, bool) {
	m := Match{Rule: "file", Name: name, Why: "it is a file of this kind: " + k.what, Certainty: Likely}
	if fsys == nil {
		return m, true
	}
	text, err := readStart(fsys, name)
	if err != nil {
		return m, true
	}
	m.Hash = Hash(string(text))
	if k.content != nil {
		m.Certainty = Certain
		return m, k.content.Match(text)
	}
	return m, len(text) > 0
}

func readStart(fsys fs.FS, name string) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxFileBytes))
}
