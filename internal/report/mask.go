package report

import (
	"cmp"
	"slices"
	"strings"
)

// Masked stands where a secret stood.
const Masked = "********"

// shortest is the length below which a value is not masked: shorter ones
// ("1", "on") occur everywhere and masking them would garble the report while
// hiding nothing.
const shortest = 4

// Mask returns text with every secret of the report replaced: its Secrets, and
// the values that the plan's fixes took out of the image.
func (r *Report) Mask(text string) string { return r.masker().Replace(text) }

// Masker returns Mask as a function that is cheaper when called often.
func (r *Report) Masker() func(string) string { return r.masker().Replace }

func (r *Report) masker() *strings.Replacer {
	values := slices.Clone(r.Secrets)
	if r.Plan != nil {
		for _, env := range r.Plan.RunEnv {
			values = append(values, env.Value)
		}
	}
	for _, v := range values {
		values = append(values, keyLines(v)...)
	}
	values = slices.DeleteFunc(values, func(v string) bool { return len(v) < shortest })
	// Longest first: a secret that starts another one must not leave its tail behind.
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	var pairs []string
	for _, v := range slices.Compact(values) {
		pairs = append(pairs, v, Masked)
	}
	return strings.NewReplacer(pairs...)
}

// keyLines are the lines of a secret that has several, as a private key does:
// excerpts and diffs show single lines.
func keyLines(value string) []string {
	lines := strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) < 2 {
		return nil
	}
	return slices.DeleteFunc(lines, func(line string) bool { return len(line) < 2*shortest })
}
