// Package layer turns changes of a folder tree into image layers.
package layer

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Snapshot remembers the state of a tree: path (relative, with slashes) → stamp.
type Snapshot map[string]stamp

// stamp changes whenever a file is written, replaced, or changes its mode or
// owner: the kernel sets ctime, and nobody can set it back.
type stamp struct {
	inode uint64
	ctime syscall.Timespec
}

// Scan takes a snapshot of the tree under root, without what never belongs in an image.
func Scan(root string) (Snapshot, error) {
	snap := Snapshot{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || rel == "." {
			return err
		}
		if left(rel) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		snap[rel] = stamp{inode: st.Ino, ctime: st.Ctim}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("scanning %s: %w", root, err)
	}
	return snap, nil
}

// left says which paths never belong in a layer: the contents of the folders
// that a runtime mounts over, its own files, and caches that differ at every build.
func left(path string) bool {
	switch path {
	case "etc/resolv.conf", "etc/hosts", "etc/hostname", "etc/machine-id", ".dockerenv", "var/cache/ldconfig/aux-cache":
		return true
	}
	top, _, below := strings.Cut(path, "/")
	return below && (top == "dev" || top == "proc" || top == "sys" || top == "tmp")
}
