package cli

import (
	"fmt"
	"strings"

	jsonreport "github.com/plimsoll/plimsoll/internal/report/json"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/spf13/cobra"
)

const explainLong = `Explain tells what a rule finds, why that matters, how to write it instead, what
fix does about it, and how prove shows that the fix is sound. Without RULE it
lists all rules. The group may be left out where the name alone is clear.`

const explainExample = `  plimsoll explain
  plimsoll explain size/heavy-base
  plimsoll explain root-user`

func (s *session) explain() *cobra.Command {
	format := newFormat()
	cmd := &cobra.Command{
		Use: "explain [RULE]", Short: "Tell what a rule means",
		Long: explainLong, Example: explainExample, Args: atMost(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleIDs(s.rules()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			rules := s.rules()
			if len(args) > 0 {
				one, err := findRule(rules, args[0])
				if err != nil {
					return usageError{err, cmd.CommandPath()}
				}
				rules = []*rule.Rule{one}
			}
			return s.showRules(rules, len(args) > 0, format.json())
		},
	}
	format.register(cmd.Flags())
	return cmd
}

func (s *session) showRules(rules []*rule.Rule, inFull, asJSON bool) error {
	switch {
	case asJSON:
		return jsonreport.WriteRules(s.Stdout, rules)
	case inFull:
		return s.printer(s.Stdout).Rule(rules[0])
	}
	return s.printer(s.Stdout).Rules(rules)
}

func (s *session) rules() []*rule.Rule {
	if s.Pipelines.Rules == nil {
		return nil
	}
	return s.Pipelines.Rules()
}

func ruleIDs(rules []*rule.Rule) []string {
	var ids []string
	for _, r := range rules {
		ids = append(ids, r.ID)
	}
	return ids
}

// findRule finds a rule by its ID, or by its name without the group if only one has it.
func findRule(rules []*rule.Rule, name string) (*rule.Rule, error) {
	var matches []*rule.Rule
	for _, r := range rules {
		if r.ID == name {
			return r, nil
		}
		if _, bare, _ := strings.Cut(r.ID, "/"); bare == name {
			matches = append(matches, r)
		}
	}
	switch len(matches) {
	case 1:
		return matches[0], nil
	case 0:
		return nil, unknownRule(rules, name)
	}
	return nil, fmt.Errorf("rule %s could be %s", name, strings.Join(ruleIDs(matches), " or "))
}

func unknownRule(rules []*rule.Rule, name string) error {
	near := nearest(name, ruleIDs(rules))
	if len(near) == 0 && !strings.Contains(name, "/") {
		near = nearBare(rules, name)
	}
	if len(near) == 0 {
		return fmt.Errorf("unknown rule %q; plimsoll explain lists all", name)
	}
	return fmt.Errorf("unknown rule %q; did you mean %s?", name, strings.Join(near, ", "))
}

// nearBare is nearest on the names without their groups.
func nearBare(rules []*rule.Rule, name string) []string {
	ids := map[string]string{}
	var names []string
	for _, r := range rules {
		_, bare, _ := strings.Cut(r.ID, "/")
		ids[bare] = r.ID
		names = append(names, bare)
	}
	var near []string
	for _, bare := range nearest(name, names) {
		near = append(near, ids[bare])
	}
	return near
}

// resolve checks the flags that say what rules may look at. Names of rules are
// completed to IDs; those of BuildKit's own checks (build/…) are not known here.
func (s *session) resolve(from sources) (way way, ids []string, err error) {
	if way, err = s.way(from.reach); err != nil {
		return way, nil, err
	}
	known := s.rules()
	for _, name := range from.rules {
		name = strings.TrimSpace(name)
		if strings.HasPrefix(name, "build/") {
			ids = append(ids, name)
			continue
		}
		one, err := findRule(known, name)
		if err != nil {
			return way, nil, fmt.Errorf("--rule: %w", err)
		}
		ids = append(ids, one.ID)
	}
	return way, ids, nil
}
