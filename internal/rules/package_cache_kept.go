package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var packageCacheKept = &rule.Rule{
	ID:       "size/package-cache-kept",
	Severity: finding.Warning,
	Safety:   finding.Safe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "A package manager's cache stays in the layer.",
		What:    "A RUN installs packages and leaves the lists or archives that it downloaded behind.",
		Why:     "What is cached in a layer ships with it and is never used again. Deleting it in a later RUN does not make the image smaller.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpq5
RUN pip install flask==2.2.2
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir flask==2.2.2
`,
		Fix:   "Adds the flag that keeps no cache where the manager has one, else removes the cache at the end of the same RUN.",
		Proof: "The same packages are installed; only the cache is missing from the layer.",
		Links: []string{"https://docs.docker.com/build/building/best-practices/#apt-get"},
	},
	Check: checkPackageCacheKept,
}

func checkPackageCacheKept(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		if !ships(p, stage) {
			continue
		}
		steps := runSteps(p, stage)
		for i, step := range steps {
			for _, m := range step.managers() {
				if !keepsCache(p, step, m) || deletedBelow(steps[i+1:], m) || runsFromCache(p, m.name) {
					continue
				}
				f := finding.Finding{
					Span:    step.inst.Span,
					Message: fmt.Sprintf("%s leaves its cache (%s) in the layer: %s", m.name, strings.Join(m.caches, ", "), m.remedy()),
				}
				if line := laterInstall(p, stage, steps[i+1:], m); line > 0 && m.noCache == "" {
					f.Refused = fmt.Sprintf("line %d installs with the package lists of this step: run %s %s there too, and %s", line, m.programs[0], m.refresh, m.remedy())
				} else if f.Fix = dropCache(p, step, m); f.Fix == nil {
					f.Refused = "a command can't be joined to the end of this step: " + m.remedy() + " by hand"
				}
				p.Report(f)
			}
		}
	}
	return nil
}

// runsFromCache reports whether the application loads its packages from where the manager keeps what it downloads.
func runsFromCache(p *rule.Pass, manager string) bool {
	return slices.ContainsFunc(p.AllFacts(), func(f *ecosystem.Facts) bool { return f.RunsFromCache.Value == manager })
}

// managers are those whose install commands the step runs, each once.
func (s *runStep) managers() []*manager {
	var ms []*manager
	for _, c := range s.installs {
		if !slices.Contains(ms, c.manager) {
			ms = append(ms, c.manager)
		}
	}
	return ms
}

func (m *manager) remedy() string {
	if m.noCache != "" {
		return "add " + m.noCache
	}
	return "end the same RUN with " + m.clean
}

// keepsCache reports whether anything that the manager downloads stays: no
// flag, no variable, no cache mount and no deletion in the same RUN.
func keepsCache(p *rule.Pass, step *runStep, m *manager) bool {
	if len(m.caches) == 0 || m.refresh != "" && m.noCache == "" && !hasUpdate(step, m) || mountsCache(p, step, m) {
		return false
	}
	if m.noCacheEnv != "" {
		state := p.File.StateBefore(step.inst)
		if v, ok := state.EnvVar(m.noCacheEnv); ok && !slices.Contains([]string{"", "0", "off", "false"}, v.Value) {
			return false
		}
	}
	if m.noCache != "" {
		return slices.ContainsFunc(step.installs, func(c installCommand) bool {
			return c.manager == m && !hasWord(c, m.noCache)
		}) && !deletes(step, m)
	}
	return !deletes(step, m)
}

// mountsCache reports whether a mount takes what the manager downloads, at the
// place that a variable names too.
func mountsCache(p *rule.Pass, step *runStep, m *manager) bool {
	state := p.File.StateBefore(step.inst)
	dirs := m.caches
	if v, ok := state.EnvVar(m.cacheDirEnv); ok {
		dirs = []string{strings.TrimSuffix(v.Value, "/")}
	}
	for _, f := range step.inst.Flags {
		if f.Name == "mount" && slices.ContainsFunc(dirs, func(dir string) bool { return coversTarget(state.Expand(step.inst, f.Value), dir) }) {
			return true
		}
	}
	return false
}

// coversTarget reports whether a --mount value is a cache or tmpfs over a directory.
func coversTarget(mount, dir string) bool {
	isCache, target := false, ""
	for field := range strings.SplitSeq(mount, ",") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "type":
			isCache = value == "cache" || value == "tmpfs"
		case "target", "dst", "destination":
			target = strings.TrimSuffix(value, "/")
		}
	}
	if home, ok := strings.CutPrefix(dir, "/root/"); ok && isCache && strings.HasSuffix(target, "/"+home) {
		return true // another user's
	}
	return isCache && target != "" && (dir == target || strings.HasPrefix(dir, target+"/"))
}

// deletedBelow reports whether a later step only deletes the cache: that is size/deleted-later's matter.
func deletedBelow(later []*runStep, m *manager) bool {
	return slices.ContainsFunc(later, func(s *runStep) bool { return m.cachedIn(deletesOnly(s)) })
}

// cachedIn reports whether one of the paths holds a cache of the manager.
func (m *manager) cachedIn(paths []string) bool {
	for _, t := range paths {
		t = strings.TrimRight(strings.TrimRight(t, "*"), "/")
		if strings.HasPrefix(t, "~/") {
			t = "/root" + t[1:]
		}
		for _, dir := range m.caches {
			if t != "" && (t == dir || strings.HasPrefix(dir, t+"/")) {
				return true
			}
		}
	}
	return false
}

// deletes reports whether a step empties the cache itself.
func deletes(step *runStep, m *manager) bool {
	for _, c := range step.script.Commands() {
		name, rest := program(c)
		var words []string
		for _, w := range rest {
			words = append(words, w.Text)
		}
		switch {
		case name == "rm" || name == "find" && slices.Contains(words, "-delete"):
			if m.cachedIn(words) {
				return true
			}
		case managerOf(name, rest) == m && m.purge != "" && strings.HasPrefix(strings.Join(words, " "), m.purge):
			return true
		}
	}
	return false
}

func hasWord(c installCommand, flag string) bool {
	return slices.ContainsFunc(c.Words, func(w shellWord) bool { return w.Text == flag })
}

func dropCache(p *rule.Pass, step *runStep, m *manager) *finding.Fix {
	fix := &finding.Fix{Title: "Keep no " + m.name + " cache in the layer", Safety: finding.Safe}
	if m.noCache == "" {
		at := endOfScript(p, step)
		if at < 0 {
			return nil
		}
		fix.Edits = []edit.Edit{p.Insert(at, joined(p, step.inst, m.clean))}
		return fix
	}
	for _, c := range step.installs {
		if c.manager == m && !hasWord(c, m.noCache) {
			fix.Edits = append(fix.Edits, addFlag(p, step, c, m.noCache))
		}
	}
	return fix
}
