package main

import (
	"fmt"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildkitlint"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// checkTable lists BuildKit's checks with the severity that plimsoll gives each.
func checkTable(r *rule.Rule) string {
	group := strings.TrimSuffix(r.ID, "*")
	var b strings.Builder
	b.WriteString("| check | severity | why that severity |\n|---|---|---|\n")
	for _, name := range buildkitlint.Checks() {
		rating := buildkitlint.Rate(name)
		why := cell(rating.Reason)
		if rating.CoveredBy != "" {
			why += fmt.Sprintf("; see also [%s](%s.md)", rating.CoveredBy, strings.ReplaceAll(rating.CoveredBy, "/", "-"))
		}
		fmt.Fprintf(&b, "| %s%s | %s | %s |\n", group, name, rating.Severity, why)
	}
	return b.String()
}
