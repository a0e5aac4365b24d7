package inspect

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// wasteCases have figures that were worked out by hand.
func wasteCases() []struct {
	name      string
	layers    []string
	sum, flat int64 // of all layers' files, of the final tree's
	causes    map[Cause]int64
	dangling  int
} {
	return []struct {
		name      string
		layers    []string
		sum, flat int64
		causes    map[Cause]int64
		dangling  int
	}{
		{"one layer", []string{"d a\nf a/x 100\nf b 50"}, 150, 150, nil, 0},
		{"no files at all", []string{"d a", "d a/b"}, 0, 0, nil, 0},
		{"replaced", []string{"f x 100", "f x 30"}, 130, 30, map[Cause]int64{Shadowed: 100}, 0},
		{"replaced twice", []string{"f x 100", "f x 30", "f x 7"}, 137, 7, map[Cause]int64{Shadowed: 130}, 0},
		{"deleted", []string{"f x 100\nf y 1", "w x"}, 101, 1, map[Cause]int64{Deleted: 100}, 0},
		{"a folder deleted whole", []string{"d a\nd a/b\nf a/b/x 100\nf a/y 20\nf z 3", "w a"}, 123, 3, map[Cause]int64{Deleted: 120}, 0},
		{"deleted and made again", []string{"f x 100", "w x", "f x 9"}, 109, 9, map[Cause]int64{Deleted: 100}, 0},
		{"deleted and made again in one layer, the mark last", []string{"f x 100", "f x 9\nw x"}, 109, 9, map[Cause]int64{Deleted: 100}, 0},
		{"mode changed alone", []string{"f x 100 s", "f755 x 100 s"}, 200, 100, map[Cause]int64{Metadata: 100}, 0},
		{"mode changed, then another content", []string{"f x 100 s", "f755 x 100 s", "f x 5"}, 205, 5, map[Cause]int64{Metadata: 100, Shadowed: 100}, 0},
		{"same size, another content", []string{"f x 100 s", "f x 100 r"}, 200, 100, map[Cause]int64{Shadowed: 100}, 0},
		{"opaque folder", []string{"d a\nf a/x 100\nd a/b\nf a/b/y 10\nf c 1", "o a\nf a/z 5"}, 116, 6, map[Cause]int64{Deleted: 110}, 0},
		{"opaque folder, the mark last", []string{"d a\nf a/x 100", "d a\nf a/z 5\no a"}, 105, 5, map[Cause]int64{Deleted: 100}, 0},
		{"marks for nothing", []string{"f x 100", "w y\nw q/r/s\no nowhere"}, 100, 100, nil, 3},
		{"deleted twice", []string{"f x 100", "w x", "w x"}, 100, 0, map[Cause]int64{Deleted: 100}, 1},
		{"a folder becomes a file", []string{"d a\nf a/x 100\nf a/y 10", "f a 4"}, 114, 4, map[Cause]int64{Shadowed: 110}, 0},
		{"a file becomes a folder", []string{"f a 100", "d a\nf a/x 7"}, 107, 7, map[Cause]int64{Shadowed: 100}, 0},
		{"a file becomes a folder that goes without saying", []string{"f a 100", "f a/x 7"}, 107, 7, map[Cause]int64{Shadowed: 100}, 0},
		{"a file becomes a link", []string{"f a 100\nf b 1", "l a b"}, 101, 1, map[Cause]int64{Shadowed: 100}, 0},
		{"a link becomes a file", []string{"f b 10\nl a b", "f a 100"}, 110, 110, nil, 0},
		{"the same path twice in one archive", []string{"f x 100\nf x 30"}, 130, 30, map[Cause]int64{Repeated: 100}, 0},
		{"hard links count once", []string{"f x 100\nh y x\nh z y"}, 100, 100, nil, 0},
		{"one of two names deleted", []string{"f x 100\nh y x", "w x"}, 100, 100, nil, 0},
		{"both names deleted", []string{"f x 100\nh y x", "w x", "w y"}, 100, 0, map[Cause]int64{Deleted: 100}, 0},
		{"one name deleted, the other replaced", []string{"f x 100\nh y x", "w x", "f y 5"}, 105, 5, map[Cause]int64{Shadowed: 100}, 0},
		{"a hard link to a lower layer's file", []string{"f x 100", "h y x", "w x"}, 100, 100, nil, 0},
		{"a hard link to nothing", []string{"f x 100\nh y nothing\nh x x"}, 100, 100, nil, 0},
		{"through a link to a folder", []string{"d usr/lib\nf usr/lib/x 100\nl lib usr/lib", "f lib/x 30"}, 130, 30, map[Cause]int64{Shadowed: 100}, 0},
		{"deleted through a link to a folder", []string{"d usr/lib\nf usr/lib/x 100\nl lib /usr/lib", "w lib/x"}, 100, 0, map[Cause]int64{Deleted: 100}, 0},
		{"paths that lead up stay inside", []string{"f ../../x 100", "f x 30"}, 130, 30, map[Cause]int64{Shadowed: 100}, 0},
		{"a file in the root's place", []string{"f . 100\nf x 10"}, 10, 10, nil, 0},
		{"empty files weigh nothing", []string{"f x 0\nf y 0", "w x\nf y 0"}, 0, 0, nil, 0},
	}
}

func TestWaste(t *testing.T) {
	for _, c := range wasteCases() {
		t.Run(c.name, func(t *testing.T) {
			r, layers := inspectText(t, c.layers)
			if r.LayerBytes != c.sum || r.FlatBytes != c.flat {
				t.Errorf("%d bytes in layers, %d in the tree; want %d and %d", r.LayerBytes, r.FlatBytes, c.sum, c.flat)
			}
			if !maps.Equal(r.Waste.ByCause, c.causes) && len(r.Waste.ByCause)+len(c.causes) > 0 {
				t.Errorf("waste by cause %v, want %v", r.Waste.ByCause, c.causes)
			}
			dangling := 0
			for _, l := range r.Layers {
				dangling += l.Dangling
			}
			if dangling != c.dangling {
				t.Errorf("%d marks for nothing, want %d", dangling, c.dangling)
			}
			account(t, r)
			if got := extracted(t, layers); got != c.flat {
				t.Errorf("really extracted: %d bytes, want %d", got, c.flat)
			}
		})
	}
}

// account holds every figure about waste against the others.
func account(t *testing.T, r *Report) {
	t.Helper()
	var byCause, byItem, byLayer, layers int64
	for _, bytes := range r.Waste.ByCause {
		byCause += bytes
	}
	for _, item := range r.Waste.Items {
		byItem += item.Bytes
	}
	for _, l := range r.Layers {
		byLayer += l.WastedBytes
		layers += l.FileBytes
	}
	var live int64
	r.tree.eachFile(func(n *node) { live += n.inode.size })
	if tree := r.Tree(); tree.Size != r.FlatBytes {
		t.Errorf("the tree has %d bytes, its files %d", tree.Size, r.FlatBytes)
	}
	waste := r.ReclaimableBytes()
	if byCause != waste || byItem != waste || byLayer != waste || r.Waste.Bytes != waste || layers != r.LayerBytes || live != r.FlatBytes {
		t.Errorf("waste %d: by cause %d, by event %d, by layer %d; layers %d of %d; tree %d of %d", waste, byCause, byItem, byLayer, layers, r.LayerBytes, live, r.FlatBytes)
	}
}

func inspectText(t testing.TB, texts []string) (*Report, [][]byte) {
	t.Helper()
	var layers [][]byte
	for _, text := range texts {
		layers = append(layers, layerText(t, text))
	}
	r, err := Image(t.Context(), archiveOf(t, nil, layers...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r, layers
}

// extracted is the size of the tree that unpacking really gives, each inode once.
// It shares no code with what it judges.
func extracted(t testing.TB, layers [][]byte) int64 {
	t.Helper()
	var sections []*io.SectionReader
	for _, l := range layers {
		sections = append(sections, io.NewSectionReader(bytes.NewReader(l), 0, int64(len(l))))
	}
	return extractedFrom(t, sections)
}

func extractedFrom(t testing.TB, layers []*io.SectionReader) int64 {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for i, l := range layers {
		if err := unpack(root, dir, l); err != nil {
			t.Fatalf("layer %d: %v", i, err)
		}
	}
	seen := map[uint64]bool{}
	var sum int64
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if inode := info.Sys().(*syscall.Stat_t).Ino; !seen[inode] {
			seen[inode] = true
			sum += info.Size()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// unpack applies one layer as an engine does: marks of deletion first, absolute
// links taken from the image's root.
func unpack(root *os.Root, dir string, layer *io.SectionReader) error {
	for _, marks := range []bool{true, false} {
		if _, err := layer.Seek(0, io.SeekStart); err != nil {
			return err
		}
		r := tar.NewReader(layer)
		for {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			parent, base := filepath.Split(strings.TrimPrefix(filepath.Clean("/"+h.Name), "/"))
			if strings.HasPrefix(base, ".wh.") != marks || base == "" && h.Typeflag != tar.TypeDir {
				continue
			}
			at, err := realFolder(dir, parent, !marks)
			if err != nil {
				continue // a mark in a folder that is not there
			}
			if err := unpackEntry(root, dir, at, base, h, r); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
		}
	}
	return nil
}

func unpackEntry(root *os.Root, dir, at, base string, h *tar.Header, r io.Reader) error {
	name := filepath.Join(at, base)
	switch {
	case base == ".wh..wh..opq":
		entries, err := fs.ReadDir(root.FS(), filepath.Join(".", at))
		if err != nil {
			return nil
		}
		for _, e := range entries {
			if err := root.RemoveAll(filepath.Join(at, e.Name())); err != nil {
				return err
			}
		}
		return nil
	case strings.HasPrefix(base, ".wh."):
		return root.RemoveAll(filepath.Join(at, strings.TrimPrefix(base, ".wh.")))
	}
	info, statErr := root.Lstat(name)
	switch h.Typeflag {
	case tar.TypeDir:
		if statErr == nil && info.IsDir() {
			return nil
		}
		_ = root.RemoveAll(name)
		return root.Mkdir(name, 0o755)
	case tar.TypeLink:
		parent, target := filepath.Split(strings.TrimPrefix(filepath.Clean("/"+h.Linkname), "/"))
		folder, err := realFolder(dir, parent, false)
		if err != nil {
			return nil
		}
		from := filepath.Join(folder, target)
		if old, err := root.Lstat(from); err != nil || old.IsDir() || from == name {
			return nil
		}
		if err := root.Link(from, ".new-link"); err != nil { // first: what is replaced may hold it
			return err
		}
		_ = root.RemoveAll(name)
		return root.Rename(".new-link", name)
	case tar.TypeSymlink:
		_ = root.RemoveAll(name)
		return os.Symlink(h.Linkname, filepath.Join(dir, name))
	}
	_ = root.RemoveAll(name)
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, r)
	return err
}

// realFolder follows links below dir as if it were the root, and makes what is missing.
func realFolder(dir, name string, create bool) (string, error) {
	at, rest := "", strings.Split(name, "/")
	for hops := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		if part == "" || part == "." {
			continue
		}
		if part == ".." {
			at = strings.TrimPrefix(filepath.Dir("/"+at), "/")
			continue
		}
		next := filepath.Join(at, part)
		info, err := os.Lstat(filepath.Join(dir, next))
		switch {
		case err == nil && info.Mode()&fs.ModeSymlink != 0 && hops < 40:
			hops++
			link, err := os.Readlink(filepath.Join(dir, next))
			if err != nil {
				return "", err
			}
			if strings.HasPrefix(link, "/") {
				at = ""
			}
			rest = append(strings.Split(link, "/"), rest...)
			continue
		case err == nil && info.IsDir():
		case !create:
			return "", fs.ErrNotExist
		default:
			_ = os.RemoveAll(filepath.Join(dir, next))
			if err := os.Mkdir(filepath.Join(dir, next), 0o755); err != nil {
				return "", err
			}
		}
		at = next
	}
	return at, nil
}

// TestWasteOfRandomImages holds the account against unpacking, on images with
// every kind of entry at few paths, so that they meet.
func TestWasteOfRandomImages(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	names := []string{"a", "b", "a/x", "a/y", "a/b/z", "b/x", "c", "c/d", "c/d/e", "l", "l/x"}
	name := func() string { return names[random.IntN(len(names))] }
	for round := range 150 {
		var layers []string
		for range 1 + random.IntN(5) {
			var b strings.Builder
			for range random.IntN(9) {
				switch random.IntN(10) {
				case 0, 1, 2, 3:
					fmt.Fprintf(&b, "f %s %d %d\n", name(), random.IntN(4)*100, random.IntN(2))
				case 4:
					fmt.Fprintf(&b, "d %s\n", name())
				case 5:
					fmt.Fprintf(&b, "l %s %s\n", name(), []string{"a", "/c", "..", "l", "nothing"}[random.IntN(5)])
				case 6:
					fmt.Fprintf(&b, "h %s %s\n", name(), name())
				case 7, 8:
					fmt.Fprintf(&b, "w %s\n", name())
				case 9:
					fmt.Fprintf(&b, "o %s\n", name())
				}
			}
			layers = append(layers, b.String())
		}
		r, archives := inspectText(t, layers)
		account(t, r)
		if got := extracted(t, archives); got != r.FlatBytes {
			t.Fatalf("round %d: the tree has %d bytes, unpacking gives %d\n%s", round, r.FlatBytes, got, strings.Join(layers, "---\n"))
		}
	}
}
