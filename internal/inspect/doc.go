// Package inspect tells what a built image carries: its layers, the bytes in
// them that no container ever sees and why, credentials, what makes the image
// unfit for production, and what its packages weigh.
//
// Each layer is streamed once, through a recorder that keeps a line for each
// entry and no content. The records are merged into a tree, in which every byte
// has one owner. All sizes are those of files' contents, in bytes, unless said otherwise.
package inspect

import (
	"slices"
	"time"
)

// Report is what is known of an image.
type Report struct {
	Reference    string
	Digest       string
	OS           string
	Architecture string
	Created      time.Time
	Labels       map[string]string // credentials in them are masked
	Config       Config

	// TransferBytes is what the layers take as they are stored: what a pull transfers, where they are
	// compressed. ArchiveBytes is their archives uncompressed.
	TransferBytes, ArchiveBytes int64
	// LayerBytes is the sum of the contents of the files in all layers;
	// FlatBytes what of it is in the final tree; the difference is waste.
	LayerBytes, FlatBytes int64
	// Files is the number of files in the final tree, hard links once.
	Files  int
	Layers []Layer
	Waste  Waste
	// Classes are parts of the final tree that a production image seldom needs.
	// No file is in two of them, and none of them is in Waste.
	Classes  []Class
	Packages []Package
	Secrets  []Secret
	// SecretsSearched is false where the layers were not searched.
	SecretsSearched bool
	Points          []Point
	Seconds         float64

	tree    *tree    // see files
	records []record // what the tree is made of, where there is none yet
}

// ReclaimableBytes is what an image with the same final tree in one layer saves.
func (r *Report) ReclaimableBytes() int64 { return r.LayerBytes - r.FlatBytes }

// Compressed tells that layers are stored as a registry has them. Those that engines and docker save hand out are
// not, and what a pull of the image transfers is not known.
func (r *Report) Compressed() bool {
	return len(r.Layers) == 0 || slices.ContainsFunc(r.Layers, func(l Layer) bool { return l.Digest != l.DiffID })
}

// Config is how the image is run.
type Config struct {
	User         string
	Env          []string // names and values; credentials in them are masked
	Entrypoint   []string
	Cmd          []string
	WorkingDir   string
	ExposedPorts []string
	StopSignal   string
	Healthcheck  []string
}

// Layer is one layer.
type Layer struct {
	Digest, DiffID string
	Instruction    string // from the history; credentials in it are masked
	TransferBytes  int64
	ArchiveBytes   int64
	FileBytes      int64
	Entries        int
	Added          int // files that no lower layer has
	Changed        int // files that replace one of a lower layer
	Deleted        int // files of lower layers that this one removes
	// Dangling are marks of deletion for what no lower layer has.
	Dangling int
	// WastedBytes are those bytes of this layer that are not in the final tree.
	WastedBytes int64
	Cached      bool // not read again
}

// Cause is why bytes of a layer are not in the final tree.
type Cause string

// The causes. A byte has exactly one: what took away its last name.
const (
	Shadowed Cause = "shadowed" // a later layer has something else at the path
	Deleted  Cause = "deleted"  // a later layer deletes the path, or a folder above it
	Metadata Cause = "metadata" // a later layer has the same content again: chmod, chown, touch, a second copy
	Repeated Cause = "repeated" // the layer's own archive has the path again
)

// Causes lists all causes in the order they are told in.
func Causes() []Cause { return []Cause{Deleted, Shadowed, Metadata, Repeated} }

// Waste is the bytes that are in layers and not in the final tree.
type Waste struct {
	Bytes   int64
	ByCause map[Cause]int64
	Items   []Wasted // the largest first
}

// Wasted are the bytes that one event made useless: a file replaced, a folder deleted.
type Wasted struct {
	Path  string // what was replaced or deleted; its files may lie below
	Cause Cause
	Bytes int64
	Files int
	In    int // layer that holds most of the bytes, from 0
	By    int // layer that makes them useless, from 0
}

// Class is a part of the final tree.
type Class struct {
	Name  string // "package caches", "duplicate content", …
	Bytes int64
	Files int
	Top   []Sized
}

// Sized is a path with its size.
type Sized struct {
	Path  string
	Bytes int64
}

// Package is an installed package.
type Package struct {
	Ecosystem string // "deb", "apk", "rpm", "python", "npm", "go"
	Name      string
	Version   string
	Bytes     int64
	// Declared tells that the size is what the package says of itself, and not measured.
	Declared bool
	Source   string // the file that proves it
}

// Secret is a credential in the image.
type Secret struct {
	Where       string // "layer", "config", "history"
	Layer       int    // from 0; -1 outside of layers
	Path        string // of the file, or the field of the config
	Line        int    // from 1; 0 where there is none
	Rule        string
	Certainty   string
	Why         string
	Redacted    string
	Hash        string
	Instruction string
	// Hidden tells that the final tree does not have it: it is still in the image.
	Hidden bool
}

// Level is how much a point matters.
type Level string

// The levels, the gravest first.
const (
	Fatal Level = "error"
	Warn  Level = "warning"
	Info  Level = "info"
)

// Point is one matter of fitness for production.
type Point struct {
	ID      string // "root-user"
	Level   Level
	Message string
	Refs    []string // "CIS-DI-4.1": the CIS Docker Benchmark's or dockle's number
	Paths   []string // the first few
	Count   int
}
