package layer

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Info describes a layer that was written.
type Info struct {
	Digest string `json:"digest"`  // of the compressed form, "sha256:…"
	DiffID string `json:"diff_id"` // of the tar
	Size   int64  `json:"size"`    // bytes, compressed
	Bytes  int64  `json:"bytes"`   // sum of the files' sizes, as Docker counts an image
	Files  int    `json:"files"`
}

// WriteChanges writes what changed under root since before as a gzipped tar
// into the folder blobs, under its digest, and returns the tree's new snapshot.
// A nil before takes the whole tree. Times after epoch are set to epoch.
func WriteChanges(root string, before Snapshot, blobs string, epoch time.Time) (Info, Snapshot, error) {
	after, err := Scan(root)
	if err != nil {
		return Info{}, nil, err
	}
	info, err := writeBlob(blobs, func(w io.Writer) (Info, error) {
		t := &treeWriter{tar: tar.NewWriter(w), root: root, epoch: epoch, links: map[uint64]string{}}
		return t.write(changed(before, after), removed(before, after))
	})
	return info, after, err
}

// changed lists the paths that are new or not as they were, in order.
func changed(before, after Snapshot) []string {
	var paths []string
	for p, now := range after {
		if was, ok := before[p]; !ok || was != now {
			paths = append(paths, p)
		}
	}
	sort.Strings(paths)
	return paths
}

// removed lists the paths that are gone, leaving out what lies below a removed folder.
func removed(before, after Snapshot) []string {
	var paths []string
	for p := range before {
		if _, ok := after[p]; ok {
			continue
		}
		if _, parentWas := before[path.Dir(p)]; parentWas {
			if _, parentIs := after[path.Dir(p)]; !parentIs {
				continue
			}
		}
		paths = append(paths, p)
	}
	sort.Strings(paths)
	return paths
}

// writeBlob compresses what write produces into a file named by its digest.
func writeBlob(blobs string, write func(io.Writer) (Info, error)) (Info, error) {
	f, err := os.CreateTemp(blobs, ".layer-*")
	if err != nil {
		return Info{}, fmt.Errorf("making a layer file: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	packed := &counter{w: f, sum: sha256.New()}
	zip := gzip.NewWriter(packed)
	plain := &counter{w: zip, sum: sha256.New()}
	info, err := write(plain)
	if err != nil {
		return Info{}, fmt.Errorf("writing a layer: %w", err)
	}
	if err := zip.Close(); err != nil {
		return Info{}, fmt.Errorf("compressing a layer: %w", err)
	}
	if err := f.Close(); err != nil {
		return Info{}, fmt.Errorf("writing a layer: %w", err)
	}
	info.Digest, info.DiffID, info.Size = packed.digest(), plain.digest(), packed.n
	name := filepath.Join(blobs, strings.TrimPrefix(info.Digest, "sha256:"))
	if err := os.Chmod(f.Name(), 0o644); err != nil {
		return Info{}, err
	}
	return info, os.Rename(f.Name(), name)
}

type counter struct {
	w   io.Writer
	sum hash.Hash
	n   int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.sum.Write(p[:n])
	c.n += int64(n)
	return n, err
}

func (c *counter) digest() string { return "sha256:" + hex.EncodeToString(c.sum.Sum(nil)) }

type treeWriter struct {
	tar   *tar.Writer
	root  string
	epoch time.Time
	links map[uint64]string // inode → first path written, for hard links
	info  Info
}

func (t *treeWriter) write(changed, removed []string) (Info, error) {
	for _, p := range changed {
		if err := t.add(p); err != nil {
			return Info{}, fmt.Errorf("adding %s: %w", p, err)
		}
	}
	for _, p := range removed {
		dir, name := path.Split(p)
		whiteout := &tar.Header{Typeflag: tar.TypeReg, Name: dir + ".wh." + name, ModTime: t.epoch}
		if err := t.tar.WriteHeader(whiteout); err != nil {
			return Info{}, fmt.Errorf("marking %s as removed: %w", p, err)
		}
	}
	return t.info, t.tar.Close()
}

func (t *treeWriter) add(p string) error {
	full := filepath.Join(t.root, p)
	fi, err := os.Lstat(full)
	if err != nil {
		return err
	}
	head, err := t.header(p, full, fi)
	if err != nil {
		return err
	}
	if err := t.tar.WriteHeader(head); err != nil {
		return err
	}
	t.info.Files++
	if head.Typeflag != tar.TypeReg {
		return nil
	}
	t.info.Bytes += head.Size
	return copyFile(t.tar, full)
}

// header leaves out what differs between machines: names of users, sub-second
// times, times of the build itself.
func (t *treeWriter) header(p, full string, fi os.FileInfo) (*tar.Header, error) {
	link := ""
	if fi.Mode()&os.ModeSymlink != 0 {
		var err error
		if link, err = os.Readlink(full); err != nil {
			return nil, err
		}
	}
	head, err := tar.FileInfoHeader(fi, link)
	if err != nil {
		return nil, err
	}
	head.Name = p
	if fi.IsDir() {
		head.Name += "/"
	}
	head.Uname, head.Gname = "", ""
	head.AccessTime, head.ChangeTime = time.Time{}, time.Time{}
	head.ModTime = head.ModTime.Truncate(time.Second)
	if head.ModTime.After(t.epoch) {
		head.ModTime = t.epoch
	}
	st := fi.Sys().(*syscall.Stat_t)
	if fi.Mode().IsRegular() && st.Nlink > 1 {
		if first, ok := t.links[st.Ino]; ok {
			head.Typeflag, head.Linkname, head.Size = tar.TypeLink, first, 0
		} else {
			t.links[st.Ino] = p
		}
	}
	return head, nil
}

func copyFile(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
