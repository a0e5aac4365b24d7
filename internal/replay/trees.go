package replay

import (
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"slices"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/history"
)

// trees are the files of one commit after the other, as the sums that selections have of them.
type trees struct {
	selections []*selection
	files      map[string]history.File
	same       []string
	takers     map[string][]int // by path: the selections that take it
}

// selection is what one COPY, ADD or bind mount takes of the context.
type selection struct {
	*buildctx.Selection
	sum     sum
	changed []string // paths that changed with the last commit
	linked  bool     // a source is, or leads through, a link, which is not followed here
}

// sum is a digest of a set of files that does not depend on their order: the digests
// of the files are added up.
type sum [2]uint64

func newTrees(selections []*selection, same []string) *trees {
	return &trees{selections: selections, files: map[string]history.File{}, same: same, takers: map[string][]int{}}
}

// begin begins the next commit.
func (t *trees) begin() {
	for _, s := range t.selections {
		s.changed = nil
	}
}

func (t *trees) apply(changes []history.Change) error {
	t.begin()
	for _, c := range changes {
		if c.Removed {
			t.remove(c.Path)
			continue
		}
		if err := t.put(history.File{Path: c.Path, Mode: c.Mode, Blob: c.Blob}); err != nil {
			return err
		}
	}
	return nil
}

func (t *trees) remove(path string) {
	old, ok := t.files[path]
	if !ok {
		return
	}
	d := digest(old)
	for _, i := range t.takers[path] {
		s := t.selections[i]
		s.sum = sum{s.sum[0] - d[0], s.sum[1] - d[1]}
		s.note(path)
	}
	delete(t.files, path)
}

func (t *trees) put(f history.File) error {
	if slices.Contains(t.same, f.Path) {
		f.Mode, f.Blob = history.Regular, "" // the current text, at every commit
	}
	if old, ok := t.files[f.Path]; ok && old == f {
		return nil
	}
	t.remove(f.Path)
	takers, err := t.takersOf(f)
	if err != nil {
		return err
	}
	d := digest(f)
	for _, i := range takers {
		s := t.selections[i]
		s.sum = sum{s.sum[0] + d[0], s.sum[1] + d[1]}
		s.note(f.Path)
	}
	t.files[f.Path] = f
	return nil
}

// takersOf are the selections that take a path; a link is looked at as if it were a file.
func (t *trees) takersOf(f history.File) ([]int, error) {
	if f.Mode == history.Link {
		if err := t.link(f.Path); err != nil {
			return nil, err
		}
	}
	takers, known := t.takers[f.Path]
	if known {
		return takers, nil
	}
	for i, s := range t.selections {
		takes, err := s.Takes(f.Path, 0o644)
		if err != nil {
			return nil, err
		}
		if takes {
			takers = append(takers, i)
		}
	}
	t.takers[f.Path] = takers
	return takers, nil
}

// link finds the selections that would follow a link rather than take it.
func (t *trees) link(path string) error {
	for _, s := range t.selections {
		file, err := s.Takes(path, 0o644)
		if err != nil {
			return err
		}
		link, err := s.Takes(path, fs.ModeSymlink|0o777)
		if err != nil {
			return err
		}
		s.linked = s.linked || s.Through(path) || file != link
	}
	return nil
}

func (s *selection) note(path string) {
	if !slices.Contains(s.changed, path) && len(s.changed) < maxNoted {
		s.changed = append(s.changed, path)
	}
}

// maxNoted bounds the changed paths that are kept of one commit.
const maxNoted = 50

// digest is of all that BuildKit's own digest of a file depends on and git knows.
func digest(f history.File) sum {
	h := sha256.New()
	h.Write([]byte(f.Path))
	h.Write([]byte{0, byte(f.Mode >> 16), byte(f.Mode >> 8), byte(f.Mode)})
	h.Write([]byte(f.Blob))
	var out [sha256.Size]byte
	h.Sum(out[:0])
	return sum{binary.LittleEndian.Uint64(out[:]), binary.LittleEndian.Uint64(out[8:])}
}
