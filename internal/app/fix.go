package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/plan"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/rewrite"
)

// Fix rewrites a project in memory and, if asked to, on disk. Nothing is
// built: edits that want a proof are in the plan as unproven.
func Fix(ctx context.Context, opts FixOptions) (*report.Report, error) {
	rs, err := rewritingRules(opts.Rules, opts.Pin)
	if err != nil {
		return nil, err
	}
	subject, err := subjectOf(opts.Path, opts.ComposeOptions, dockerfile.Build{Target: opts.Target, Args: opts.BuildArgs, Platform: opts.Platform})
	if err != nil {
		return nil, err
	}
	p, err := load(ctx, subject, sources{opts.Offline, opts.Mirrors, opts.Access})
	if err != nil {
		return nil, err
	}
	res, err := rewrite.Run(p, rs, rewrite.Options{SafeOnly: opts.Safe, Accept: offered(p, opts)})
	if err != nil {
		return nil, err
	}
	r := newReport(opts.Version, p)
	subject.tell(r)
	fill(r, res.Found)
	r.Plan, r.Verdict = res.Plan, report.Unproven
	if !res.Plan.Changed() {
		r.Verdict = report.Unchanged
	}
	wanted := opts.Write
	if !wanted && opts.Confirm != nil && res.Plan.Changed() {
		if wanted, err = opts.Confirm(r); err != nil {
			return r, err
		}
	}
	if wanted && res.Plan.Changed() {
		if r.Written, err = write(p, res.Plan); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// offered asks the options' Accept about each fix; nil when there is none.
func offered(p *project.Project, opts FixOptions) func(rewrite.Offer) (bool, error) {
	if opts.Accept == nil {
		return nil
	}
	return func(o rewrite.Offer) (bool, error) {
		r := newReport(opts.Version, p)
		r.Plan, r.Findings, r.Secrets = o.Plan(), []finding.Finding{o.Finding}, o.Secrets
		return opts.Accept(r)
	}
}

// write replaces the plan's files on disk, each at once; a file that changed
// since it was read stops it before anything is written.
func write(p *project.Project, pl *plan.Plan) (written []string, err error) {
	names := slices.Sorted(maps.Keys(pl.After))
	for _, name := range names {
		if err := unchanged(p, pl, name); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if pl.Before[name] == pl.After[name] {
			continue
		}
		if err := replace(filepath.Join(p.Root, filepath.FromSlash(name)), pl.After[name]); err != nil {
			return written, fmt.Errorf("writing %s: %w", name, err)
		}
		written = append(written, name)
	}
	return written, nil
}

func unchanged(p *project.Project, pl *plan.Plan, name string) error {
	now, err := os.ReadFile(filepath.Join(p.Root, filepath.FromSlash(name)))
	before, existed := pl.Before[name]
	switch {
	case os.IsNotExist(err) && !existed:
		return nil
	case err != nil:
		return fmt.Errorf("writing %s: %w", name, err)
	case !existed || string(now) != before:
		return fmt.Errorf("writing %s: it changed since it was read: run again", name)
	}
	return nil
}

// replace writes a file beside the old one and renames it over it, so that
// a crash leaves one of the two whole. The mode stays; a link's target is replaced.
func replace(path, text string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	f, err := createBeside(path)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already when all went well
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// createBeside makes the file that is to take another one's place. It always has the same name: one that a
// killed run left does not stay.
func createBeside(path string) (*os.File, error) {
	name := filepath.Join(filepath.Dir(path), "."+strings.TrimPrefix(filepath.Base(path), ".")+".plimsoll")
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	f, err := os.OpenFile(name, flags, 0o600)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if err := os.Remove(name); err != nil {
		return nil, err
	}
	return os.OpenFile(name, flags, 0o600)
}

// writable tells, before anything is built, whether files can be replaced.
func writable(p *project.Project, pl *plan.Plan) error {
	for _, name := range slices.Sorted(maps.Keys(pl.After)) {
		if pl.Before[name] == pl.After[name] {
			continue
		}
		path := filepath.Join(p.Root, filepath.FromSlash(name))
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
		f, err := createBeside(path)
		if err != nil {
			return fmt.Errorf("%s can't be written, and nothing was built: %w (prove without --write shows the changes)", name, err)
		}
		if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
			return err
		}
	}
	return nil
}
