package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/shell"
)

// Short names for what nearly every rule handles.
type (
	shellCommand = shell.Command
	shellWord    = shell.Word
)

// runStep is a RUN instruction with what its commands do.
type runStep struct {
	inst     *dockerfile.Instruction
	script   *shell.Script
	installs []installCommand
	// accounts says that it makes users, directories or permissions.
	accounts bool
	// other are commands whose effect is not known.
	other []shellCommand
}

// installCommand is one "pip install …" with the manager that it calls.
type installCommand struct {
	shellCommand
	manager *manager
	// args are the words behind the verb.
	args []shellWord
}

// installsSystem reports whether it installs packages of the distribution.
func (s *runStep) installsSystem() bool {
	return slices.ContainsFunc(s.installs, func(c installCommand) bool { return c.manager.system })
}

// installsDependencies reports whether it installs dependencies of the
// application, or upgrades the tool that does.
func (s *runStep) installsDependencies() bool {
	return slices.ContainsFunc(s.installs, func(c installCommand) bool { return !c.manager.system })
}

// known reports whether the effect of every command is known.
func (s *runStep) known() bool { return len(s.other) == 0 && s.script != nil }

// runSteps reads the RUN instructions of a stage. One whose shell code can't be
// parsed comes back without a script.
func runSteps(p *rule.Pass, stage *dockerfile.Stage) []*runStep {
	var steps []*runStep
	for _, inst := range stage.Instructions {
		if inst.Keyword == "RUN" {
			steps = append(steps, readRun(p, inst))
		}
	}
	return steps
}

// readRun reads one RUN instruction, once for all rules of a run.
func readRun(p *rule.Pass, inst *dockerfile.Instruction) *runStep {
	return rule.Once(p, readOnce{inst}, func() *runStep { return parseRun(p.File, inst) })
}

type readOnce struct{ inst *dockerfile.Instruction }

func parseRun(f *dockerfile.File, inst *dockerfile.Instruction) *runStep {
	step := &runStep{inst: inst}
	script, err := shell.Parse(f, inst)
	if err != nil {
		return step
	}
	step.script = script
	for _, c := range script.Commands() {
		name, rest := program(c)
		m := managerOf(name, rest)
		switch {
		case name == "": // an assignment alone
		case m != nil && m.bare && m.byName(rest) < 0:
			step.installs = append(step.installs, installCommand{shellCommand: c, manager: m, args: rest})
		case m != nil && m.installsBy(rest) > 0:
			step.installs = append(step.installs, installCommand{shellCommand: c, manager: m, args: rest[m.installsBy(rest):]})
		case m != nil && len(rest) > 0 && (verb(rest) == m.refresh || verb(rest) == "clean" || verb(rest) == "autoremove" || verb(rest) == "purge" || verb(rest) == "remove" || verb(rest) == "del" || slices.Contains(m.settles, verb(rest)) && !ofProject(rest)):
		case accountPrograms[name]:
			step.accounts = true
		case (harmless[name] || len(rest) > 0 && slices.Contains(harmlessVerbs[name], verb(rest))) && !c.Redirects:
		default:
			step.other = append(step.other, c)
		}
	}
	return step
}

// ofProject reports whether settings are changed in a file of the project (npm config set --location=project).
func ofProject(words []shellWord) bool {
	return slices.ContainsFunc(words, func(w shellWord) bool { return strings.HasPrefix(w.Text, "--location") || w.Text == "-L" })
}

// program names what a simple command starts, looking through "sudo", "exec",
// "env A=b" and "python -m".
func program(c shellCommand) (string, []shellWord) {
	words := c.Words
	for len(words) > 0 && (words[0].Text == "sudo" || words[0].Text == "exec" || words[0].Text == "env" || strings.Contains(words[0].Text, "=")) {
		sudo := words[0].Text == "sudo"
		words = words[1:]
		for sudo && len(words) > 0 && sudoFlags[words[0].Text] {
			words = words[1:]
		}
	}
	if len(words) == 0 {
		return "", nil
	}
	name := path.Base(words[0].Text)
	if strings.HasPrefix(name, "python") && len(words) > 2 && words[1].Text == "-m" {
		return words[2].Text, words[3:]
	}
	return name, words[1:]
}

// sudoFlags are options of sudo that take no value and leave the user root.
var sudoFlags = map[string]bool{"-E": true, "-n": true, "-H": true, "-En": true, "-EH": true, "-HE": true}

func managerOf(name string, rest []shellWord) *manager {
	for i := range managers {
		if slices.Contains(managers[i].programs, name) {
			return &managers[i]
		}
	}
	return nil
}

// byName is the index of the first of an install's words that is neither an option nor known to be the value of one; −1 when all are.
func (m *manager) byName(words []shellWord) int {
	for i := 0; i < len(words); i++ {
		switch {
		case slices.Contains(m.valued, words[i].Text):
			i++
		case !strings.HasPrefix(words[i].Text, "-"):
			return i
		}
	}
	return -1
}

// has reports whether an install has an option, with or without a value behind "=".
func (c installCommand) has(options ...string) bool {
	return slices.ContainsFunc(c.args, func(w shellWord) bool {
		name, _, _ := strings.Cut(w.Text, "=")
		return slices.Contains(options, name)
	})
}

// installsBy is the number of words up to the end of the subcommand when that installs; 0 for all others.
func (m *manager) installsBy(rest []shellWord) int {
	i := verbIndex(rest)
	for _, v := range m.verbs {
		names := strings.Fields(v)
		if len(rest) < i+len(names) {
			continue
		}
		if slices.EqualFunc(rest[i:i+len(names)], names, func(w shellWord, name string) bool { return w.Text == name }) {
			return i + len(names)
		}
	}
	return 0
}

// verb is the first word that is not a flag.
func verb(words []shellWord) string {
	if i := verbIndex(words); i < len(words) {
		return words[i].Text
	}
	return ""
}

func verbIndex(words []shellWord) int {
	i := 0
	for i < len(words) && strings.HasPrefix(words[i].Text, "-") {
		if valued[words[i].Text] {
			i++
		}
		i++
	}
	return min(i, max(len(words)-1, 0))
}

// valued are options of the managers whose value is the next word.
var valued = map[string]bool{
	"-o": true, "--option": true, "-c": true, "--config-file": true, "-t": true, "--target-release": true, "--default-release": true,
	"-X": true, "--repository": true, "--virtual": true, "--cache-dir": true, "--timeout": true, "--retries": true, "--proxy": true,
}

// packages are what a system install asks for, with the version where one is
// given; ok is false when one of them is not literal, is a file, or comes from another release.
func (c installCommand) packages() (names []string, ok bool) {
	for i := 0; i < len(c.args); i++ {
		w := c.args[i]
		switch {
		case c.manager.name == "apk" && (w.Text == "-t" || w.Text == "--virtual"):
			i++
		case w.Text == "-t" || w.Text == "-X" || strings.HasPrefix(w.Text, "--repository") || strings.HasPrefix(w.Text, "--target-release") || strings.HasPrefix(w.Text, "--default-release"):
			return nil, false
		case valued[w.Text]:
			i++
		case strings.HasPrefix(w.Text, "-"):
		case !w.Literal || strings.Contains(w.Text, "/"):
			return nil, false
		default:
			names = append(names, w.Text)
		}
	}
	return names, true
}

// virtual is the name of the group that apk add makes of what it installs, by which it can be deleted.
func (c installCommand) virtual() string {
	for i, w := range c.args {
		if value, ok := strings.CutPrefix(w.Text, "--virtual="); ok {
			return value
		}
		if c.manager.name == "apk" && i+1 < len(c.args) && (w.Text == "-t" || w.Text == "--virtual") {
			return c.args[i+1].Text
		}
	}
	return ""
}

// buildOnly reports whether a distribution's package serves only to compile.
func buildOnly(name string) bool {
	name, _, _ = strings.Cut(name, "=")
	name, _, _ = strings.Cut(name, ":")
	return buildTools[name] || strings.HasSuffix(name, "-dev") || strings.HasPrefix(name, "gcc-") || strings.HasPrefix(name, "g++-")
}
