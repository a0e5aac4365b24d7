package rewrite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/plan"
)

// Declined is the reason of fixes that Options.Accept refused.
const Declined = "left out when asked"

// Offer is one fix that may be applied, with its effect when it alone is. Fixes of later
// offers are made for the files as the accepted ones leave them.
type Offer struct {
	Finding finding.Finding // with its Fix
	// Before and After map the files that the fix changes, relative to the project's root, to
	// their texts. Before lacks files that it creates.
	Before, After map[string]string
	// Secrets are the credentials that findings of this round name: no renderer may print them.
	Secrets []string
}

// offers remembers what was answered. Fixes with a Group of their own stand or fall
// together: the first one's answer is that of all. Others are asked for one by one.
type offers struct {
	accept  func(Offer) (bool, error)
	answers map[string]bool
}

func newOffers(accept func(Offer) (bool, error)) *offers {
	if accept == nil {
		return nil
	}
	return &offers{accept: accept, answers: map[string]bool{}}
}

// declined reports whether a finding's fix was refused in an earlier round.
func (o *offers) declined(res *Result, f finding.Finding) bool {
	if o == nil || f.Fix == nil {
		return false
	}
	accepted, asked := o.answers[o.key(res, f)]
	return asked && !accepted
}

// key tells a fix again in the next round, when its place may have changed.
func (o *offers) key(res *Result, f finding.Finding) string {
	if f.Fix.Group != "" {
		return f.Fix.Group
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\x00%s\x00%s", f.Rule, f.Fix.Title, res.Project.File.Text(f.Span))
	for _, e := range f.Fix.Edits {
		text, err := res.Project.ReadText(e.File)
		if err != nil || e.Start < 0 || e.End > len(text) || e.Start > e.End {
			continue
		}
		fmt.Fprintf(&b, "\x00%s\x00%s\x00%s", e.File, text[e.Start:e.End], e.New)
	}
	return b.String()
}

// ask offers fixes one by one, and returns those that are accepted.
func (o *offers) ask(res *Result, chosen, found []finding.Finding) ([]finding.Finding, error) {
	if o == nil {
		return chosen, nil
	}
	var secrets []string
	for _, f := range found {
		secrets = append(secrets, f.Secrets...)
	}
	var accepted []finding.Finding
	for _, f := range chosen {
		key := o.key(res, f)
		// A fix that was accepted as it stands and comes again is asked for again: it
		// would else be applied as often as its rule finds something.
		if answer, asked := o.answers[key]; !asked || answer && f.Fix.Group == "" {
			offer, err := newOffer(res, f, secrets)
			if err != nil {
				return nil, err
			}
			if o.answers[key], err = o.accept(offer); err != nil {
				return nil, err
			}
		}
		if o.answers[key] {
			accepted = append(accepted, f)
		}
	}
	return accepted, nil
}

// newOffer applies one fix alone.
func newOffer(res *Result, f finding.Finding, secrets []string) (Offer, error) {
	o := Offer{Finding: f, Before: map[string]string{}, After: map[string]string{}, Secrets: secrets}
	edits := edit.ByFile(f.Fix.Edits)
	for _, name := range slices.Sorted(maps.Keys(edits)) {
		before, err := res.Project.ReadText(name)
		if err != nil {
			return o, fmt.Errorf("rewriting %s: %w", name, err)
		}
		after, err := edit.Apply([]byte(before), edits[name])
		if err != nil {
			return o, fmt.Errorf("rewriting %s: %w", name, err)
		}
		o.After[name] = string(after)
		if _, made := res.Project.Changes()[name]; made || res.Project.Exists(name) {
			o.Before[name] = before
		}
	}
	return o, nil
}

// Plan is the offer as a plan of its own.
func (o Offer) Plan() *plan.Plan {
	return &plan.Plan{
		Applied: []plan.Applied{applied(o.Finding)},
		Before:  o.Before, After: o.After, RunEnv: o.Finding.Fix.RunEnv,
	}
}

func applied(f finding.Finding) plan.Applied {
	return plan.Applied{Rule: f.Rule, Group: Group(f), Title: f.Fix.Title, Safety: f.Fix.Safety, Why: f.Fix.Why}
}
