package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/registry"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/rules"
)

// sources say where facts about base images come from.
type sources struct {
	offline bool
	mirrors map[string]string
	access  *registry.Access
}

// load reads a project and looks its base images up.
func load(ctx context.Context, s *subject, from sources) (*project.Project, error) {
	p, err := project.Load(ctx, s.path, s.options)
	if err != nil {
		return nil, readFailure(s.path, err)
	}
	bases, reason := lookupBases(ctx, p, from)
	return p.WithBases(bases, reason).WithStepSeconds(loadStepTimes(p)), nil
}

// readFailure tells a project that can't be read as what it is for its author.
func readFailure(path string, err error) error {
	var syntax *dockerfile.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	f := &report.Failure{Stage: "reading", Message: syntax.Message, File: syntax.File, Line: syntax.Line, Source: redact(syntax.Source), Hint: syntax.Hint, Err: err}
	if info, statErr := os.Stat(path); statErr == nil && !info.IsDir() {
		f.File = path
	} else if statErr == nil {
		f.File = filepath.Join(path, filepath.Base(syntax.File))
	}
	return f
}

// lookupBases asks for the variants of each base image, side by side. What
// could not be found out is said in reason.
func lookupBases(ctx context.Context, p *project.Project, from sources) (map[string]image.Family, string) {
	opts := image.Options{Mirrors: from.mirrors, Access: from.access, Platform: p.File.Platform(), Offline: from.offline, CacheDir: cacheDir("registry")}
	bases := map[string]image.Family{}
	var reasons []string
	var mu sync.Mutex
	var group errgroup.Group
	for _, ref := range baseReferences(p) {
		group.Go(func() error {
			family, err := image.Lookup(ctx, ref, opts)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				reasons = append(reasons, fmt.Sprintf("%s: %v", ref, err))
				return nil
			}
			bases[ref] = family
			return nil
		})
	}
	_ = group.Wait() // what failed is in reasons
	slices.Sort(reasons)
	return bases, strings.Join(reasons, "; ")
}

func baseReferences(p *project.Project) []string {
	var refs []string
	for _, stage := range p.File.Stages {
		ref := p.File.BaseOf(stage)
		if stage.Parent == nil && ref != "scratch" && ref != "" && !strings.Contains(ref, "$") && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// cacheDir is a folder in the user's cache; empty when there is none.
func cacheDir(name string) string {
	base, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(base, "plimsoll", name)
}

// chosenRules are the rules named by their IDs or the last parts of these; all when none is named.
func chosenRules(ids []string) ([]*rule.Rule, error) {
	all := rules.All()
	if len(ids) == 0 {
		return all, nil
	}
	var chosen []*rule.Rule
	for _, id := range ids {
		i := slices.IndexFunc(all, func(r *rule.Rule) bool { return r.ID == id || strings.HasSuffix(r.ID, "/"+id) })
		if i < 0 {
			return nil, &report.Failure{Message: fmt.Sprintf("there is no rule %q", id), Hint: "plimsoll explain lists them"}
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// rewritingRules are the chosen rules, with the one that writes digests if that is wanted.
func rewritingRules(ids []string, pin bool) ([]*rule.Rule, error) {
	rs, err := chosenRules(ids)
	if err != nil || !pin {
		return rs, err
	}
	return rules.Pinning(rs), nil
}

// newReport begins the report on a project.
func newReport(version string, p *project.Project) *report.Report {
	r := report.New(version, displayPath(filepath.Join(p.Root, filepath.FromSlash(p.DockerfilePath))))
	r.Root = displayPath(p.Root)
	r.Sources = map[string]string{p.DockerfilePath: string(p.File.Source)}
	return r
}

// displayPath shortens a path to how the user would name it.
func displayPath(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || strings.HasPrefix(rel, "..") {
		return path
	}
	return rel
}
