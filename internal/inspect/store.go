package inspect

import (
	"bufio"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/image"
)

// recordVersion changes whenever records hold something else.
const recordVersion = "5"

// recordStore keeps records on disk, by the digest of the layer's archive and what it
// was searched for, and the reports on whole images. It never fails: what can't be read is made again.
type recordStore struct {
	dir   string // "" keeps nothing
	rules string // version of the rule set; "" without secrets
}

// head is a record as it is written, without its entries, which follow in blocks.
type head struct {
	Layer    image.Layer
	Secrets  []found
	Packages []Package
	Files    map[string][]byte
	Blocks   int
}

// columns are the entries of a block as they are written: field by field, which
// reads far faster than entry by entry.
type columns struct {
	Paths, Links, Kinds string // the first two with a NUL after each
	Sizes               []int64
	Hashes              []uint64
	Modes               []uint32
}

func (s recordStore) path(diffID string) string { return s.file("layers", diffID) }

// file is where something is kept that a key tells from all others of its kind.
func (s recordStore) file(kind, key string) string {
	sum := sha256.Sum256([]byte(recordVersion + "\x00" + s.rules + "\x00" + key))
	return filepath.Join(s.dir, kind, hex.EncodeToString(sum[:16])+".gob")
}

func (s recordStore) load(diffID string) (r record, ok bool) {
	ok = s.read(s.path(diffID), func(from *gob.Decoder) error { return r.read(from) })
	return r, ok && r.layer.DiffID == diffID
}

func (s recordStore) save(r record) {
	s.write(s.path(r.layer.DiffID), r.write)
	s.trim(time.Now())
}

func (r record) write(to *gob.Encoder) error {
	err := to.Encode(head{r.layer, r.secrets, r.packages, r.files, len(r.entries.blocks)})
	for i := 0; i < len(r.entries.blocks) && err == nil; i++ {
		err = to.Encode(columnsOf(r.entries.blocks[i]))
	}
	return err
}

func (r *record) read(from *gob.Decoder) error {
	var h head
	if err := from.Decode(&h); err != nil {
		return err
	}
	*r = record{layer: h.Layer, secrets: h.Secrets, packages: h.Packages, files: h.Files}
	for range h.Blocks {
		var c columns
		if err := from.Decode(&c); err != nil {
			return err
		}
		block, err := c.entries()
		if err != nil {
			return err
		}
		r.entries.blocks = append(r.entries.blocks, block)
		r.entries.n += len(block)
	}
	return nil
}

// reportPath is where the report on an image is kept. All that it is made from is in the
// name, this program too: what another version of it counts may be something else. What the image
// is called is not: a proof's registry has another port each time.
func (s recordStore) reportPath(contents *image.Contents) (string, bool) {
	type layer struct {
		Digest, DiffID, CreatedBy string
		Size                      int64 // a docker-archive's digests are those of the plain layers
	}
	key := struct {
		Program, Digest string
		Config          image.Config
		Layers          []layer
	}{program(), contents.Digest, contents.Config, nil}
	for _, l := range contents.Layers {
		key.Layers = append(key.Layers, layer{l.Digest, l.DiffID, l.CreatedBy, l.Size})
	}
	text, err := json.Marshal(key)
	return s.file("images", string(text)), err == nil && key.Program != ""
}

// program tells this build of the program from others; "" is not known.
func program() string {
	name, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(name)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
}

// loadReport returns the report of an earlier run on the same image, without its tree and what depends on the day.
func (s recordStore) loadReport(contents *image.Contents) (*Report, bool) {
	path, ok := s.reportPath(contents)
	r := &Report{}
	ok = ok && s.read(path, func(from *gob.Decoder) error { return from.Decode(r) })
	r.Reference = contents.Reference
	return r, ok
}

func (s recordStore) saveReport(contents *image.Contents, r *Report) {
	if path, ok := s.reportPath(contents); ok {
		s.write(path, func(to *gob.Encoder) error { return to.Encode(r) })
	}
}

func (s recordStore) read(path string, decode func(*gob.Decoder) error) bool {
	if s.dir == "" {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	used(f, time.Now())
	return decode(gob.NewDecoder(bufio.NewReaderSize(f, 256<<10))) == nil
}

// write replaces the file in one step, so that another process never sees half of it.
func (s recordStore) write(path string, encode func(*gob.Encoder) error) {
	if s.dir == "" || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return
	}
	w := bufio.NewWriterSize(f, 256<<10)
	err = encode(gob.NewEncoder(w))
	if err == nil {
		err = w.Flush()
	}
	if closeErr := f.Close(); err != nil || closeErr != nil || os.Rename(f.Name(), path) != nil {
		_ = os.Remove(f.Name())
	}
}

func columnsOf(block []entry) (c columns) {
	var paths, links, kinds []byte
	for _, e := range block {
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

// errDamaged is a record whose columns do not fit together.
var errDamaged = errors.New("damaged")

func (c columns) entries() ([]entry, error) {
	n := len(c.Kinds)
	if len(c.Sizes) != n || len(c.Hashes) != n || len(c.Modes) != n {
		return nil, errDamaged
	}
	block := make([]entry, n)
	paths, links := c.Paths, c.Links
	for i := range block {
		e := entry{kind: kind(c.Kinds[i]), size: c.Sizes[i], hash: c.Hashes[i], mode: c.Modes[i]}
		var ok1, ok2 bool
		e.path, paths, ok1 = cutNUL(paths)
		e.link, links, ok2 = cutNUL(links)
		if !ok1 || !ok2 {
			return nil, errDamaged
		}
		block[i] = e
	}
	return block, nil
}

func cutNUL(s string) (before, after string, ok bool) { return strings.Cut(s, "\x00") }
