// Package bases builds the base images: a Debian root, what is added to it
// from elsewhere, and the tree of layers that recipe describes.
package bases

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plimsoll/plimsoll/testbase/layer"
	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// Catalog lists built images. Their layers lie beside it, in blobs/sha256.
type Catalog struct {
	Dir    string  `json:"-"`
	Images []Image `json:"images"`
}

// Image is a built image.
type Image struct {
	Repository string        `json:"repository"` // "library/python"
	Tags       []string      `json:"tags"`
	Config     recipe.Config `json:"config"`
	PipIndex   bool          `json:"pip_index"`
	Layers     []Layer       `json:"layers"`
}

// Layer is a layer of an image with the line of its history.
type Layer struct {
	layer.Info
	CreatedBy string `json:"created_by"`
}

// Bytes is the image's uncompressed size: the sum of its files' sizes.
func (i Image) Bytes() (n int64) {
	for _, l := range i.Layers {
		n += l.Bytes
	}
	return n
}

// Transfer is the sum of the compressed layers.
func (i Image) Transfer() (n int64) {
	for _, l := range i.Layers {
		n += l.Size
	}
	return n
}

// Blobs is the folder with the layers, each under the hex form of its digest.
func (c *Catalog) Blobs() string { return blobs(c.Dir) }

func blobs(dir string) string { return filepath.Join(dir, "blobs", "sha256") }

func load(dir string) (*Catalog, error) {
	text, err := os.ReadFile(filepath.Join(dir, "catalog.json"))
	if err != nil {
		return nil, fmt.Errorf("reading the catalog of images: %w", err)
	}
	c := &Catalog{Dir: dir}
	if err := json.Unmarshal(text, c); err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Join(dir, "catalog.json"), err)
	}
	return c, nil
}

func (c *Catalog) save() error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the catalog of images: %w", err)
	}
	return os.WriteFile(filepath.Join(c.Dir, "catalog.json"), append(text, '\n'), 0o644)
}
