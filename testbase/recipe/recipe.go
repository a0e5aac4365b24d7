// Package recipe is the data that stand-ins are made of: which images there
// are, which packages and commands make each of their layers, which Python
// packages the index offers. It does nothing itself.
package recipe

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"sort"
	"strings"
	"time"
)

//go:embed scripts
var scripts embed.FS

// Rootfs are the files that Debian's images add to the plain distribution.
//
//go:embed all:rootfs
var Rootfs embed.FS

// Suite and Mirror are where packages come from: the names that official images carry.
const (
	Suite  = "bookworm"
	Mirror = "http://deb.debian.org/debian"
)

// Epoch is the latest time that a file in an image carries.
var Epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// Script returns one of the shell scripts by its name without ".sh"; for a name that there is not, one
// that says so and fails.
func Script(name string) string {
	text, err := scripts.ReadFile("scripts/" + name + ".sh")
	if err != nil {
		return fmt.Sprintf("echo 'testbase has no script %q' >&2; exit 1\n", name)
	}
	return string(text)
}

// Key hashes everything given: strings as they are, file trees with their
// names, anything else as %#v prints it. The same input gives the same key.
func Key(parts ...any) string {
	sum := sha256.New()
	for _, part := range parts {
		var text string
		switch p := part.(type) {
		case string:
			text = p
		case fs.FS:
			text = treeText(p)
		default:
			text = fmt.Sprintf("%#v", p)
		}
		fmt.Fprintf(sum, "%d:%s\n", len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func treeText(tree fs.FS) string {
	var files []string
	err := fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tree, path)
		files = append(files, fmt.Sprintf("%q=%q", path, text))
		return err
	})
	if err != nil { // whoever writes the files out hears of it
		files = append(files, err.Error())
	}
	sort.Strings(files)
	return strings.Join(files, "\n")
}
