// Package rule defines what a rule is and what it sees, and runs rules.
//
// A rule is a value. All that it sees is the Pass it is given: no engine, no
// network, no disk. What it can't decide for lack of evidence is said, never
// silently left out.
package rule

import (
	"bytes"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/project"
)

// Phase says in which round of rewriting a rule's fixes come: edits of single
// lines first, then the shape of the file, then what is added to that shape.
// A round applies the fixes of the lowest phase that has any.
type Phase int

const (
	Lines  Phase = iota // local edits, the order of instructions, and files beside the Dockerfile
	Split               // builder and runner stages
	Base                // the base image of the final stage
	Finish              // what depends on the final shape: user, health check, labels
)

// Need is evidence that a rule can't do without.
type Need string

const (
	NeedContext  Need = "context"  // the build context's files
	NeedFacts    Need = "facts"    // an ecosystem recognised the application
	NeedRegistry Need = "registry" // the base image's variants and their sizes
)

// Doc is a rule's documentation. The examples are executed: Before must raise
// exactly this rule, After must be what fixing Before gives, and raise nothing.
// Both are txtar archives of the project's files.
type Doc struct {
	Summary string   // one line
	What    string   // when it is raised
	Why     string   // what it costs
	Before  string   // files of a project that has the fault
	After   string   // the files that the fix changes or creates, as the fix leaves them; empty for rules without a fix
	Fix     string   // what the fix does, or why there is none
	Proof   string   // how prove shows that the fix is sound
	Links   []string // where the facts come from
}

// Rule is one check with its documentation.
type Rule struct {
	ID       string // "group/kebab-name"; "group/*" for a family that names its findings
	Severity finding.Severity
	Safety   finding.Safety // the best that its fix can be
	Phase    Phase
	Needs    []Need
	Doc      Doc
	// Check reports findings through the pass. An error means that the rule itself broke.
	Check func(*Pass) error
}

// Pass is all that a rule sees.
type Pass struct {
	*project.Project
	Rule       *Rule
	shared     shared
	findings   []finding.Finding
	suppressed []finding.Finding
}

// Report records a finding of this rule. Rule, Severity, File and Position are
// filled in where they are left empty. A rule called "group/*" names and rates
// its findings itself. What the author suppressed with a comment is kept apart.
func (p *Pass) Report(f finding.Finding) {
	family, many := strings.CutSuffix(p.Rule.ID, "*")
	if !many || !strings.HasPrefix(f.Rule, family) {
		f.Rule = p.Rule.ID
	}
	if f.Severity == finding.Info && !many {
		f.Severity = p.Rule.Severity
	}
	if f.File == "" {
		f.File = p.DockerfilePath
	}
	f.Position = p.File.Position(f.Span.Start)
	if p.File.Ignored(f.Rule, p.instructionAt(f.Span.Start)) {
		p.suppressed = append(p.suppressed, f)
		return
	}
	p.findings = append(p.findings, f)
}

// Text is a part of the Dockerfile.
func (p *Pass) Text(s dockerfile.Span) string { return p.File.Text(s) }

// Edit is a splice of the Dockerfile.
func (p *Pass) Edit(s dockerfile.Span, text string) edit.Edit {
	return edit.Edit{File: p.DockerfilePath, Start: s.Start, End: s.End, New: text}
}

// Insert puts text into the Dockerfile before the byte at offset. Line ends
// in text, and the backslash before one, are written as the file writes them.
func (p *Pass) Insert(offset int, text string) edit.Edit {
	text = strings.ReplaceAll(text, "\\\n", string(p.File.Escape)+"\n")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", p.File.Newline())
	return edit.Edit{File: p.DockerfilePath, Start: offset, End: offset, New: text}
}

// Delete removes an instruction with its lines; the author's comments stay. Of
// the empty lines that would meet where it stood one goes too.
func (p *Pass) Delete(i *dockerfile.Instruction) edit.Edit { return p.remove(p.File.Lines(i.Span)) }

// DeleteWithLead removes an instruction with the comments above it, for what is written elsewhere again.
func (p *Pass) DeleteWithLead(i *dockerfile.Instruction) edit.Edit { return p.remove(p.File.Block(i)) }

func (p *Pass) remove(s dockerfile.Span) edit.Edit {
	before, after := p.File.Source[:s.Start], p.File.Source[s.End:]
	nl := []byte(p.File.Newline())
	emptyAbove := len(before) == 0 || bytes.HasSuffix(before, append(append([]byte{}, nl...), nl...))
	if emptyAbove && bytes.HasPrefix(after, nl) {
		s.End += len(nl)
	}
	return p.Edit(s, "")
}

func (p *Pass) instructionAt(offset int) *dockerfile.Instruction {
	for _, i := range p.File.Instructions {
		if i.Span.Start <= offset && offset < i.Span.End {
			return i
		}
	}
	return nil
}

// AttachFix gives the last n findings one fix that mends them together, or the
// reason why there is none. It is asked for only when a finding is left after suppression.
func (p *Pass) AttachFix(n int, fix func() (*finding.Fix, string)) {
	n = min(n, len(p.findings))
	if n == 0 {
		return
	}
	first := &p.findings[len(p.findings)-n]
	first.Fix, first.Refused = fix()
	for i := len(p.findings) - n + 1; i < len(p.findings); i++ {
		p.findings[i].Refused = first.Refused
	}
}
