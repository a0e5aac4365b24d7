// Package project holds everything known about one project before any rule
// runs: the Dockerfile, its build context, the application's facts, and the
// base images' variants. A Project is immutable.
package project

import (
	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/history"
	"github.com/plimsoll/plimsoll/internal/image"
)

// Project is one Dockerfile with its context.
type Project struct {
	// Root is the context directory on disk; DockerfilePath and IgnorePath are relative to it.
	Root           string
	DockerfilePath string
	IgnorePath     string // the ignore file in force, or the one that would be created
	File           *dockerfile.File
	Final          *dockerfile.Stage
	// Context is the walked build context; nil when there is none (a Dockerfile on standard input).
	Context *buildctx.Context
	// Facts is nil when no ecosystem recognised the application.
	Facts *ecosystem.Facts
	// Bases maps a base reference as it stands in FROM, expanded, to what
	// the registry says about it; absent when not asked or not reachable.
	Bases map[string]image.Family
	// BasesError says why Bases is empty.
	BasesError string
	// Repository describes the git repository around the context, if any.
	Repository *Repository
	// RepositoryError says why Repository is nil.
	RepositoryError string
	// History are the latest commits of the repository; nil when there are none.
	History *history.History
	// StepSeconds are how long steps took when they were last built without a cache, by StepKey;
	// empty before the first proof.
	StepSeconds map[string]float64

	opts       Options
	observed   *ecosystem.Observed // in a run of the original; nil before one
	original   *buildctx.Context   // as walked, before any ignore file was replaced
	changes    map[string]string
	stageFacts map[*dockerfile.Stage]*ecosystem.Facts // of the stages above Final
}

// FactsOf are the facts about what is installed and built in a stage: the application's for the final
// one, and for another those that an image of that stage would have. Nil when no ecosystem recognised it.
func (p *Project) FactsOf(stage *dockerfile.Stage) *ecosystem.Facts {
	if stage == p.Final {
		return p.Facts
	}
	return p.stageFacts[stage]
}

// AllFacts are the facts of all stages that have some, in the order of the stages.
func (p *Project) AllFacts() (all []*ecosystem.Facts) {
	for _, stage := range p.File.Stages {
		if facts := p.FactsOf(stage); facts != nil {
			all = append(all, facts)
		}
	}
	return all
}
