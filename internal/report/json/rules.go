package jsonreport

import (
	"io"

	"github.com/plimsoll/plimsoll/internal/rule"
)

// RulesSchema names the document with the rules' documentation.
const RulesSchema = "plimsoll.rules/1"

type rulesDocument struct {
	Schema string    `json:"schema"`
	Rules  []ruleDoc `json:"rules"`
}

type ruleDoc struct {
	ID       string      `json:"id"`
	Severity string      `json:"severity"`
	Safety   string      `json:"safety"`
	Needs    []rule.Need `json:"needs"`
	Summary  string      `json:"summary"`
	What     string      `json:"what"`
	Why      string      `json:"why"`
	Before   string      `json:"before"`
	After    string      `json:"after"`
	Fix      string      `json:"fix"`
	Proof    string      `json:"proof"`
	Links    []string    `json:"links"`
}

// WriteRules writes what rules are there, in the order given.
func WriteRules(w io.Writer, rules []*rule.Rule) error {
	return encode(w, rulesDocument{RulesSchema, list(rules, newRuleDoc)})
}

func newRuleDoc(r *rule.Rule) ruleDoc {
	same := func(s string) string { return s }
	return ruleDoc{
		ID: r.ID, Severity: r.Severity.String(), Safety: r.Safety.String(),
		Needs:   append([]rule.Need{}, r.Needs...),
		Summary: r.Doc.Summary, What: r.Doc.What, Why: r.Doc.Why,
		Before: r.Doc.Before, After: r.Doc.After, Fix: r.Doc.Fix, Proof: r.Doc.Proof,
		Links: list(r.Doc.Links, same),
	}
}
