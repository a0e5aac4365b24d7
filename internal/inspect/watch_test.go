package inspect

import (
	"archive/tar"
	"fmt"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/image"
)

// outline writes a tree as lines of change, path and size; folders end with a slash.
func outline(i *Item) string {
	var b strings.Builder
	var down func(prefix string, i *Item)
	down = func(prefix string, i *Item) {
		for _, child := range i.Items {
			name := prefix + child.Name
			if child.Folder {
				name += "/"
			}
			fmt.Fprintf(&b, "%c %s %d\n", " +~-"[child.Change], name, child.Size)
			down(name, child)
		}
	}
	down("", i)
	return b.String()
}

// TestWatch looks at trees of layers, together and alone.
func TestWatch(t *testing.T) {
	layers := [][]byte{
		layerText(t, "d a\nf a/x 100\nf a/y 10\nd b\nf b/z 5\nf c 1"),
		layerText(t, "f a/x 300\nw b\nf d/e/f 7"),
		layerText(t, "l a/y c\nf755 c 1 other"),
	}
	for _, place := range []string{archiveOf(t, nil, layers...), compressedFile(t, gzipped(t, contentOf(t, archiveOf(t, nil, layers...))), ".tar.gz")} {
		w := &Watch{}
		if _, err := Image(t.Context(), place, Options{Watch: w}); err != nil {
			t.Fatal(err)
		}
		known, ordered := w.Layers()
		if len(known) != 3 || !ordered || !known[1].Done || known[1].Bytes != 307 || known[1].Entries != 3 {
			t.Errorf("layers %+v, ordered %v", known, ordered)
		}
		for _, c := range []struct {
			layer int
			alone bool
			want  string
		}{
			{0, false, "+ a/ 110\n+ a/x 100\n+ a/y 10\n+ b/ 5\n+ b/z 5\n+ c 1\n"},
			{1, false, "~ a/ 310\n~ a/x 300\n  a/y 10\n+ d/ 7\n+ d/e/ 7\n+ d/e/f 7\n- b/ 5\n- b/z 5\n  c 1\n"},
			{1, true, "+ a/ 300\n+ a/x 300\n+ d/ 7\n+ d/e/ 7\n+ d/e/f 7\n"},
			{2, false, "~ a/ 300\n  a/x 300\n~ a/y 0\n  d/ 7\n  d/e/ 7\n  d/e/f 7\n~ c 1\n"},
		} {
			if got := outline(w.Tree(c.layer, c.alone)); got != c.want {
				t.Errorf("layer %d, alone %v:\n%swant\n%s", c.layer, c.alone, got, c.want)
			}
		}
	}
}

// TestTreeCountsHardLinksOnce counts them at the first of their names.
func TestTreeCountsHardLinksOnce(t *testing.T) {
	r, _ := inspectText(t, []string{"f b/x 100\nh a/y b/x", "h c b/x"})
	if got, want := outline(r.Tree()), "  a/ 100\n  a/y 100\n  b/ 0\n  b/x 0\n  c 0\n"; got != want {
		t.Errorf("%swant\n%s", got, want)
	}
}

// TestWatchWhileReading sees entries before their layer, and the image, are read.
func TestWatchWhileReading(t *testing.T) {
	w := &Watch{}
	c := collector{watch: w}
	r := newRecorder(nil, &c.budget, w.start(layerInfo("sha256:1")), c.done)
	before := w.Revision()
	if err := r.Entry(fileHeader("a/x", 3), strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	if got := outline(w.Tree(0, false)); got != "+ a/ 3\n+ a/x 3\n" {
		t.Errorf("after one entry:\n%s", got)
	}
	if layers, ordered := w.Layers(); len(layers) != 1 || layers[0].Done || ordered || w.Revision() == before {
		t.Errorf("layers %+v, ordered %v, revision %d", layers, ordered, w.Revision())
	}
	if got := outline(w.Tree(7, false)); got != "+ a/ 3\n+ a/x 3\n" {
		t.Errorf("a layer that is not there yet:\n%s", got)
	}
}

func layerInfo(diffID string) image.Layer { return image.Layer{DiffID: diffID} }

func fileHeader(name string, size int64) *tar.Header {
	return &tar.Header{Name: name, Size: size, Mode: 0o644, Typeflag: tar.TypeReg}
}
