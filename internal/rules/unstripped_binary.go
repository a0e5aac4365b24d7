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

var unstrippedBinary = &rule.Rule{
	ID:       "size/unstripped-binary",
	Severity: finding.Info,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Doc: rule.Doc{
		Summary: "A program ships with its symbol table and debug information.",
		What:    "go build or go install is called without -s or -w among its -ldflags. Builds that ask for a debugger (-gcflags with -N) are left alone.",
		Why:     "Nothing reads either in production: stack traces of a panic and profiles need neither. They are often a quarter of the program, and the proof measures how much it is here.",
		Before: `
-- Dockerfile --
FROM golang:1.24-bookworm AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -ldflags="-X main.version=1.2" -o /app .

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /app /app
USER 65532:65532
CMD ["/app"]
-- go.mod --
module example.org/app
-- main.go --
package main

func main() {}
`,
		After: `
-- Dockerfile --
FROM golang:1.24-bookworm AS build
WORKDIR /src
COPY . .
RUN CGO_ENABLED=0 go build -ldflags="-s -w -X main.version=1.2" -o /app .

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /app /app
USER 65532:65532
CMD ["/app"]
`,
		Fix:   "Adds -s -w to the author's -ldflags, or gives the flag. Refused where the flags are in a variable without quotes.",
		Proof: "The program is built and answers as before; the table has the image's size before and after.",
		Links: []string{"https://pkg.go.dev/cmd/link"},
	},
	Check: checkUnstrippedBinary,
}

func checkUnstrippedBinary(p *rule.Pass) error {
	for _, stage := range p.File.Stages {
		for _, step := range runSteps(p, stage) {
			if step.script == nil || step.inst.JSON || flagsInEnv(p, step.inst) {
				continue
			}
			for _, c := range step.script.Commands() {
				if b := readGoBuild(c); b != nil {
					b.report(p)
				}
			}
		}
	}
	return nil
}

// flagsInEnv reports whether the environment gives the go command flags for the linker.
func flagsInEnv(p *rule.Pass, inst *dockerfile.Instruction) bool {
	state := p.File.StateBefore(inst)
	v, ok := state.EnvVar("GOFLAGS")
	return ok && strings.Contains(v.Value, "ldflags")
}

// goBuild is a call of go build or go install that links with symbols.
type goBuild struct {
	shellCommand
	verb shellWord
	// flags is the word with the linker's flags; nil when there is none. at is where they begin in it.
	flags *shellWord
	at    int
}

// readGoBuild returns nil for other commands, and for programs that are stripped or meant for a debugger.
func readGoBuild(c shellCommand) *goBuild {
	name, rest := program(c)
	if name != "go" || len(rest) == 0 || rest[0].Text != "build" && rest[0].Text != "install" {
		return nil
	}
	b := &goBuild{shellCommand: c, verb: rest[0]}
	for i, w := range rest[1:] {
		flag, value, joined := strings.Cut(strings.TrimLeft(w.Text, "-"), "=")
		switch {
		case !strings.HasPrefix(w.Text, "-"):
			if strings.Contains(w.Text, "@") {
				return nil // a tool of another module
			}
			continue
		case flag == "gcflags" && strings.Contains(w.Text+next(rest[1:], i), "-N"), flag == "race", flag == "buildmode":
			return nil
		case flag != "ldflags":
			continue
		case joined:
			b.flags, b.at = &w, strings.Index(w.Text, "=")+1
		case i+2 < len(rest):
			b.flags, value = &rest[i+2], rest[i+2].Text
		}
		if words := strings.Fields(value); slices.Contains(words, "-s") || slices.Contains(words, "-w") {
			return nil
		}
	}
	return b
}

func next(words []shellWord, i int) string {
	if i+1 < len(words) {
		return words[i+1].Text
	}
	return ""
}

func (b *goBuild) report(p *rule.Pass) {
	f := finding.Finding{
		Span:    b.Span,
		Message: fmt.Sprintf("go %s keeps the symbol table and debug information in the program, which nothing reads in production: add -ldflags=\"-s -w\"", b.verb.Text),
	}
	if e, ok := b.strip(p); ok {
		f.Fix = &finding.Fix{
			Title:  "Link without symbols and debug information",
			Safety: finding.Unsafe,
			Why:    "a program may read its own symbols, and a debugger finds none; the proof asks it the same as before",
			Edits:  []edit.Edit{e},
		}
	} else {
		f.Refused = "the linker's flags are in a variable without quotes: add -s -w to its value"
	}
	p.Report(f)
}

// strip adds the flags to the author's, inside of their quotes.
func (b *goBuild) strip(p *rule.Pass) (edit.Edit, bool) {
	const stripped = "-s -w"
	if b.flags == nil {
		return p.Insert(b.verb.Span.End, ` -ldflags="`+stripped+`"`), true
	}
	raw := p.Text(b.flags.Span)
	if b.at > len(raw) {
		return edit.Edit{}, false
	}
	value := raw[b.at:]
	start := b.flags.Span.Start + b.at
	switch {
	case value == "" || strings.ContainsAny(raw[:b.at], `"'`):
		return edit.Edit{}, false // the quotes are around the flag and its value
	case value[0] == '"' || value[0] == '\'':
		return p.Insert(start+1, stripped+" "), true
	case strings.ContainsAny(value, "$`\\"):
		return edit.Edit{}, false
	}
	return p.Edit(dockerfile.Span{Start: start, End: b.flags.Span.End}, `"`+stripped+" "+value+`"`), true
}
