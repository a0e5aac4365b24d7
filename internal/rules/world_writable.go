package rules

import (
	"fmt"
	"path"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/shell"
)

var worldWritable = &rule.Rule{
	ID:       "security/world-writable",
	Severity: finding.Info,
	Safety:   finding.Display,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "Files are writable by every user of the container.",
		What:    "In a stage that ships, chmod, mkdir -m, install -m or COPY --chmod lets everybody write. A sticky directory such as /tmp (mode 1777) is left alone.",
		Why:     "Whoever can run anything in the container can replace the application's code, or what starts it. A chmod -R also writes a second copy of every file into a layer.",
		Before: `
-- Dockerfile --
FROM debian:bookworm-slim
COPY run.sh /usr/local/bin/run.sh
RUN chmod 777 /usr/local/bin/run.sh
CMD ["/usr/local/bin/run.sh"]
-- run.sh --
#!/bin/sh
`,
		Fix:   "Shown only: who has to write where is not told by the mode. What the application only reads wants 755 and 644; what it writes wants its own user as the owner.",
		Proof: "Nothing is changed.",
		Links: []string{"https://docs.docker.com/reference/dockerfile/#copy---chown---chmod"},
	},
	Check: checkWorldWritable,
}

func checkWorldWritable(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		if !ships(p, stage) {
			continue
		}
		seen := map[string]bool{} // each place is told once
		for _, inst := range stage.Instructions {
			switch inst.Keyword {
			case "COPY", "ADD":
				if flag, ok := inst.Flag("chmod"); ok && writableByAll(flag.Value) {
					reportWritable(p, seen, path.Clean(inst.Dest().Text), flag.Span, inst.Keyword+" --chmod="+flag.Value)
				}
			case "RUN":
				checkModes(p, seen, readRun(p, inst))
			}
		}
	}
	return nil
}

func checkModes(p *rule.Pass, seen map[string]bool, step *runStep) {
	if step.script == nil {
		return
	}
	for _, call := range step.script.Calls() {
		if mode, ok := modeOf(call); ok && writableByAll(mode) {
			reportWritable(p, seen, targets(call, mode), call.Span, call.Name+" "+mode)
		}
	}
}

// targets are the paths that a command gives a mode to, in one text.
func targets(call shell.Call, mode string) string {
	var paths []string
	for _, w := range call.Args {
		if w.Text != mode && !strings.HasPrefix(w.Text, "-") {
			paths = append(paths, path.Clean(w.Text))
		}
	}
	return strings.Join(paths, " ")
}

func reportWritable(p *rule.Pass, seen map[string]bool, place string, at dockerfile.Span, what string) {
	if seen[place] {
		return
	}
	seen[place] = true
	p.Report(finding.Finding{Span: at, Message: fmt.Sprintf("%s lets every user of the container write: give the files to the application's user (COPY --chown), with 755 for folders and programs and 644 for the rest", what)})
}

// modeOf is the mode that a command gives to files.
func modeOf(call shell.Call) (string, bool) {
	switch call.Name {
	case "chmod":
		for _, w := range call.Args {
			if !strings.HasPrefix(w.Text, "-") || strings.Trim(w.Text, "-rwxXst") == "" && strings.ContainsAny(w.Text, "rwx") {
				return w.Text, w.Literal || w.Glob
			}
		}
	case "mkdir", "install":
		for i, w := range call.Args {
			switch {
			case (w.Text == "-m" || w.Text == "--mode") && i+1 < len(call.Args):
				return call.Args[i+1].Text, call.Args[i+1].Literal
			case strings.HasPrefix(w.Text, "--mode="):
				return strings.TrimPrefix(w.Text, "--mode="), w.Literal
			case strings.HasPrefix(w.Text, "-m") && len(w.Text) > 2:
				return w.Text[2:], w.Literal
			}
		}
	}
	return "", false
}

// writableByAll reads an octal or symbolic mode, as chmod(1) describes them.
func writableByAll(mode string) bool {
	if mode != "" && strings.Trim(mode, "01234567") == "" {
		sticky := len(mode) > 3 && (mode[len(mode)-4]-'0')&1 != 0
		return (mode[len(mode)-1]-'0')&2 != 0 && !sticky
	}
	if strings.Contains(mode, "t") {
		return false
	}
	for clause := range strings.SplitSeq(mode, ",") {
		op := strings.IndexAny(clause, "+=")
		// Without a letter for whom, the umask keeps others from writing.
		if op > 0 && strings.ContainsAny(clause[:op], "ao") && strings.Contains(clause[op:], "w") && strings.Trim(clause, "ugoa+=rwxXs") == "" {
			return true
		}
	}
	return false
}
