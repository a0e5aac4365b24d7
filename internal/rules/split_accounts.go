package rules

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// Steps above the cut that make users, directories, links and permissions. COPY --from gives the runner what lies in a
// directory with its owners and modes, but not those of the directory itself, so that a step belongs
//
//   - to the builder where all that it changes lies below what is copied;
//   - to the runner, in front of the copy, where it changes what is not copied;
//   - to both where it changes what is copied itself, or the builder needs the users that it makes.

// account is one command of such a step.
type account struct {
	container.Command
	users bool // makes users or groups
	// places are the absolute paths that it makes or changes, and known says that they are all.
	places []string
	known  bool
	target string // of a symbolic link, absolute
}

// accounts are the commands of a step about users, directories and permissions.
func (s *split) accounts(inst *dockerfile.Instruction) (list []account) {
	for _, c := range container.Commands(s.p.File, inst) {
		if accountPrograms[c.Name] {
			a := account{Command: c, users: strings.HasPrefix(c.Name, "user") || strings.HasPrefix(c.Name, "group") || strings.HasPrefix(c.Name, "add")}
			a.read()
			list = append(list, a)
		}
	}
	return list
}

// valuedOf are the options of these programs whose value is the next word.
var valuedOf = map[string]string{"mkdir": "m", "install": "ogm", "touch": "tdr"}

// plainFlags are the letters of options that say nothing about which places are meant.
var plainFlags = map[string]string{"mkdir": "pvm", "install": "dDvogm", "touch": "acmtd", "chown": "Rcfvh", "chgrp": "Rcfvh", "chmod": "Rcfv", "ln": "sfnv"}

var longFlags = map[byte]string{'R': "--recursive", 'p': "--parents", 'd': "--directory", 's': "--symbolic"}

// read finds the places in the words of the command.
func (a *account) read() {
	if a.users {
		a.known = true
		return
	}
	var operands []container.Word
	for i := 0; i < len(a.Args); i++ {
		w := a.Args[i].Text
		letters, flag := strings.CutPrefix(w, "-")
		switch {
		case !a.Args[i].Literal:
			return
		case slices.Contains(slices.Collect(maps.Values(longFlags)), w):
		case flag && strings.Trim(letters, plainFlags[a.Name]) != "":
			return
		case flag && letters != "" && strings.ContainsAny(letters[len(letters)-1:], valuedOf[a.Name]):
			i++
		case !flag:
			operands = append(operands, a.Args[i])
		}
	}
	switch a.Name {
	case "chown", "chgrp", "chmod":
		if len(operands) < 2 {
			return
		}
		operands = operands[1:] // behind the owner or the mode
	case "install":
		if !a.flag('d') {
			return // it copies
		}
	case "ln":
		if len(operands) != 2 || !a.flag('s') {
			return
		}
		link := operands[1]
		if strings.HasSuffix(link.Text, "/") || link.Text == "." {
			link.Text = path.Join(link.Text, path.Base(operands[0].Text))
		}
		a.target = container.Absolute(path.Dir(container.Absolute(a.Dir, link.Text)), operands[0].Text)
		operands = []container.Word{link}
	}
	for _, w := range operands {
		a.places = append(a.places, container.Absolute(a.Dir, w.Text))
	}
	a.known = len(a.places) > 0
}

// flag reports whether an option of one letter is given.
func (a *account) flag(letter byte) bool {
	return slices.ContainsFunc(a.Args, func(w container.Word) bool {
		return w.Text == longFlags[letter] || strings.HasPrefix(w.Text, "-") && !strings.HasPrefix(w.Text, "--") && strings.IndexByte(w.Text, letter) > 0
	})
}

func (a *account) makesDirs() bool { return a.Name == "mkdir" || a.Name == "install" }

// changes reports whether it changes what is there.
func (a *account) changes() bool {
	return a.Name == "chown" || a.Name == "chgrp" || a.Name == "chmod"
}

// comesAlong reports whether the runner copies a place with its owner and mode. On a base of its own it takes files, not folders.
func (s *split) comesAlong(place string) bool {
	return s.bundle.Source && slices.ContainsFunc(s.bundle.Carries, func(c ecosystem.Carry) bool {
		return within(place, c.From) && (s.bundle.Runner != nil || c.From == c.To && place != c.From)
	})
}

func (s *split) allComesAlong(a account) bool {
	return a.known && !a.users && !slices.ContainsFunc(a.places, func(place string) bool { return !s.comesAlong(place) })
}

// forRunner are the commands that the runner has to run itself, with those that make directories which these may want;
// none where all comes along. What a build step makes for a runner on another base is the build's alone.
func (s *split) forRunner(inst *dockerfile.Instruction) (list []account) {
	all := s.accounts(inst)
	if r := s.bundle.Runner; r != nil && r.Start != nil {
		return nil // nothing runs there but a program of its own
	}
	if s.built[inst] && s.bundle.Runner != nil || !slices.ContainsFunc(all, func(a account) bool { return !s.allComesAlong(a) }) {
		return nil
	}
	for _, a := range all {
		here := a.makesDirs() && (a.flag('p') || a.flag('d') || !slices.ContainsFunc(a.places, func(place string) bool { return path.Dir(place) != a.Dir }))
		if here || !s.allComesAlong(a) {
			list = append(list, a)
		}
	}
	return list
}

// carryRun says where a RUN belongs.
func (s *split) carryRun(inst *dockerfile.Instruction) carrying {
	if len(s.global(inst)) > 0 {
		return repeated // what builds may call it too
	}
	if !s.steps[inst].accounts {
		return stays
	}
	switch {
	case len(s.forRunner(inst)) == 0:
		return stays
	case s.built[inst] || len(s.steps[inst].installs)+len(s.steps[inst].other) > 0 || s.concernsBuilder(inst):
		return repeated
	}
	return moved
}

// concernsBuilder reports whether the builder needs what a step does to users, directories and permissions.
func (s *split) concernsBuilder(inst *dockerfile.Instruction) bool {
	filled := s.filled(inst)
	return slices.ContainsFunc(s.accounts(inst), func(a account) bool {
		return a.users && s.ownersBelow(inst) || s.allComesAlong(a) || a.target != "" && s.inWork(a.target) || filled && slices.ContainsFunc(a.places, s.inWork)
	})
}

// inWork reports whether a place lies where something is built or that the runner copies, or holds such a one.
func (s *split) inWork(place string) bool {
	places := s.workplaces()
	if !s.bundle.Source {
		places = nil
		for _, c := range s.bundle.Carries {
			places = append(places, c.From)
		}
	}
	return slices.ContainsFunc(places, func(work string) bool { return within(place, work) || within(work, place) })
}

// filled reports whether some instruction above another one has brought something to where the runner copies from.
func (s *split) filled(inst *dockerfile.Instruction) bool {
	return inst.Index >= s.first.Index || s.bundle.Source && slices.ContainsFunc(s.before(), func(i *dockerfile.Instruction) bool { return i.Index < inst.Index && copies(i) })
}

// ownersBelow reports whether an instruction below another one, which stays in the builder, names a user or a group.
func (s *split) ownersBelow(inst *dockerfile.Instruction) bool {
	return slices.ContainsFunc(s.before(), func(i *dockerfile.Instruction) bool {
		if i.Index <= inst.Index || s.carry(i) == moved {
			return false
		}
		owner, _ := i.Flag("chown")
		return copies(i) && byName(owner.Value) || i.Keyword == "RUN" && s.namesOwner(i)
	})
}

// byName reports whether an owner is one that the image's list of users has to have.
func byName(owner string) bool { return !isRoot(owner) && strings.Trim(owner, "0123456789:") != "" }

// namesOwner reports whether a RUN calls a program with a user or a group.
func (s *split) namesOwner(inst *dockerfile.Instruction) bool {
	step := s.steps[inst]
	if step == nil || step.script == nil {
		return false
	}
	for _, c := range step.script.Commands() {
		for i, w := range c.Words {
			rest := c.Words[i+1:]
			has := func(options ...string) bool {
				return slices.ContainsFunc(rest, func(w shellWord) bool { return slices.Contains(options, w.Text) })
			}
			switch path.Base(w.Text) {
			case "chown", "chgrp":
				owner := slices.IndexFunc(rest, func(w shellWord) bool { return !strings.HasPrefix(w.Text, "-") })
				if owner >= 0 && byName(rest[owner].Text) {
					return true
				}
			case "install", "sudo":
				if has("-o", "-g", "-u") {
					return true
				}
			case "su", "gosu", "su-exec", "runuser", "setpriv":
				return true
			}
		}
	}
	return false
}

// again is what of an instruction stands in the runner too.
func (s *split) again(inst *dockerfile.Instruction) string {
	if inst.Keyword != "RUN" || !s.steps[inst].accounts || !s.inPart(inst) {
		return s.p.Text(inst.Span)
	}
	var commands []string
	for _, a := range s.forRunner(inst) {
		commands = append(commands, s.p.Text(a.Span))
	}
	return s.p.Text(inst.KeywordSpan) + " " + strings.Join(commands, " && ")
}

// inPart reports whether the runner repeats only some commands of a step.
func (s *split) inPart(inst *dockerfile.Instruction) bool {
	return s.carry(inst) == repeated && (s.built[inst] || len(s.forRunner(inst)) != len(s.accounts(inst)) ||
		slices.ContainsFunc(container.Commands(s.p.File, inst), func(c container.Command) bool { return !accountPrograms[c.Name] && !silent[c.Name] }))
}

// chooses reports whether some command of a step runs only where another one fails.
func (s *runStep) chooses() bool {
	return slices.ContainsFunc(s.script.Commands(), func(c shellCommand) bool { return c.Op == "||" })
}

// silent are programs that look at no files, so that they do the same anywhere.
var silent = map[string]bool{"true": true, ":": true, "set": true, "echo": true, "printf": true, "exit": true, "export": true, "unset": true, "sleep": true}

// refusesAccounts says what stands against running commands about users, directories and permissions where they belong.
func (s *split) refusesAccounts(inst *dockerfile.Instruction) string {
	line := s.line(inst)
	list, partly := s.forRunner(inst), s.inPart(inst)
	for _, a := range list {
		switch {
		case !a.known && s.filled(inst):
			return fmt.Sprintf("%q on line %d makes or changes something of which it is not known whether the runner copies it: write its path out, or %s", firstLine(s.p.Text(a.Span)), line, s.moveBelow(inst))
		case partly && (!a.Plain || s.steps[inst].chooses() || a.Dir != s.p.File.StateBefore(inst).Workdir):
			return fmt.Sprintf("%q on line %d is for the runner, and others of that RUN are for the builder: give it a RUN of its own", firstLine(s.p.Text(a.Span)), line)
		case !s.filled(inst) || s.bundle.Runner != nil:
			continue
		}
		for _, place := range a.places {
			if reason := s.refusesPlace(inst, a, place, list); reason != "" {
				return reason
			}
		}
	}
	return ""
}

// refusesPlace says why changing a place in front of what the runner copies is not the same as behind it.
func (s *split) refusesPlace(inst *dockerfile.Instruction, a account, place string, list []account) string {
	workdir := s.p.File.StateBefore(inst).Workdir
	there := func(dir string) bool { // in the runner, before anything is copied
		return within(workdir, dir) || slices.ContainsFunc(list, func(a account) bool {
			return a.makesDirs() && slices.ContainsFunc(a.places, func(made string) bool { return within(made, dir) })
		})
	}
	for _, c := range s.bundle.Carries {
		switch {
		case a.changes() && within(c.From, place) && !there(c.To):
			return fmt.Sprintf("line %d changes %s, of which the runner copies what is in it without its own owner and mode: %s", s.line(inst), c.From, s.moveBelow(inst))
		case !a.makesDirs() && a.target == "" && within(place, c.To) && !there(place):
			return fmt.Sprintf("line %d changes %s, which the builder has, beside what only the runner needs: give each a RUN of its own", s.line(inst), place)
		}
	}
	return ""
}

// moveBelow is the advice to do something in the runner.
func (s *split) moveBelow(inst *dockerfile.Instruction) string {
	if inst == s.last {
		return "give it a RUN of its own below that"
	}
	return fmt.Sprintf("move it below line %d", s.line(s.last))
}

// servesBuild reports whether all that a step does to directories and permissions lies where something is built.
func (s *split) servesBuild(inst *dockerfile.Instruction) bool {
	return !slices.ContainsFunc(s.accounts(inst), func(a account) bool {
		return a.users || !a.known || slices.ContainsFunc(a.places, func(place string) bool {
			return !slices.ContainsFunc(s.workplaces(), func(work string) bool { return within(place, work) || within(work, place) })
		})
	})
}

// changesInstalled reports whether a step gives other owners or modes to what was installed, or puts files there.
func (s *split) changesInstalled(inst *dockerfile.Instruction) bool {
	if inst.Keyword != "RUN" {
		return false
	}
	for _, c := range container.Commands(s.p.File, inst) {
		if fileTools[c.Name] && slices.ContainsFunc(c.Args, func(w container.Word) bool {
			return slices.ContainsFunc(s.bundle.Installed, func(dir string) bool {
				return within(container.Absolute(c.Dir, w.Text), dir) && !within(c.Dir, dir)
			})
		}) {
			return true
		}
	}
	return slices.ContainsFunc(s.accounts(inst), func(a account) bool {
		return a.changes() && slices.ContainsFunc(a.places, func(place string) bool {
			return slices.ContainsFunc(s.bundle.Installed, func(dir string) bool { return within(place, dir) || within(dir, place) && a.flag('R') })
		})
	})
}
