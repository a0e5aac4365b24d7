package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// archiveSuffix tells a file from a folder.
const archiveSuffix = ".tar"

// CheckOutput says whether an image can be put out at a path: a file that ends in .tar, which is replaced, or a
// folder that does not exist or is empty.
func CheckOutput(path string) error {
	parent := filepath.Dir(filepath.Clean(path))
	if info, err := os.Stat(parent); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: there is no folder %s", path, parent)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case isArchive(path) && info.Mode().IsRegular():
		return nil
	case isArchive(path):
		return fmt.Errorf("%s is no file that could be replaced", path)
	case !info.IsDir():
		return fmt.Errorf("%s is a file: name one that ends in %s for an archive, or a folder for an OCI layout", path, archiveSuffix)
	}
	entries, err := os.ReadDir(path)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("the folder %s is not empty: name another, or remove it", path)
	}
	return err
}

func isArchive(path string) bool { return filepath.Ext(path) == archiveSuffix }

// WriteLayout writes the whole as an OCI layout: into a folder or, where the path ends in .tar, as an archive of one. What
// is there at the end is whole; what breaks off leaves nothing.
func (p *Parcel) WriteLayout(path string) (err error) {
	path = filepath.Clean(path)
	if err := CheckOutput(path); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(path), ".plimsoll-*")
	if err != nil {
		return fmt.Errorf("writing the image: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	folder := filepath.Join(work, "layout")
	if err := p.layout(folder); err != nil {
		return fmt.Errorf("writing the image to %s: %w", path, err)
	}
	if isArchive(path) {
		archive := filepath.Join(work, "layout"+archiveSuffix)
		if err := archiveFolder(archive, folder); err != nil {
			return fmt.Errorf("writing the image to %s: %w", path, err)
		}
		folder = archive
	} else if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty folder goes, a full one does not
		return fmt.Errorf("writing the image: %w", err)
	}
	return os.Rename(folder, path)
}

func (p *Parcel) layout(folder string) error {
	to, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	if p.index != nil {
		return to.AppendIndex(p.index)
	}
	return to.AppendImage(p.image)
}

// archiveFolder writes a folder's files in one tar file, without times and owners: the same image gives the same archive.
func archiveFolder(file, folder string) (err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := tar.NewWriter(f)
	err = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error { // in the order of names
		if err != nil || entry.IsDir() {
			return err
		}
		return archiveFile(w, folder, path)
	})
	return errors.Join(err, w.Close(), f.Sync())
}

func archiveFile(w *tar.Writer, folder, path string) error {
	name, err := filepath.Rel(folder, path)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(name), Size: info.Size(), Mode: 0o644}); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
