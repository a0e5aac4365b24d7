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

var devDependencies = &rule.Rule{
	ID:       "size/dev-dependencies",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Lines,
	Needs:    []rule.Need{rule.NeedFacts},
	Doc: rule.Doc{
		Summary: "Development dependencies are installed, and nothing is built with them.",
		What:    "The install step brings packages that the manifest lists for development, and no step of the Dockerfile builds anything.",
		Why:     "Test runners, compilers and their own dependencies are pushed, pulled and scanned with the image, and never called.",
		Before: `
-- Dockerfile --
FROM node:20-slim
WORKDIR /srv
COPY package.json ./
RUN npm install
COPY . .
CMD ["node", "server.js"]
-- package.json --
{
  "dependencies": { "express": "4" },
  "devDependencies": { "jest": "29" }
}
-- server.js --
require('express')().listen(80);
`,
		After: `
-- Dockerfile --
FROM node:20-slim
WORKDIR /srv
COPY package.json ./
RUN npm install --omit=dev
COPY . .
CMD ["node", "server.js"]
`,
		Fix:   "Adds the manager's option that leaves them out. Refused when the source or the start command needs one of them, when a script runs with the install, when another step may call one, and when a service of compose starts the image with one. Where something is built, size/single-stage takes them out after the build.",
		Proof: "The image is built without them, starts, and answers as before.",
		Links: []string{"https://docs.npmjs.com/cli/commands/npm-install#omit"},
	},
	Check: checkDevDependencies,
}

func checkDevDependencies(p *rule.Pass) error {
	dev := p.Facts.DevDependencies
	if !dev.Known() || len(p.Facts.Builds) > 0 || dev.Source.File != p.DockerfilePath {
		return nil
	}
	for _, stage := range p.File.Stages {
		steps := runSteps(p, stage)
		for i, step := range steps {
			from, to := p.File.Position(step.inst.Span.Start).Line, p.File.Position(step.inst.Span.End).Line
			if dev.Source.Line < from || dev.Source.Line > to || !step.installsDependencies() {
				continue
			}
			f := finding.Finding{
				Span:    step.inst.Span,
				Message: fmt.Sprintf("the install brings %s, which only building and testing need, and nothing is built: leave them out", dev.Value),
			}
			if f.Refused = keepsDev(p, step, steps[i+1:]); f.Refused == "" {
				f.Fix, f.Refused = leaveOutDev(p, step)
			}
			p.Report(f)
		}
	}
	return nil
}

// keepsDev says what may need development dependencies; empty when nothing is seen to.
func keepsDev(p *rule.Pass, step *runStep, below []*runStep) string {
	for _, n := range p.Facts.Notes {
		if n.About == "dev-dependencies" {
			return n.Text
		}
	}
	if r := p.Facts.InstallReadsSource; r.Known() {
		return "installing may do more than read the manifests, and may need them for it: " + readsSource(p.Facts, "")
	}
	for _, s := range append([]*runStep{step}, below...) {
		if len(s.other) > 0 || s.script == nil {
			return fmt.Sprintf("the RUN on line %d may call one of them: do that in a stage that does not ship", p.File.Position(s.inst.Span.Start).Line)
		}
	}
	return ""
}

// leaveOutDev adds the option of each manager to its installs.
func leaveOutDev(p *rule.Pass, step *runStep) (*finding.Fix, string) {
	var edits []edit.Edit
	for _, c := range step.installs {
		if c.manager.system || c.has("-g", "--global") || c.manager.itself != "" && c.has(c.manager.itself) {
			continue
		}
		option := c.manager.production
		if groups := p.Facts.DevGroups; c.manager.without != "" && len(groups) > 0 {
			option = c.manager.without + " " + strings.Join(groups, ",")
		}
		if option == "" && c.manager.development == nil || step.inst.JSON {
			return nil, "how " + c.manager.name + " leaves them out here is not known: do it by hand"
		}
		if reason := c.asksMore(); reason != "" {
			return nil, reason
		}
		if option != "" {
			edits = append(edits, p.Insert(c.Words[len(c.Words)-1].Span.End, " "+option))
		}
		for i, w := range c.Words {
			if i > 0 && slices.Contains(c.manager.development, w.Text) {
				edits = append(edits, p.Edit(dockerfile.Span{Start: c.Words[i-1].Span.End, End: w.Span.End}, ""))
			}
		}
	}
	if len(edits) == 0 {
		return nil, "which command brings them is not known: leave them out by hand"
	}
	return &finding.Fix{
		Title:  "Install without development dependencies",
		Safety: finding.Unsafe,
		Why:    "the application may load one of them in a way that is not seen in the source; the proof runs it without them",
		Edits:  edits,
	}, ""
}

// asksMore says what an install is told to bring besides what the manifest lists for production; empty when nothing is seen to.
func (c installCommand) asksMore() string {
	for _, option := range c.manager.names {
		if c.has(option) {
			return option + " names what is installed: leave them out of that"
		}
	}
	i := c.manager.byName(c.args)
	switch {
	case i < 0:
		return ""
	case !c.args[i].Literal:
		return "what " + c.args[i].Text + " stands for is only known when the build runs: write it out"
	case i > 0 && strings.HasPrefix(c.args[i-1].Text, "-") && !strings.HasPrefix(c.args[i-1].Text, "--"):
		return fmt.Sprintf("%s %s may ask for a package by name: list that in the manifest, or write the option in its long form, with = before the value", c.args[i-1].Text, c.args[i].Text)
	case i > 0 && strings.HasPrefix(c.args[i-1].Text, "--") && !strings.Contains(c.args[i-1].Text, "="):
		return fmt.Sprintf("%[1]s %[2]s may ask for a package by name: list that in the manifest, or write %[1]s=%[2]s where it is the option's value", c.args[i-1].Text, c.args[i].Text)
	}
	return "the step installs packages by name besides: list them in the manifest"
}
