package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
)

// What was installed goes to the runner from a stage of its own, next to the one that builds, and without development
// dependencies where they are taken out, so that a change of the source leaves it in the cache:
//
//	dependencies (installs) ─┬─ production (prunes) ─┐
//	                         └─ builder (builds) ────┴─ runner
//
// That is sound where installing is all that stands above, and building leaves what was installed as it is.

// installed is the last instruction that installs dependencies when the stage can end there, else nil.
func (s *split) installed() *dockerfile.Instruction {
	if len(s.bundle.Installed) == 0 || len(s.p.Facts.Builds) == 0 || s.p.Facts.InstallReadsSource.Known() {
		return nil
	}
	var last *dockerfile.Instruction
	for _, inst := range s.before() {
		if step := s.steps[inst]; step != nil && s.installs(step) {
			last = inst
		}
	}
	if last == nil {
		return nil
	}
	for _, inst := range s.before() {
		if inst.Index <= last.Index && (copies(inst) && !bringsManifests(s.p, inst) && (copiesSource(s.p, inst) || !s.outside(inst)) || s.built[inst]) {
			return nil // it would be done anew with every change of the source
		}
		if inst.Index > last.Index && s.changesInstalled(inst) {
			return nil
		}
	}
	return last
}

// Names of the stages, of which none may be the author's.
func (s *split) dependenciesName() string {
	return s.freeName("dependencies", "packages", "installed-packages")
}
func (s *split) productionName() string {
	return s.freeName("production", "production-dependencies", "production-packages")
}

// installedName is the stage that the runner takes what was installed from.
func (s *split) installedName() string {
	if s.bundle.Prune == "" {
		return s.dependenciesName()
	}
	return s.productionName()
}

// freeName is the first of names that no stage of the file has.
func (s *split) freeName(names ...string) string {
	for _, name := range names {
		if !slices.ContainsFunc(s.p.File.Stages, func(t *dockerfile.Stage) bool { return strings.EqualFold(t.Name, name) }) {
			return name
		}
	}
	return names[len(names)-1] + "-2"
}

// buildApart ends the stage that installs, prunes in the next where there is something to take out, and begins the one that builds.
func (s *split) buildApart(installed *dockerfile.Instruction) edit.Edit {
	from := func(name string) string {
		return fmt.Sprintf("\n%s %s %s %s\n", s.keyword("FROM"), s.dependenciesName(), s.keyword("AS"), name)
	}
	text := ""
	if s.bundle.Prune != "" {
		text = from(s.productionName()) + s.prune(installed)
	}
	return s.p.Insert(s.p.File.Lines(installed.Span).End, text+from(s.builderName()))
}

// prune is the instruction that takes development dependencies out, below another one.
func (s *split) prune(above *dockerfile.Instruction) string {
	command := s.bundle.Prune
	if dir := s.bundle.PruneDir; dir != "" && dir != s.p.File.StateBefore(above).Workdir {
		command = "cd " + dir + " && " + command
	}
	return s.keyword("RUN") + " " + command + "\n"
}

// besides is where the builder puts what is left of a folder in the root.
const besides = "/runner"

// dropInstalled takes what the runner gets from elsewhere out of the stage that builds. A folder in the root is put into another
// then: to tell whether a COPY is cached, BuildKit goes through all that lies beside what is copied, here all of the image.
func (s *split) dropInstalled() string {
	why, command := "The runner gets it from the stage that installs", s.bundle.Drop
	if s.bundle.Prune != "" {
		why = "The runner gets it without development dependencies"
	}
	for _, c := range s.bundle.Carries {
		if s.builtAt(c.From) != c.From {
			why += "; what is built lies apart, since COPY looks through all that lies beside it"
			command += " && mkdir " + besides + " && mv " + c.From + " " + besides + "/"
		}
	}
	return fmt.Sprintf("# %s.\n%s %s\n", why, s.keyword("RUN"), command)
}

// builtAt is where the builder has what the runner copies from a place.
func (s *split) builtAt(place string) string {
	if s.installed() != nil && path.Dir(place) == "/" {
		return besides + place
	}
	return place
}
