package rules

import (
	"fmt"
	"slices"
	"strings"
)

// systemPackages are the distribution's packages that are installed above the cut and not taken out again; ok is false when
// they are not all known by name.
func (s *split) systemPackages() (names []string, ok bool) {
	for _, inst := range s.before() {
		step := s.steps[inst]
		if step == nil {
			continue
		}
		for _, c := range step.installs {
			if !c.manager.system || s.takenOut(c) {
				continue
			}
			more, literal := c.packages()
			if !literal {
				return nil, false
			}
			names = append(names, more...)
		}
	}
	return names, true
}

// takenOut reports whether a command above the cut deletes the group of packages that an apk add makes.
func (s *split) takenOut(c installCommand) bool {
	group := c.virtual()
	if group == "" {
		return false
	}
	for _, inst := range s.before() {
		if step := s.steps[inst]; step == nil || step.script == nil {
			continue
		}
		for _, other := range s.steps[inst].script.Commands() {
			name, rest := program(other)
			if name == "apk" && verb(rest) == "del" && slices.ContainsFunc(rest, func(w shellWord) bool { return w.Text == group }) {
				return true
			}
		}
	}
	return false
}

// buildPackages are those that only compile.
func (s *split) buildPackages() []string {
	names, _ := s.systemPackages()
	return slices.DeleteFunc(names, func(n string) bool { return !s.compiles(n) })
}

// compiles reports whether a package serves only to compile. Which package of Alpine has the shared library that belongs to some
// headers is not known, so that those stay: they bring it.
func (s *split) compiles(name string) bool {
	if s.system() == "alpine" {
		name = name[:len(name)-len(strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz0123456789+-_"))]
		return buildTools[name] || alpineTools[name]
	}
	return buildOnly(name)
}

// alpineTools are packages of Alpine that only compile and that Debian does not have, or has under other names.
var alpineTools = map[string]bool{"build-base": true, "alpine-sdk": true, "linux-headers": true, "musl-dev": true, "libc-dev": true}

// runPackages are the distribution's packages that the runner needs: those that
// were installed and do more than compile, and the shared libraries of
// dependencies that are compiled here. A runner that starts a program of its own needs none.
func (s *split) runPackages() []string {
	if r := s.bundle.Runner; r != nil && r.Start != nil {
		return nil
	}
	names, _ := s.systemPackages()
	names = slices.DeleteFunc(names, s.compiles)
	if s.system() != "alpine" {
		names = append(names, s.debianPackages()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// debianPackages are those that the application needs by what its ecosystem knows, or a run showed. Alpine has others.
func (s *split) debianPackages() (names []string) {
	for _, n := range s.p.Facts.Native {
		names = append(names, n.Value.RunDebian...)
	}
	for _, n := range s.p.Facts.RunPackages {
		names = append(names, n.Value)
	}
	return names
}

// managerAbove is the program that installs packages of the distribution above the cut; empty when none does, "several" when not one alone.
func (s *split) managerAbove() (name string) {
	for _, inst := range s.before() {
		if step := s.steps[inst]; step != nil {
			for _, c := range step.installs {
				switch {
				case !c.manager.system || c.manager.name == name:
				case name == "":
					name = c.manager.name
				default:
					return "several"
				}
			}
		}
	}
	return name
}

// system is the distribution whose packages the runner installs, by what installs above the cut or else its base; "" when it is
// not known.
func (s *split) system() string {
	switch manager := s.managerAbove(); {
	case manager == "apt":
		return "debian"
	case manager == "apk":
		return "alpine"
	case manager != "":
		return ""
	case s.bundle.Runner != nil && strings.HasPrefix(s.bundle.Runner.Base, "debian:"):
		return "debian"
	}
	return distribution(s.p, s.stage)
}

// refusesPackages says why the packages that the runner needs can't be installed there.
func (s *split) refusesPackages() string {
	if _, ok := s.systemPackages(); !ok {
		return "which packages are installed depends on a variable, a file or another repository: name them"
	}
	names := s.runPackages()
	if len(names) == 0 || s.bare() {
		return ""
	}
	list := strings.Join(names, ", ")
	r := s.bundle.Runner
	switch system := s.system(); {
	case system == "":
		return fmt.Sprintf("the runner needs %s, and which distribution %s stands on is not known: name a tag that tells, or split by hand", list, s.stage.Base)
	case r != nil && (system != "debian" || !strings.HasPrefix(r.Base, "debian:")):
		return fmt.Sprintf("the runner needs %s, packages of %s, which %s can't install: leave out what only the build needs, or split by hand", list, s.stage.Base, r.Base)
	}
	return ""
}

func (s *split) installRunPackages() string {
	names := s.runPackages()
	if len(names) == 0 {
		return ""
	}
	if s.system() == "alpine" {
		return s.keyword("RUN") + " apk add --no-cache " + strings.Join(names, " ") + "\n"
	}
	return installPackages(s.keyword("RUN"), names) + "\n"
}

// installPackages is an instruction that installs Debian packages and leaves nothing else behind.
func installPackages(run string, names []string) string {
	return fmt.Sprintf("%s apt-get update \\\n && apt-get install -y --no-install-recommends %s \\\n && rm -rf /var/lib/apt/lists/*", run, strings.Join(names, " "))
}
