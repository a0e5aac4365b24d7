// Package buildctx reads a build context: which files a build sees under the
// .dockerignore in force, and how many bytes each COPY ships. Semantics of
// .dockerignore are BuildKit's, through its own library.
//
// The Dockerfile and the ignore file may themselves be ignored: BuildKit reads
// both through a channel of their own, so that ignoring them only keeps them
// out of what COPY sees. Ignored has that meaning here too.
package buildctx

import "io/fs"

// Context is a walked build context. It must not be changed.
type Context struct {
	Root string // absolute, links resolved
	// IgnoreName is the ignore file in force, relative to Root ("Dockerfile.dockerignore"
	// outranks ".dockerignore"); empty when there is none.
	IgnoreName string
	IgnoreText []byte
	// Entries are all files, directories and links under Root, ignored ones
	// included, sorted by path in tree order: a directory is directly followed by
	// everything below it ("a", "a/x", "a-b"). Links are never followed.
	Entries []Entry

	problems []Problem
}

// Entry is one file, directory or link.
type Entry struct {
	Path    string // relative to Root, slash-separated
	Size    int64  // bytes of a regular file, else 0
	Mode    fs.FileMode
	Ignored bool // not sent to the builder
}

// Usage is an amount of files: everything but directories counts as a file,
// and only regular files have bytes.
type Usage struct {
	Files int
	Bytes int64
}

// Problem is a directory of the context that could not be read.
type Problem struct {
	Path string // relative to the context's root
	Err  error
}
