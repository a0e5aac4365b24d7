package secret

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/zricethezav/gitleaks/v8/config"
)

// ruleFile is the part of gitleaks' configuration that is used here. It is read as
// data: its own loader compiles all regular expressions, which takes far longer than a check.
type ruleFile struct {
	Allowlist  allowlist
	Allowlists []allowlist
	Rules      []*rule
}

// rule is one of gitleaks' rules.
type rule struct {
	ID          string
	Description string
	Regex       string
	Path        string
	SecretGroup int
	Entropy     float64
	Keywords    []string
	Allowlists  []allowlist

	compiled func() (*compiledRule, error)
	anchors  func() []anchor
	anywhere func() *unanchored // for rules without anchors
}

type compiledRule struct {
	regex   *regexp.Regexp
	path    *pattern
	allowed []compiledAllowlist
}

// allowlist names what is no secret although a rule matches.
type allowlist struct {
	Condition   string // "AND": all of the checks below must agree
	Paths       []string
	RegexTarget string // "", "match" or "line"
	Regexes     []string
	StopWords   []string
}

type compiledAllowlist struct {
	all       bool
	paths     *pattern
	target    string
	regexes   *regexp.Regexp
	stopWords []string
}

// ruleSet is gitleaks' default rules, ready to match.
type ruleSet struct {
	rules    []*rule
	keywords func() *keywordSearch
	allowed  func() ([]compiledAllowlist, error)
	targets  func() []func() []target // by keyword
	paths    func() []*pattern        // see pathPatterns
}

// rules reads the rule set once: it never changes after.
var rules = sync.OnceValues(loadRules)

func loadRules() (*ruleSet, error) {
	var file ruleFile
	if _, err := toml.Decode(config.DefaultConfig, &file); err != nil {
		return nil, fmt.Errorf("reading gitleaks' rules: %w", err)
	}
	set := &ruleSet{}
	for _, r := range file.Rules {
		if r.Regex == "" {
			continue // by file name alone: File knows those
		}
		for i, k := range r.Keywords {
			r.Keywords[i] = strings.ToLower(k)
		}
		r.compiled = sync.OnceValues(r.compile)
		r.anchors = sync.OnceValue(func() []anchor { return anchorsOf(r.Regex, r.Keywords) })
		r.anywhere = sync.OnceValue(func() *unanchored { return newUnanchored(r.Regex) })
		set.rules = append(set.rules, r)
	}
	set.keywords = sync.OnceValue(func() *keywordSearch { return newKeywordSearch(set.rules) })
	set.targets = sync.OnceValue(func() (all []func() []target) {
		for word := range set.keywords().words {
			all = append(all, sync.OnceValue(func() []target { return set.targetsOf(int32(word)) }))
		}
		return all
	})
	global := append(file.Allowlists, file.Allowlist)
	set.allowed = sync.OnceValues(func() ([]compiledAllowlist, error) { return compileAllowlists(global) })
	set.paths = sync.OnceValue(set.pathPatterns)
	return set, nil
}

func (r *rule) compile() (*compiledRule, error) {
	var c compiledRule
	var err error
	if c.regex, err = regexp.Compile(r.Regex); err != nil {
		return nil, fmt.Errorf("compiling rule %s: %w", r.ID, err)
	}
	if r.Path != "" {
		if c.path, err = patternOf([]string{r.Path}); err != nil {
			return nil, fmt.Errorf("compiling the path of rule %s: %w", r.ID, err)
		}
	}
	if c.allowed, err = compileAllowlists(r.Allowlists); err != nil {
		return nil, fmt.Errorf("compiling rule %s: %w", r.ID, err)
	}
	return &c, nil
}

func compileAllowlists(lists []allowlist) ([]compiledAllowlist, error) {
	var out []compiledAllowlist
	for _, l := range lists {
		c := compiledAllowlist{all: strings.EqualFold(l.Condition, "AND"), target: l.RegexTarget}
		var err error
		if c.paths, err = patternOf(l.Paths); err != nil {
			return nil, err
		}
		if c.regexes, err = anyOf(l.Regexes); err != nil {
			return nil, err
		}
		for _, w := range l.StopWords {
			c.stopWords = append(c.stopWords, strings.ToLower(w))
		}
		out = append(out, c)
	}
	return out, nil
}

func anyOf(patterns []string) (*regexp.Regexp, error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	return regexp.Compile(joined(patterns))
}

func joined(patterns []string) string { return "(?:" + strings.Join(patterns, ")|(?:") + ")" }

// pattern is a regular expression that is asked often and matches seldom.
type pattern struct {
	regex *regexp.Regexp
	quick *unanchored
}

func patternOf(patterns []string) (*pattern, error) {
	regex, err := anyOf(patterns)
	if regex == nil || err != nil {
		return nil, err
	}
	return &pattern{regex, newUnanchored(joined(patterns))}, nil
}

func (p *pattern) matches(text string) bool {
	return p.quick.mayMatch([]byte(text)) && p.regex.MatchString(text)
}

// candidate is what a rule matched.
type candidate struct{ path, secret, match, line string }

// allows reports whether the candidate is on the list.
func (l compiledAllowlist) allows(c candidate) bool {
	var checks []bool
	if l.paths != nil {
		checks = append(checks, c.path != "" && l.paths.matches(c.path))
	}
	if l.regexes != nil {
		checks = append(checks, l.regexes.MatchString(l.subject(c)))
	}
	if len(l.stopWords) > 0 {
		checks = append(checks, containsAny(strings.ToLower(c.secret), l.stopWords))
	}
	for _, ok := range checks {
		if ok != l.all {
			return ok
		}
	}
	return l.all && len(checks) > 0
}

func (l compiledAllowlist) subject(c candidate) string {
	switch l.target {
	case "match":
		return c.match
	case "line":
		return c.line
	default:
		return c.secret
	}
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// entropy is Shannon's, in bits per character.
func entropy(s string) float64 {
	counts := map[rune]int{}
	for _, r := range s {
		counts[r]++
	}
	var bits float64
	for _, n := range counts {
		p := float64(n) / float64(len(s))
		bits -= p * math.Log2(p)
	}
	return bits
}
