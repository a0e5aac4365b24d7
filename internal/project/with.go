package project

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/history"
	"github.com/plimsoll/plimsoll/internal/image"
)

// WithBases returns the project with what registries say about its base
// images; reason says why some are missing.
func (p *Project) WithBases(bases map[string]image.Family, reason string) *Project {
	next := *p
	next.Bases, next.BasesError = bases, reason
	return &next
}

// WithHistory returns the project with another history.
func (p *Project) WithHistory(h *history.History) *Project {
	next := *p
	next.History = h
	return &next
}

// WithStepSeconds returns the project with the times of its steps.
func (p *Project) WithStepSeconds(seconds map[string]float64) *Project {
	next := *p
	next.StepSeconds = seconds
	return &next
}

// WithObserved returns the project with what a run of the original showed, which outranks what its files say.
// It stays in force when files are replaced.
func (p *Project) WithObserved(seen *ecosystem.Observed) (*Project, error) {
	next := *p
	next.observed = seen
	return &next, next.detect()
}

// StepKey is what the time of a step is kept under: a digest of what it says, since the text may hold a credential.
func StepKey(text string) string {
	sum := sha256.Sum256([]byte(strings.Join(strings.Fields(text), " ")))
	return hex.EncodeToString(sum[:12])
}

// With returns the project with the texts of files replaced, in memory: the
// Dockerfile is parsed anew, the ignore file decides anew what is sent, and the
// facts are found anew. Other files are only remembered.
func (p *Project) With(files map[string]string) (*Project, error) {
	next := *p
	next.changes = maps.Clone(p.changes)
	if next.changes == nil {
		next.changes = map[string]string{}
	}
	maps.Copy(next.changes, files)
	if text, ok := files[p.IgnorePath]; ok {
		tree, err := p.original.WithIgnore(p.IgnorePath, []byte(text))
		if err != nil {
			return nil, err
		}
		next.Context = tree
	}
	if text, ok := files[p.DockerfilePath]; ok {
		if err := next.parse([]byte(text)); err != nil {
			return nil, err
		}
	}
	return &next, next.detect()
}

// Changes are the texts that With replaced, by path relative to the root.
func (p *Project) Changes() map[string]string { return maps.Clone(p.changes) }

// Exists reports whether a file is there, on disk or by a change in memory.
func (p *Project) Exists(name string) bool {
	if _, changed := p.changes[name]; changed {
		return true
	}
	_, err := os.Lstat(filepath.Join(p.Root, filepath.FromSlash(name)))
	return err == nil
}

// ReadText returns a file's text as it is now, changes in memory included; a
// file that does not exist is empty. Only the Dockerfile, the ignore file and what lies in
// the context can be read.
func (p *Project) ReadText(name string) (string, error) {
	if text, ok := p.changes[name]; ok {
		return text, nil
	}
	switch {
	case name == p.DockerfilePath:
		return string(p.File.Source), nil
	case name == p.IgnorePath:
		return string(p.Context.IgnoreText), nil
	case !fs.ValidPath(path.Clean(name)):
		return "", fmt.Errorf("%s: outside of the context", name)
	}
	f, err := buildctx.OpenRegular(p.Root, filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if errors.Is(err, buildctx.ErrNotRegular) {
		return "", fmt.Errorf("%s: %w", name, buildctx.ErrNotRegular)
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if info.Size() > maxText {
		return "", fmt.Errorf("%s: not a text file of at most %d bytes", name, maxText)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxText))
	return string(text), err
}
