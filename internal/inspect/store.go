package inspect

import (
	"bufio"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll/plimsoll/internal/image"
)

// recordVersion changes whenever records hold something else.
const recordVersion = "2"

// recordStore keeps records on disk, by the digest of the layer's archive and what it
// was searched for. It never fails: what can't be read is made again.
type recordStore struct {
	dir   string // "" keeps nothing
	rules string // version of the rule set; "" without secrets
}

// columns is a record as it is written: field by field, which reads far faster
// than entry by entry.
type columns struct {
	Layer               image.Layer
	Paths, Links, Kinds string // the first two with a NUL after each
	Sizes               []int64
	Hashes              []uint64
	Modes               []uint32
	Secrets             []found
	Packages            []Package
	Files               map[string][]byte
}

func (s recordStore) path(diffID string) string {
	sum := sha256.Sum256([]byte(recordVersion + "\x00" + s.rules + "\x00" + diffID))
	return filepath.Join(s.dir, "layers", hex.EncodeToString(sum[:16])+".gob")
}

func (s recordStore) has(diffID string) bool {
	if s.dir == "" {
		return false
	}
	_, err := os.Stat(s.path(diffID))
	return err == nil
}

func (s recordStore) load(diffID string) (record, bool) {
	if s.dir == "" {
		return record{}, false
	}
	f, err := os.Open(s.path(diffID))
	if err != nil {
		return record{}, false
	}
	defer f.Close()
	var c columns
	if gob.NewDecoder(bufio.NewReaderSize(f, 256<<10)).Decode(&c) != nil || c.Layer.DiffID != diffID {
		return record{}, false
	}
	return c.record()
}

// save replaces the file in one step, so that another process never sees half of it.
func (s recordStore) save(r record) {
	if s.dir == "" {
		return
	}
	path := s.path(r.layer.DiffID)
	if os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return
	}
	w := bufio.NewWriterSize(f, 256<<10)
	err = gob.NewEncoder(w).Encode(columnsOf(r))
	if err == nil {
		err = w.Flush()
	}
	if closeErr := f.Close(); err != nil || closeErr != nil || os.Rename(f.Name(), path) != nil {
		_ = os.Remove(f.Name())
	}
}

func columnsOf(r record) columns {
	c := columns{Layer: r.layer, Secrets: r.secrets, Packages: r.packages, Files: r.files}
	var paths, links, kinds []byte
	for _, e := range r.entries {
		paths = append(append(paths, e.path...), 0)
		links = append(append(links, e.link...), 0)
		kinds = append(kinds, byte(e.kind))
		c.Sizes = append(c.Sizes, e.size)
		c.Hashes = append(c.Hashes, e.hash)
		c.Modes = append(c.Modes, e.mode)
	}
	c.Paths, c.Links, c.Kinds = string(paths), string(links), string(kinds)
	return c
}

func (c columns) record() (record, bool) {
	r := record{layer: c.Layer, secrets: c.Secrets, packages: c.Packages, files: c.Files}
	n := len(c.Kinds)
	if len(c.Sizes) != n || len(c.Hashes) != n || len(c.Modes) != n {
		return record{}, false
	}
	r.entries = make([]entry, n)
	paths, links := c.Paths, c.Links
	for i := range r.entries {
		e := entry{kind: kind(c.Kinds[i]), size: c.Sizes[i], hash: c.Hashes[i], mode: c.Modes[i]}
		var ok1, ok2 bool
		e.path, paths, ok1 = cutNUL(paths)
		e.link, links, ok2 = cutNUL(links)
		if !ok1 || !ok2 {
			return record{}, false
		}
		r.entries[i] = e
	}
	return r, true
}

func cutNUL(s string) (before, after string, ok bool) { return strings.Cut(s, "\x00") }
