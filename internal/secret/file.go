package secret

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

// maxFileBytes is how much of a file is looked at: such files are small.
const maxFileBytes = 1 << 20

// kinds is compiled once: it never changes after.
var kinds = sync.OnceValue(fileKinds)

// File tells whether a file holds credentials by its nature: an environment
// file, a private key, login data. Its content is read from fsys only where the name
// leaves it open; without a file system, or where the file can't be read, the name
// decides and the match is merely likely.
func File(fsys fs.FS, name string) (Match, bool) {
	for _, kind := range kinds() {
		if !kind.matches(name) {
			continue
		}
		return kind.look(fsys, name)
	}
	return Match{}, false
}

// matches compares the file's name, or its folder and name where the pattern has a folder.
func (k fileKind) matches(name string) bool {
	return matchesName(k.names, name) && !matchesName(k.but, name)
}

func matchesName(patterns []string, name string) bool {
	base := path.Base(name)
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		subject := base
		if strings.Contains(pattern, "/") {
			subject = path.Join(path.Base(path.Dir(name)), base)
		}
		ok, _ := path.Match(pattern, subject)
		return ok
	})
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
