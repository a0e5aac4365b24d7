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
)

var noWorkdir = &rule.Rule{
	ID:       "runtime/no-workdir",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "The application lies in the root folder, or in one that depends on the base.",
		What:    "The final stage copies files to / without a WORKDIR, or its first WORKDIR is relative.",
		Why:     "In the root folder the application's files mix with the system's: a COPY can replace /etc or /lib, the folder can't be given to a user, and a cleanup can't tell them apart. A relative WORKDIR goes elsewhere when the base changes its own.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
COPY main.py ./
CMD ["python", "main.py"]
-- main.py --
print("hello")
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /app
COPY main.py ./
CMD ["python", "main.py"]
`,
		Fix:   "Adds WORKDIR /app above the first file that is copied to the working directory, where the base's own is known to be / and no instruction names a copied file by its place in the root folder; makes a relative WORKDIR absolute where the base's own is known.",
		Proof: "The application starts from its new folder and answers as before.",
		Links: []string{"https://docs.docker.com/build/building/best-practices/#workdir"},
	},
	Check: checkNoWorkdir,
}

// startsInRoot are official images whose Dockerfile sets no WORKDIR.
var startsInRoot = map[string]bool{
	"debian": true, "ubuntu": true, "alpine": true, "buildpack-deps": true, "python": true, "node": true,
	"ruby": true, "eclipse-temurin": true, "nginx": true, "pypy": true,
}

func checkNoWorkdir(p *rule.Pass) error {
	stages := lineage(p.Final)
	base := officialBase(p, p.Final)
	if base == "scratch" {
		return nil // there is no system to mix with
	}
	for _, stage := range stages {
		for _, inst := range stage.Instructions {
			switch inst.Keyword {
			case "WORKDIR":
				if dir := expandedWorkdir(p, inst); dir != "" && !path.IsAbs(dir) && !strings.Contains(dir, "$") {
					reportRelative(p, base, inst, dir)
				}
				return nil
			case "COPY", "ADD":
				if intoRoot(inst, base) {
					reportRoot(p, base, inst)
					return nil
				}
			}
		}
	}
	return nil
}

func expandedWorkdir(p *rule.Pass, inst *dockerfile.Instruction) string {
	if len(inst.Args) == 0 {
		return ""
	}
	state := p.File.StateBefore(inst)
	return state.Expand(inst, inst.Args[0].Text)
}

// intoRoot reports whether an instruction copies into the root folder: to the working
// directory where the base starts in /, or all of the context to / itself.
func intoRoot(inst *dockerfile.Instruction, base string) bool {
	if _, other := inst.Flag("from"); other || len(inst.Sources()) == 0 {
		return false
	}
	dest := inst.Dest().Text
	if relativeDest(dest) {
		return path.Clean(dest) == "." && startsInRoot[base]
	}
	return dest == "/" && slices.ContainsFunc(inst.Sources(), func(w dockerfile.Word) bool {
		return w.Text == "." || w.Text == "./" || w.Text == "*"
	})
}

func relativeDest(dest string) bool {
	return dest != "" && dest[0] != '/' && dest[0] != '$' && !strings.Contains(dest, `\`) && !strings.Contains(dest, ":")
}

func reportRelative(p *rule.Pass, base string, inst *dockerfile.Instruction, dir string) {
	f := finding.Finding{
		Span:    inst.Span,
		Message: fmt.Sprintf("WORKDIR %s is relative to the base's own working directory, and moves when that does: write it from the root", dir),
	}
	switch {
	case startsInRoot[base]:
		f.Fix = &finding.Fix{
			Title: "Write the working directory from the root", Safety: finding.Unsafe,
			Why:   base + " starts in / as far as is known; the proof compares the application's answers",
			Edits: []edit.Edit{p.Insert(inst.Args[0].Span.Start, "/")},
		}
		if p.Text(inst.Args[0].Span) != dir || strings.HasPrefix(dir, ".") {
			f.Fix, f.Refused = nil, fmt.Sprintf("%s is not a plain path: write the whole path by hand", p.Text(inst.Args[0].Span))
		}
	default:
		f.Refused = "the working directory of the base is not known: look it up with docker inspect, and write the whole path"
	}
	p.Report(f)
}

func reportRoot(p *rule.Pass, base string, inst *dockerfile.Instruction) {
	f := finding.Finding{
		Span:    inst.Span,
		Message: fmt.Sprintf("%s puts the application's files into the root folder, between the system's: set WORKDIR /app above it", inst.Keyword),
	}
	if f.Refused = boundToRoot(p, inst); f.Refused == "" {
		at := p.File.Block(inst).Start
		f.Fix = &finding.Fix{
			Title: "Give the application a folder of its own", Safety: finding.Unsafe,
			Why:   "the application may name its files by their place in the root folder; the proof starts it in the new one and compares its answers",
			Edits: []edit.Edit{p.Insert(at, keyword(p, "WORKDIR")+" /app\n")},
		}
	}
	p.Report(f)
}

// boundToRoot says why the files can't go elsewhere: an instruction names them by their place.
func boundToRoot(p *rule.Pass, first *dockerfile.Instruction) string {
	if first.Stage != p.Final {
		return "the files are copied in a stage that others build on: set WORKDIR there by hand"
	}
	copied := []string{}
	for _, inst := range p.Final.Instructions {
		line := p.File.Position(inst.Span.Start).Line
		switch inst.Keyword {
		case "COPY", "ADD":
			if dest := inst.Dest().Text; dest == "/" || dest == "/." {
				return fmt.Sprintf("line %d copies to / by name: name the new folder there", line)
			}
			if inst.Index < first.Index && relativeDest(inst.Dest().Text) {
				return fmt.Sprintf("line %d copies to the working directory too: set WORKDIR above that by hand", line)
			}
			copied = append(copied, copiedNames(p, inst)...)
		case "RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK", "ENV", "VOLUME":
			if inst.Index < first.Index && inst.Keyword == "RUN" {
				continue // its own files are where they were
			}
			if name := namedInRoot(p.Text(inst.Span), copied); name != "" {
				return fmt.Sprintf("line %d names /%s: give the new path there, and set WORKDIR", line, name)
			}
		case "WORKDIR":
			return fmt.Sprintf("line %d sets WORKDIR later: move it above the first COPY by hand", line)
		}
	}
	return ""
}

// copiedNames are the first parts of the paths, as they will stand in the working directory.
func copiedNames(p *rule.Pass, inst *dockerfile.Instruction) (names []string) {
	dest := path.Clean(inst.Dest().Text)
	if !relativeDest(dest) {
		return nil
	}
	if dest != "." {
		first, _, _ := strings.Cut(dest, "/")
		return []string{first}
	}
	for _, w := range inst.Sources() {
		if path.Clean(w.Text) != "." {
			names = append(names, path.Base(path.Clean(w.Text)))
			continue
		}
		if p.Context == nil {
			continue
		}
		for _, e := range p.Context.Entries {
			if !e.Ignored && !strings.Contains(e.Path, "/") {
				names = append(names, e.Path)
			}
		}
	}
	return names
}

// namedInRoot finds the name of which text has the absolute path.
func namedInRoot(text string, names []string) string {
	for _, n := range names {
		for rest := text; ; {
			i := strings.Index(rest, "/"+n)
			if i < 0 {
				break
			}
			before, after := rest[:i], rest[i+1+len(n):]
			if (before == "" || !strings.ContainsRune(pathBytes, rune(before[len(before)-1]))) &&
				(after == "" || after[0] == '/' || !strings.ContainsRune(pathBytes, rune(after[0]))) {
				return n
			}
			rest = after
		}
	}
	return ""
}

// pathBytes are bytes within a path: beside them a name is a part of a longer one.
const pathBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/"
