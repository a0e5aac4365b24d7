// Package buildctx reads a build context: which files a build sees under the
// .dockerignore in force, and how many bytes each COPY ships. Semantics of
// .dockerignore are BuildKit's, through its own library.
package buildctx

import "io/fs"

// Context is a walked build context. It must not be changed.
type Context struct {
	Root string // absolute
	// IgnoreName is the ignore file in force, relative to Root ("Dockerfile.dockerignore"
	// outranks ".dockerignore"); empty when there is none.
	IgnoreName string
	IgnoreText []byte
	// Entries are all files, directories and links under Root, ignored ones
	// included, sorted by path. Links are never followed.
	Entries []Entry
}

// Entry is one file, directory or link.
type Entry struct {
	Path    string // relative to Root, slash-separated
	Size    int64  // bytes of a regular file, else 0
	Mode    fs.FileMode
	Ignored bool // not sent to the builder
}

// Usage is an amount of files.
type Usage struct {
	Files int
	Bytes int64
}
