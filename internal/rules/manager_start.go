package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/shell"
)

// scriptManagers are package managers that run a script of the project in a shell of their own.
var scriptManagers = []string{"npm", "yarn", "yarnpkg", "pnpm"}

// managerStart reports a start command that goes through a package manager, which starts a shell
// that starts the application. It returns nil when the instruction starts something else.
func managerStart(p *rule.Pass, inst *dockerfile.Instruction, combined bool) *finding.Finding {
	argv := plainArgv(p, inst)
	if len(argv) == 0 || !slices.Contains(scriptManagers, path.Base(argv[0])) || p.Facts == nil {
		return nil
	}
	manager := path.Base(argv[0])
	f := &finding.Finding{
		Span: inst.Span,
		Message: fmt.Sprintf("%s starts the application through %s: %s is process 1 and has a shell between itself and the application, which SIGTERM may never reach; start what the script runs",
			inst.Keyword, manager, manager),
	}
	start := p.Facts.Start
	seen, resolved := seenStart(p)
	switch {
	case combined:
		f.Refused = "ENTRYPOINT and CMD make up the command together: write what the script runs as one of them"
	case p.Facts.StartDir != "" && p.File.EndState(p.Final).Healthcheck != nil:
		f.Refused = fmt.Sprintf("the script runs in %s, and the health check does not: set WORKDIR to it, and start what the script runs", p.Facts.StartDir)
	case resolved:
		f.Fix = startDirectly(p, inst, manager, seen)
		f.Evidence = slices.Concat(proofOf(p.Facts.Process), proofOf(p.Facts.Script))
	case !start.Known() || len(start.Value) == 0 || slices.Contains(scriptManagers, path.Base(start.Value[0])):
		f.Refused = unresolved(p)
	case aside(p) != "":
		f.Refused = aside(p)
	default:
		f.Fix = startDirectly(p, inst, manager, start.Value)
		f.Evidence = proofOf(start)
	}
	return f
}

func startDirectly(p *rule.Pass, inst *dockerfile.Instruction, manager string, argv []string) *finding.Fix {
	edits := []edit.Edit{p.Edit(inst.Rest, execForm(argv))}
	if dir := p.Facts.StartDir; dir != "" {
		edits = append(edits, workIn(p, inst, dir))
	}
	return &finding.Fix{
		Title:  "Start the process itself: " + strings.Join(argv, " "),
		Safety: finding.Unsafe,
		Why:    manager + " sets variables and a search path of its own for scripts; the proof starts the container, compares its answers and measures how it stops",
		Edits:  edits,
	}
}

// workIn changes the working directory for what the container starts, and for no instruction that works in it.
func workIn(p *rule.Pass, start *dockerfile.Instruction, dir string) edit.Edit {
	text := keywordAs(p.Text(start.KeywordSpan), "WORKDIR") + " " + dir + "\n"
	at := p.File.Block(start).Start
	for _, inst := range start.Stage.Instructions {
		if inst.Index > start.Index && slices.Contains([]string{"RUN", "COPY", "ADD", "WORKDIR"}, inst.Keyword) {
			at = p.File.Lines(inst.Span).End
		}
	}
	if at == len(p.File.Source) && !strings.HasSuffix(p.File.Text(dockerfile.Span{End: at}), "\n") {
		text = "\n" + strings.TrimSuffix(text, "\n")
	}
	return p.Insert(at, text)
}

// seenStart is what the process that serves was started with, where the manager's script is that one command: the
// run shows where its program lies ("next start" is "node /app/node_modules/.bin/next start"). The same arguments
// have to follow, in the same directory.
func seenStart(p *rule.Pass) (argv []string, ok bool) {
	script, process := p.Facts.Script, p.Facts.Process
	if !script.Known() || !process.Known() || p.Facts.ProcessDir != p.Facts.StartDir {
		return nil, false
	}
	argv = process.Value
	at := len(argv) - len(script.Value)
	if at < 0 || at > 1 || !path.IsAbs(argv[at]) || path.Base(argv[at]) != script.Value[0] {
		return nil, false
	}
	return argv, slices.Equal(argv[at+1:], script.Value[1:])
}

// unresolved is what the ecosystem says about why it is not known what the script runs.
func unresolved(p *rule.Pass) string {
	for _, n := range p.Facts.Notes {
		if n.About == "start" {
			return n.Text + ": give the script one plain command, or start it by hand"
		}
	}
	return "what the script runs is not known: write it as a JSON array by hand"
}

// aside is what the ecosystem says about signals that the application would not get as process 1.
func aside(p *rule.Pass) string {
	for _, n := range p.Facts.Notes {
		if n.About == "signals" {
			return n.Text
		}
	}
	return ""
}

// plainArgv is a command that needs no shell, without an exec in front; nil for others.
func plainArgv(p *rule.Pass, inst *dockerfile.Instruction) (argv []string) {
	switch s := readStart(p, inst); {
	case s == nil: // an array
		for _, w := range inst.Args {
			argv = append(argv, w.Text)
		}
	case s.err == nil && s.array == nil:
		argv = s.script.Argv()
	case s.err == nil:
		argv = wordsOf(s.own())
	}
	if len(argv) > 0 && argv[0] == "exec" {
		return argv[1:]
	}
	return argv
}

// wordsOf are the words of the only command when nothing in them is left to expand.
func wordsOf(commands []shell.Command) (argv []string) {
	if len(commands) != 1 || !inPlace(commands[0]) || commands[0].Redirects || len(commands[0].Assignments) > 0 {
		return nil
	}
	for _, w := range commands[0].Words {
		if !w.Literal {
			return nil
		}
		argv = append(argv, w.Text)
	}
	return argv
}
