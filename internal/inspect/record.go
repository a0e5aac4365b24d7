package inspect

import (
	"archive/tar"
	"fmt"
	"io"
	"path"
	"strings"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
	"github.com/plimsoll/plimsoll/internal/image"
)

// Bounds on what an image may make this process keep.
const (
	maxPath      = 4096      // PATH_MAX: what is longer can't be unpacked either
	maxPathBytes = 256 << 20 // of all paths
	maxEntries   = 4_000_000
	maxPackages  = 200_000
	maxSecrets   = 10_000 // of a layer: more are left out
)

// budget counts what an image has used up of the bounds. Recorders of several layers share it.
type budget struct{ entries, pathBytes, packages atomic.Int64 }

func (b *budget) entry(e entry) error {
	switch {
	case len(e.path) > maxPath || len(e.link) > maxPath:
		return fmt.Errorf("a path of more than %d characters", maxPath)
	case b.pathBytes.Add(int64(len(e.path)+len(e.link))) > maxPathBytes:
		return fmt.Errorf("the image has paths of more than %d MB in all", maxPathBytes>>20)
	case b.entries.Add(1) > maxEntries:
		return fmt.Errorf("the image has more than %d entries", maxEntries)
	}
	return nil
}

// addPackages takes the number of further packages.
func (b *budget) addPackages(n int) error {
	if b.packages.Add(int64(n)) > maxPackages {
		return fmt.Errorf("the image has more than %d packages", maxPackages)
	}
	return nil
}

// record counts one that was read before.
func (b *budget) record(r record) error {
	for e := range r.entries.all() {
		if err := b.entry(e); err != nil {
			return err
		}
	}
	return b.addPackages(len(r.packages))
}

// kind is what an entry is.
type kind uint8

const (
	regular kind = iota
	directory
	symlink
	hardlink
	other // devices, pipes
)

// entry is one entry of a layer's archive.
type entry struct {
	path string // clean, relative; "" is the root
	link string // where symlinks and hard links point
	size int64  // of regular files
	// hash is xxHash64 of the content, to tell equal files of one size. Someone
	// who builds a collision gets a file counted as a copy that is none, no more.
	hash uint64
	mode uint32 // permissions, and the bits for set-user-id, set-group-id and sticky
	kind kind
}

// record is what is kept of a layer.
type record struct {
	layer    image.Layer
	entries  entries
	secrets  []found
	packages []Package
	files    map[string][]byte // small files that fitness is judged by
}

// addPackage keeps one more package than there may be, by which it shows that there are too many.
func (r *record) addPackage(p Package) {
	if len(r.packages) <= maxPackages {
		r.packages = append(r.packages, p)
	}
}

// found is a credential in a layer.
type found struct {
	Path, Rule, Certainty, Why, Redacted, Hash string
	Line                                       int
}

// recorder makes the record of one layer. It is used by one goroutine.
type recorder struct {
	record  record
	budget  *budget
	watch   func(entry)
	buffer  []byte
	digest  *xxhash.Digest
	secrets secretSearch // nil: not searched
	done    func(record)
}

// secretSearch looks for credentials in one file after the other.
type secretSearch interface {
	// Begin starts a file of the given size.
	Begin(path string, size int64)
	// Write takes the next bytes.
	Write(p []byte)
	// End returns what was found.
	End() []found
}

const recordBuffer = 64 << 10

func newRecorder(secrets secretSearch, b *budget, watch func(entry), done func(record)) *recorder {
	return &recorder{
		record: record{files: map[string][]byte{}}, budget: b, watch: watch, buffer: make([]byte, recordBuffer), digest: xxhash.New(),
		secrets: secrets, done: done,
	}
}

// Done hands the record on.
func (r *recorder) Done(layer image.Layer) {
	r.record.layer = image.Layer{DiffID: layer.DiffID, Uncompressed: layer.Uncompressed} // an instruction may hold credentials
	r.done(r.record)
}

// Entry records one entry.
func (r *recorder) Entry(h *tar.Header, content io.Reader) error {
	e := entry{path: cleanPath(h.Name), size: 0, mode: uint32(h.Mode) & 0o7777, kind: kindOf(h.Typeflag)}
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if e.kind == symlink {
		e.link = h.Linkname
	}
	if e.kind == hardlink {
		e.link = cleanPath(h.Linkname)
	}
	if err := r.budget.entry(e); err != nil {
		return err
	}
	if e.kind == regular {
		e.size = h.Size
		if err := r.content(&e, content); err != nil {
			return err
		}
	}
	r.record.entries.add(e)
	r.watch(e)
	return nil
}

// content hashes a file and shows it to all who want to see it.
func (r *recorder) content(e *entry, content io.Reader) error {
	if e.size == 0 {
		return nil
	}
	r.digest.Reset()
	keep := keeperFor(e.path, e.size)
	if r.secrets != nil {
		r.secrets.Begin(e.path, e.size)
	}
	for first := true; ; first = false {
		n, err := io.ReadFull(content, r.buffer)
		part := r.buffer[:n]
		if first && keep == nil && isELF(part) {
			keep = &goInfo{path: e.path, size: e.size}
		}
		_, _ = r.digest.Write(part)
		if keep != nil {
			keep.write(part)
		}
		if r.secrets != nil && n > 0 {
			r.secrets.Write(part)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return err
		}
	}
	e.hash = r.digest.Sum64()
	if keep != nil {
		before := len(r.record.packages)
		keep.end(&r.record)
		if err := r.budget.addPackages(len(r.record.packages) - before); err != nil {
			return err
		}
	}
	if r.secrets != nil {
		hits := r.secrets.End()
		r.record.secrets = append(r.record.secrets, hits[:min(len(hits), maxSecrets-len(r.record.secrets))]...)
	}
	return nil
}

// cleanPath makes a name relative to the image's root, from which ".." leads nowhere.
func cleanPath(name string) string {
	return strings.Clone(strings.TrimPrefix(path.Clean("/"+name), "/"))
}

func kindOf(flag byte) kind {
	switch flag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		return regular
	case tar.TypeDir:
		return directory
	case tar.TypeSymlink:
		return symlink
	case tar.TypeLink:
		return hardlink
	}
	return other
}
