package project

import (
	"context"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/history"
)

// Shared keeps what the Dockerfiles of one folder have in common, so that a folder of a thousand of them is read once: its
// files, and what git says about it. It keeps one folder at a time, and is for one goroutine.
type Shared struct{ last *surroundings }

// surroundings are a context folder and its repository.
type surroundings struct {
	root    string
	context *buildctx.Context // without an ignore file

	asked      bool
	repository *Repository
	why        string // there is no repository
	history    *history.History
}

// around is what lies around a Dockerfile whose context is root.
func (s *Shared) around(ctx context.Context, root string) (*surroundings, error) {
	if s != nil && s.last != nil && s.last.root == root {
		return s.last, nil
	}
	tree, err := buildctx.Read(ctx, root)
	if err != nil {
		return nil, err
	}
	around := &surroundings{root: root, context: tree}
	if s != nil {
		s.last = around
	}
	return around, nil
}

// askGit asks git, the first time. What it can't tell of the history is left out: costs from it are an addition.
func (s *surroundings) askGit(ctx context.Context) (r *Repository, why string, h *history.History) {
	if !s.asked {
		s.asked = true
		s.repository, s.why = ReadRepository(ctx, s.context.Root)
		if s.repository != nil && s.repository.Revision != "" {
			s.history, _ = history.Read(ctx, s.context.Root, history.Options{Tip: s.repository.Revision})
		}
	}
	return s.repository, s.why, s.history
}
