// Package sdist holds a small Python package of our own that has to be
// compiled when it is installed, and packs it as a source archive.
package sdist

import (
	"archive/tar"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// Sources are the files of the package.
//
//go:embed plimsoll-checksum
var Sources embed.FS

// Filename is the archive's name. Its version is that of PKG-INFO.
const Filename = "plimsoll-checksum-1.0.0.tar.gz"

// Write packs the sources; every file gets the same time.
func Write(w io.Writer, modified time.Time) error {
	zip := gzip.NewWriter(w)
	out := tar.NewWriter(zip)
	top := strings.TrimSuffix(Filename, ".tar.gz")
	err := fs.WalkDir(Sources, "plimsoll-checksum", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := Sources.ReadFile(path)
		if err != nil {
			return err
		}
		head := &tar.Header{Name: top + strings.TrimPrefix(path, "plimsoll-checksum"), Mode: 0o644, Size: int64(len(text)), ModTime: modified}
		if err := out.WriteHeader(head); err != nil {
			return err
		}
		_, err = out.Write(text)
		return err
	})
	if err != nil {
		return fmt.Errorf("packing %s: %w", Filename, err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("packing %s: %w", Filename, err)
	}
	return zip.Close()
}
