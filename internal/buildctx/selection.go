package buildctx

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"

	"github.com/moby/patternmatcher/ignorefile"
)

// Selection decides path by path what a COPY or ADD takes, without a context on
// disk: for trees that are only known from a history. A path is taken or not whatever
// else there is, but where a source leads through a link.
type Selection struct {
	ignore  patternSet
	sources []string
	opts    CopyOptions
}

// NewSelection reads an ignore file's text, and the sources and flags of a COPY.
func NewSelection(ignore []byte, sources []string, opts CopyOptions) (*Selection, error) {
	patterns, err := ignorefile.ReadAll(bytes.NewReader(ignore))
	if err != nil {
		return nil, fmt.Errorf("reading the ignore file: %w", err)
	}
	set, err := compile(patterns)
	if err != nil {
		return nil, fmt.Errorf("reading the ignore file: %w", err)
	}
	if _, err := compile(opts.Exclude); err != nil {
		return nil, fmt.Errorf("reading --exclude: %w", err)
	}
	return &Selection{ignore: set, sources: sources, opts: opts}, nil
}

// Takes reports whether the file or link at a path is sent to the builder and taken.
func (s *Selection) Takes(path string, mode fs.FileMode) (bool, error) {
	entries := append(parents(path), Entry{Path: path, Mode: mode})
	if err := s.ignore.markIgnored(entries); err != nil {
		return false, fmt.Errorf("applying the ignore file: %w", err)
	}
	if entries[len(entries)-1].Ignored {
		return false, nil
	}
	alone := Context{Entries: entries}
	copied, err := alone.Copied(s.sources, s.opts)
	return err == nil && copied.Files > 0, err
}

// parents are the directories above a path, as entries in tree order.
func parents(path string) (dirs []Entry) {
	for i := range len(path) {
		if path[i] == '/' {
			dirs = append(dirs, Entry{Path: path[:i], Mode: fs.ModeDir | 0o755})
		}
	}
	return dirs
}

// Through reports whether a source of the COPY is the path itself, or leads through
// it: a link there is followed to where it points.
func (s *Selection) Through(path string) bool {
	for _, source := range s.sources {
		fixed, _ := splitWildcards(cleanPath(source))
		if fixed == path || strings.HasPrefix(fixed, path+"/") {
			return true
		}
	}
	return false
}
