package compose

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// tree is the part of the host that compose files may hand to builds and containers, which may have network: the git work
// tree that their folder lies in or, without git, the folder.
type tree struct {
	root string // absolute, without links
	what string // for messages
}

func treeOf(dir string) tree {
	t := tree{followed(dir), "the folder of the compose file, which git does not know"}
	home, err := os.UserHomeDir()
	if err == nil {
		home = followed(home)
	}
	for at := t.root; ; at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil && at != home { // a home that is in git holds keys
			return tree{at, "the git work tree of the compose file"}
		}
		if at == filepath.Dir(at) {
			return t
		}
	}
}

// followed is a path with its links followed, as far as they can be.
func followed(path string) string {
	whole, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if end, err := filepath.EvalSymlinks(whole); err == nil {
		return end
	}
	return whole
}

// holds reports whether a path ends in the tree when its links are followed. One that is not there holds nothing.
func (t tree) holds(path string) bool {
	whole, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	end, err := filepath.EvalSymlinks(whole)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return local(t.root, end)
}

// local reports whether a path is the folder or lies below it, as they are written.
func local(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
