package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
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
		steps := runSteps(p, stage)
		for i, step := range steps {
			for _, m := range step.managers() {
				if !keepsCache(p, step, m) || deletedBelow(steps[i+1:], m) {
					continue
				}
				f := finding.Finding{
					Span:    step.inst.Span,
					Message: fmt.Sprintf("%s leaves its cache (%s) in the layer: %s", m.name, strings.Join(m.caches, ", "), m.remedy()),
					Fix:     dropCache(p, step, m),
				}
				if f.Fix == nil {
					f.Refused = "a command can't be joined to the end of this step: " + m.remedy() + " by hand"
				}
				p.Report(f)
			}
		}
	}
	return nil
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
	for _, f := range step.inst.Flags {
		if f.Name == "mount" && slices.ContainsFunc(m.caches, func(dir string) bool { return coversTarget(f.Value, dir) }) {
			return false
		}
	}
	if m.noCacheEnv != "" {
		state := p.File.StateBefore(step.inst)
		if v, ok := state.EnvVar(m.noCacheEnv); ok && !slices.Contains([]string{"", "0", "off", "false"}, v.Value) {
			return false
		}
	}
	text := p.Text(step.inst.Span)
	if m.noCache != "" {
		return slices.ContainsFunc(step.installs, func(c installCommand) bool {
			return c.manager == m && !hasWord(c, m.noCache)
		}) && !deletes(text, m)
	}
	return !deletes(text, m)
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
	return isCache && target != "" && (dir == target || strings.HasPrefix(dir, target+"/"))
}

// deletedBelow reports whether a later step only deletes the cache: that is size/deleted-later's matter.
func deletedBelow(later []*runStep, m *manager) bool {
	return slices.ContainsFunc(later, func(s *runStep) bool {
		_, filled := filler([]*runStep{{installs: []installCommand{{manager: m}}}}, deletesOnly(s))
		return filled != nil
	})
}

func deletes(text string, m *manager) bool {
	return slices.ContainsFunc(m.caches, func(dir string) bool {
		i := strings.Index(text, "rm -")
		return i >= 0 && (strings.Contains(text[i:], dir) || strings.Contains(text[i:], "~"+strings.TrimPrefix(dir, "/root")))
	})
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
		fix.Edits = []edit.Edit{p.Insert(at, " && "+m.clean)}
		if strings.Contains(p.Text(step.inst.Rest), "\n") {
			fix.Edits = []edit.Edit{p.Insert(at, " "+string(p.File.Escape)+"\n"+indentOf(p, step.inst)+"&& "+m.clean)}
		}
		return fix
	}
	for _, c := range step.installs {
		if c.manager == m && !hasWord(c, m.noCache) {
			fix.Edits = append(fix.Edits, p.Insert(c.verbEnd(), " "+m.noCache))
		}
	}
	return fix
}

// endOfScript is the offset behind the last command of a shell-form RUN; -1
// when a command can't be added there.
func endOfScript(p *rule.Pass, step *runStep) int {
	commands := step.script.Commands()
	if step.inst.JSON || len(step.inst.Heredocs) > 0 || len(commands) == 0 {
		return -1
	}
	last := commands[len(commands)-1]
	if last.Depth > 0 || last.Op == "||" || last.Span.End != step.inst.Rest.End {
		return -1
	}
	return last.Span.End
}

// indentOf is the indentation of the last continuation line of an instruction.
func indentOf(p *rule.Pass, inst *dockerfile.Instruction) string {
	text := p.Text(inst.Rest)
	last := text[strings.LastIndexByte(text, '\n')+1:]
	return last[:len(last)-len(strings.TrimLeft(last, " \t"))]
}
