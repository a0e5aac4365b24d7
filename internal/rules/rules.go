// Package rules holds the rules, one file each. A new rule is a file with a
// rule.Rule in a variable, and its cases under testdata/NAME; go generate lists it.
package rules

//go:generate go run ./gen
//go:generate go run ./docs
