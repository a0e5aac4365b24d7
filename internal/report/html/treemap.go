package htmlreport

import (
	_ "embed"
	"fmt"
	"html"
	"unicode"

	"github.com/plimsoll/plimsoll/internal/inspect"
)

//go:embed treemap.html
var treemapPage string

// Bounds on what a page holds. What is smaller is told in one.
const (
	// shownShare is the least share of all bytes that a file or folder is shown with.
	shownShare = 1.0 / 4000
	shownDepth = 64
)

// box is a file, a folder, or several small ones.
type box struct {
	Name  string `json:"name"`
	Size  int64  `json:"size"`
	Layer int    `json:"layer"`          // from 0; -1 where there is none
	Note  string `json:"note,omitempty"` // why it is wasted
	Boxes []*box `json:"boxes,omitempty"`
}

// Treemap is a page with the files of an image as rectangles as large as they
// are, and those that layers waste beside them. It can be looked into by clicking.
func Treemap(r *inspect.Report) []byte {
	least := int64(float64(r.LayerBytes) * shownShare)
	root := &box{Name: "all layers", Size: r.LayerBytes, Layer: -1}
	var layers []string // their instructions
	if r.FlatBytes > 0 {
		tree := boxOf(r.Tree(), least, 0)
		tree.Name = "final tree"
		root.Boxes = append(root.Boxes, tree)
	}
	if r.Waste.Bytes > 0 {
		root.Boxes = append(root.Boxes, wasteBox(r.Waste, least))
	}
	for _, l := range r.Layers {
		layers = append(layers, printable(l.Instruction))
	}
	sizes := fmt.Sprintf("%s of files in %d layers, %s in the final tree, %s reclaimable.",
		decimal(r.LayerBytes), len(r.Layers), decimal(r.FlatBytes), decimal(r.ReclaimableBytes()))
	made, err := fill(treemapPage, map[string]string{"reference": printable(r.Reference), "sizes": sizes},
		map[string]any{"boxes": root, "layers": layers})
	if err != nil {
		return []byte("<!doctype html><p>The treemap could not be made: " + html.EscapeString(err.Error()))
	}
	return []byte(made)
}

// boxOf is a folder without what is too small to be seen.
func boxOf(item *inspect.Item, least int64, depth int) *box {
	b := &box{Name: printable(item.Name), Size: item.Size, Layer: item.Layer}
	if depth >= shownDepth {
		return b
	}
	rest := remainder{}
	for _, child := range item.Items {
		if child.Size < max(least, 1) {
			rest.add(child.Size)
			continue
		}
		b.Boxes = append(b.Boxes, boxOf(child, least, depth+1))
	}
	b.Boxes = rest.appendTo(b.Boxes)
	return b
}

// wasteBox is what layers waste, by cause.
func wasteBox(waste inspect.Waste, least int64) *box {
	all := &box{Name: "wasted", Size: waste.Bytes, Layer: -1}
	for _, cause := range inspect.Causes() {
		if waste.ByCause[cause] == 0 {
			continue
		}
		b := &box{Name: string(cause), Size: waste.ByCause[cause], Layer: -1}
		rest := remainder{}
		for _, item := range waste.Items {
			switch {
			case item.Cause != cause:
			case item.Bytes < max(least, 1):
				rest.add(item.Bytes)
			default:
				b.Boxes = append(b.Boxes, &box{
					Name: printable("/" + item.Path), Size: item.Bytes, Layer: item.In,
					Note: fmt.Sprintf("%s by layer %d", cause, item.By+1),
				})
			}
		}
		b.Boxes = rest.appendTo(b.Boxes)
		all.Boxes = append(all.Boxes, b)
	}
	return all
}

// remainder is what is too small to be shown by itself.
type remainder struct {
	n     int
	bytes int64
}

func (r *remainder) add(bytes int64) {
	if bytes > 0 {
		r.n++
		r.bytes += bytes
	}
}

func (r *remainder) appendTo(boxes []*box) []*box {
	if r.n == 0 {
		return boxes
	}
	return append(boxes, &box{Name: fmt.Sprintf("(%d smaller)", r.n), Size: r.bytes, Layer: -1})
}

// decimal writes a size in powers of ten, as Docker does.
func decimal(bytes int64) string {
	value, unit := float64(bytes), "B"
	for _, larger := range []string{"kB", "MB", "GB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, larger
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

// printable is text without characters that act or reorder.
func printable(text string) string {
	out := []rune{}
	for _, r := range text {
		if unicode.IsPrint(r) || r == ' ' {
			out = append(out, r)
		} else {
			out = append(out, unicode.ReplacementChar)
		}
	}
	return string(out)
}
