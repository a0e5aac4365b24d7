// Package sarif renders findings as SARIF 2.1.0, which code hosts and editors show beside the
// source. Secrets of a report are masked, as in every rendering.
package sarif

import (
	"encoding/json"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/report"
	"github.com/plimsoll/plimsoll/internal/rule"
)

const (
	schemaURI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	homepage  = "https://github.com/plimsoll/plimsoll"
)

// Write writes the findings of all reports as one run. The rules give the descriptions of those
// that found something. A report with a Failure is an execution that did not succeed.
func Write(w io.Writer, reports []*report.Report, rules []*rule.Rule, version string) error {
	b := builder{described: describe(rules), index: map[string]int{}}
	b.run = run{
		Tool:       tool{driver{Name: "plimsoll", Version: version, InformationURI: homepage, Rules: []descriptor{}}},
		ColumnKind: "unicodeCodePoints",
		Results:    []result{},
	}
	invoked := invocation{Successful: true}
	for _, r := range reports {
		for _, f := range r.Ordered() {
			b.add(r, f)
		}
		for _, s := range r.Suppressed {
			b.suppressed(r, s)
		}
		if r.Failure != nil {
			invoked.Successful = false
			invoked.Notifications = append(invoked.Notifications, failed(r))
		}
	}
	b.run.Invocations = []invocation{invoked}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(document{Schema: schemaURI, Version: "2.1.0", Runs: []run{b.run}})
}

// builder collects the results of a run, and the rules that they refer to.
type builder struct {
	run       run
	described map[string]*rule.Rule
	index     map[string]int
}

func describe(rules []*rule.Rule) map[string]*rule.Rule {
	byID := map[string]*rule.Rule{}
	for _, r := range rules {
		byID[r.ID] = r
	}
	return byID
}

// rule is the index of a rule in the run, which gets it when it has it not yet.
func (b *builder) rule(id string, severity finding.Severity) int {
	if at, ok := b.index[id]; ok {
		return at
	}
	d := descriptor{ID: id, ShortDescription: message{id}, Configuration: configuration{level(severity)}}
	family, _, _ := strings.Cut(id, "/")
	known, ok := b.described[id]
	if !ok {
		known, ok = b.described[family+"/*"]
	}
	if ok && known.Doc.Summary != "" {
		d.ShortDescription = message{known.Doc.Summary}
	}
	if ok && known.Doc.What != "" {
		d.FullDescription = &message{known.Doc.What}
	}
	if ok && known.Doc.Fix != "" {
		d.Help = &message{known.Doc.Why + "\n\n" + known.Doc.Fix}
	}
	at := len(b.run.Tool.Driver.Rules)
	b.run.Tool.Driver.Rules = append(b.run.Tool.Driver.Rules, d)
	b.index[id] = at
	return at
}

func (b *builder) add(r *report.Report, f finding.Finding) {
	mask := r.Masker()
	res := result{
		RuleID: f.Rule, RuleIndex: b.rule(f.Rule, f.Severity), Level: level(f.Severity),
		Message:   message{mask(f.Message)},
		Locations: []location{{physicalLocation{artifact{uri(r, f.File)}, regionOf(r, f)}}},
	}
	switch {
	case f.Fix != nil:
		res.Properties = map[string]string{"fix": mask(f.Fix.Title), "safety": f.Fix.Safety.String()}
	case f.Refused != "":
		res.Properties = map[string]string{"refused": mask(f.Refused)}
	}
	b.run.Results = append(b.run.Results, res)
}

// suppressed results are told with their suppression, so that their state is known.
func (b *builder) suppressed(r *report.Report, s report.Suppressed) {
	res := result{
		RuleID: s.Rule, RuleIndex: b.rule(s.Rule, finding.Info), Level: level(finding.Info),
		Message:      message{"suppressed by a comment in the Dockerfile"},
		Locations:    []location{{physicalLocation{Artifact: artifact{uri(r, s.File)}}}},
		Suppressions: []suppression{{"inSource"}},
	}
	if s.Line > 0 {
		res.Locations[0].Physical.Region = &region{StartLine: s.Line}
	}
	b.run.Results = append(b.run.Results, res)
}

func failed(r *report.Report) notification {
	n := notification{Level: "error", Message: message{r.Mask(r.Failure.Message)}}
	switch {
	case r.Failure.File != "":
		n.Locations = []location{{physicalLocation{Artifact: artifact{escaped(r.Failure.File)}}}}
	case r.Path != "":
		n.Locations = []location{{physicalLocation{Artifact: artifact{escaped(r.Path)}}}}
	}
	if len(n.Locations) > 0 && r.Failure.Line > 0 {
		n.Locations[0].Physical.Region = &region{StartLine: r.Failure.Line}
	}
	return n
}

func level(s finding.Severity) string {
	switch s {
	case finding.Error:
		return "error"
	case finding.Warning:
		return "warning"
	}
	return "note"
}

// uri is a file of the project relative to the working directory where it lies in it.
func uri(r *report.Report, name string) string {
	return escaped(path.Join(filepath.ToSlash(r.Root), name))
}

func escaped(name string) string {
	name = filepath.ToSlash(name)
	if path.IsAbs(name) {
		return (&url.URL{Scheme: "file", Path: name}).String()
	}
	return (&url.URL{Path: path.Clean(name)}).EscapedPath()
}

// regionOf is where a finding stands; nil for a file as a whole.
func regionOf(r *report.Report, f finding.Finding) *region {
	if f.Position.Line == 0 {
		return nil
	}
	source, ok := r.Sources[f.File]
	start, end := f.Span.Start, f.Span.End
	if !ok || start < 0 || start > end || end > len(source) {
		return &region{StartLine: f.Position.Line}
	}
	at := &region{}
	at.StartLine, at.StartColumn = place(source, start)
	at.EndLine, at.EndColumn = place(source, end)
	return at
}

// place counts lines and code points to an offset, both from 1.
func place(source string, offset int) (line, column int) {
	before := source[:offset]
	lineStart := strings.LastIndexByte(before, '\n') + 1
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[lineStart:])
}
