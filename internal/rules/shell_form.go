package rules

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/shell"
)

var shellForm = &rule.Rule{
	ID:       "runtime/shell-form",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "A shell stands between the container and its process.",
		What:    "CMD or ENTRYPOINT of the final stage is in shell form, or an array that starts sh -c, and the shell does not exec the application; or it goes through npm, yarn or pnpm, which start a shell.",
		Why:     "The shell is process 1 and gets SIGTERM. Most shells do not pass it on: the application is killed after the grace period, with requests in flight.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
CMD uvicorn main:app --host 0.0.0.0
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
CMD ["uvicorn", "main:app", "--host", "0.0.0.0"]
`,
		Fix:   "Writes a single command without expansions in exec form. A single command that needs the shell for a variable, or whose form decides what CMD means, gets exec in front, which makes it process 1. A script of package.json that is one plain command takes the place of npm, yarn or pnpm, in the folder of the workspace where it is one's. Refused for lists of commands.",
		Proof: "The process ends on SIGTERM; the measured stop time is in the table.",
		Links: []string{"https://docs.docker.com/reference/dockerfile/#shell-and-exec-form"},
	},
	Check: checkShellForm,
}

func checkShellForm(p *rule.Pass) error {
	state := p.File.EndState(p.Final)
	for _, inst := range []*dockerfile.Instruction{state.Entrypoint, state.Cmd} {
		if inst == nil {
			continue
		}
		if inst == state.Cmd && state.Entrypoint != nil && !state.Entrypoint.JSON {
			continue // never run: the shell form of ENTRYPOINT takes no arguments
		}
		combined := state.Entrypoint != nil && state.Cmd != nil
		if f := managerStart(p, inst, combined); f != nil && (inst.JSON || f.Fix != nil) {
			p.Report(*f)
			continue
		}
		start := readStart(p, inst)
		if start == nil || endsWithExec(start.script) {
			continue
		}
		start.combined = combined
		f := finding.Finding{
			Span:    inst.Span,
			Message: fmt.Sprintf("%s %s: the shell is process 1, and SIGTERM may never reach the application, which is then killed; %s", inst.Keyword, start.form(), start.advice()),
		}
		if f.Refused = start.refusal(); f.Refused == "" {
			f.Fix = start.fix(p)
		}
		p.Report(f)
	}
	return nil
}

// shellStart is a CMD or ENTRYPOINT that starts a shell.
type shellStart struct {
	inst   *dockerfile.Instruction
	script *shell.Script
	err    error
	code   string           // what the shell reads
	at     int              // where exec goes in the source; -1 when that is not known
	array  *dockerfile.Word // the script's word in ["sh", "-c", "script"]
	plain  bool             // the shell is called for its command alone, and does nothing before it
	// combined says that there are ENTRYPOINT and CMD: the form of one decides what the other means.
	combined bool
}

// readStart returns nil when no shell is started.
func readStart(p *rule.Pass, inst *dockerfile.Instruction) *shellStart {
	if inst.JSON {
		return readArray(p, inst)
	}
	s := &shellStart{inst: inst, code: p.Text(inst.Rest), at: -1, plain: plainShell(p.File.StateBefore(inst).Shell)}
	if s.script, s.err = shell.Parse(p.File, inst); s.err == nil {
		s.at = firstWord(s.script)
	}
	return s
}

// readArray reads ["sh", "-c", "script"].
func readArray(p *rule.Pass, inst *dockerfile.Instruction) *shellStart {
	if len(inst.Args) != 3 || !plainShell([]string{inst.Args[0].Text, inst.Args[1].Text}) {
		return nil
	}
	word := inst.Args[2]
	s := &shellStart{inst: inst, code: word.Text, at: -1, array: &word}
	if strings.ContainsAny(word.Text, "\r\n") {
		s.err = errors.New("the script has more than one line")
		return s
	}
	// The script stands in a file of its own, in which it is read as the shell will read it.
	const head = "FROM scratch\nCMD : ; "
	f, err := dockerfile.Parse(p.DockerfilePath, []byte(head+word.Text))
	if err != nil {
		s.err = err
		return s
	}
	if s.script, s.err = shell.Parse(f, f.Instructions[len(f.Instructions)-1]); s.err != nil {
		return s
	}
	quoted := p.Text(word.Span)
	if at := firstWord(s.script) - len(head); at >= 0 && strings.HasPrefix(quoted[min(1, len(quoted)):], word.Text[:at]) {
		s.at = word.Span.Start + 1 + at
	}
	return s
}

// plainShell reports whether a shell's argv runs a command and nothing before
// it: a login shell would read profiles that set the application's variables.
func plainShell(argv []string) bool {
	if len(argv) < 2 || !posixShells[path.Base(argv[0])] || argv[len(argv)-1] != "-c" && !shortSwitches.MatchString(argv[len(argv)-1]) {
		return false
	}
	for _, a := range argv[1 : len(argv)-1] {
		if a != "-o" && a != "pipefail" && a != "errexit" && a != "nounset" && a != "xtrace" && !shortSwitches.MatchString(a+"c") {
			return false
		}
	}
	return true
}

var posixShells = map[string]bool{"sh": true, "bash": true, "dash": true, "ash": true}

// shortSwitches are options of a shell that do not matter to a single command, with -c last.
var shortSwitches = regexp.MustCompile(`^-[euxo]*c$`)

// own are the commands of the author; a script from an array has a no-op in front.
func (s *shellStart) own() []shellCommand { return s.script.Commands()[s.skip():] }

func (s *shellStart) skip() int {
	if s.array != nil {
		return 1
	}
	return 0
}

// firstWord is the place of the first word of a script's last command.
func firstWord(script *shell.Script) int {
	commands := script.Commands()
	if len(commands) == 0 || len(commands[len(commands)-1].Words) == 0 {
		return -1
	}
	return commands[len(commands)-1].Words[0].Span.Start
}

// endsWithExec reports whether the application takes the shell's place in the end.
func endsWithExec(s *shell.Script) bool {
	if s == nil {
		return false
	}
	commands := s.Commands()
	if len(commands) == 0 {
		return false // nothing but a comment
	}
	last := commands[len(commands)-1]
	return inPlace(last) && len(last.Words) > 1 && last.Words[0].Text == "exec"
}

// inPlace reports whether a command is run by the shell itself and not in a child of it.
func inPlace(c shellCommand) bool {
	return c.Depth == 0 && !c.Background && !c.Piped && c.Op != "|" && !c.Negated
}

// single reports whether exec can stand in front of the only command.
func (s *shellStart) single() bool {
	commands := s.own()
	return len(commands) == 1 && inPlace(commands[0]) && len(commands[0].Words) > 0 && s.at >= 0
}

// simple reports whether the command can be written as an array.
func (s *shellStart) simple() bool {
	return s.array == nil && s.plain && !s.combined && len(s.inst.Comments) == 0 && s.script.Simple()
}

func (s *shellStart) form() string {
	if s.array != nil {
		return "starts a shell"
	}
	return "in shell form"
}

func (s *shellStart) advice() string {
	switch {
	case s.err != nil || s.simple():
		return "write it as a JSON array"
	case s.single():
		return "start it with exec"
	}
	return "put it into a script that ends with exec"
}

func (s *shellStart) refusal() string {
	switch code := strings.TrimSpace(firstLine(s.code)); {
	case errors.Is(s.err, shell.ErrNotPOSIX):
		return "it is written for a shell whose language plimsoll does not read: write it as a JSON array by hand"
	case s.err != nil:
		return "the shell code can't be read: " + s.err.Error()
	case len(s.own()) == 0:
		return fmt.Sprintf("%q starts nothing: name the program", code)
	case !s.single():
		return fmt.Sprintf("%q is more than one simple command: put it into a script that ends with exec", code)
	case shellOnly[s.own()[0].Words[0].Text]:
		return fmt.Sprintf("%q is a command of the shell itself: put it into a script that ends with exec", code)
	case !s.own()[0].Words[0].Literal:
		return fmt.Sprintf("which program %q starts is known only when it runs: put it into a script that ends with exec", code)
	}
	return ""
}

// shellOnly are words that only a shell understands: exec can't start them.
var shellOnly = map[string]bool{
	".": true, "source": true, "eval": true, "exit": true, "return": true, "set": true, "export": true, "cd": true,
	"trap": true, "wait": true, "ulimit": true, "umask": true, "read": true, "time": true, "command": true,
	"builtin": true, "declare": true, "local": true, "alias": true, ":": true,
}

func (s *shellStart) fix(p *rule.Pass) *finding.Fix {
	fix := &finding.Fix{
		Title:  "Let the process take the shell's place",
		Safety: finding.Unsafe,
		Why:    "a shell sets up words and variables in its own way; the proof starts the container, compares its answers and measures how it stops",
	}
	if s.simple() {
		fix.Title = "Start the process without a shell"
		fix.Edits = []edit.Edit{p.Edit(s.inst.Rest, execForm(s.script.Argv()))}
		return fix
	}
	fix.Edits = []edit.Edit{p.Insert(s.at, "exec ")}
	return fix
}
