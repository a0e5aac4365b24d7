package buildctx

import (
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/moby/patternmatcher"
)

// patternSet is a list of patterns of an ignore file or of COPY --exclude.
type patternSet struct {
	patterns   []pattern
	exceptions bool // one of them starts with !
	// plainExceptions: every exception is a path without wildcards (but for a
	// trailing /* or /**), so that it can be told where one may match.
	plainExceptions bool
}

// pattern is one of them. The library decides whether it matches; most of the
// time that is not needed, as the path lacks text that every match has. That
// saves nearly all runs of regular expressions.
type pattern struct {
	matcher        *patternmatcher.PatternMatcher // of this pattern alone
	exception      bool
	text           string
	prefix, suffix string
	inner          string // somewhere in between
	// ending says that the suffix tells all: the pattern is **/*.ending.
	ending bool
}

func compile(texts []string) (patternSet, error) {
	s := patternSet{plainExceptions: true}
	for _, text := range texts {
		m, err := patternmatcher.New([]string{text})
		if err != nil {
			return patternSet{}, fmt.Errorf("bad pattern %q: %w", text, err)
		}
		if len(m.Patterns()) == 0 {
			continue // blank
		}
		p := newPattern(m)
		if !p.ending { // which would have the library compile an expression for nothing
			if _, err := p.ask("x"); err != nil {
				return patternSet{}, fmt.Errorf("bad pattern %q: %w", text, err)
			}
		}
		s.patterns = append(s.patterns, p)
		if p.exception {
			s.exceptions = true
			s.plainExceptions = s.plainExceptions && !strings.ContainsAny(withoutTrailingGlob(p.text), wildcardBytes())
		}
	}
	return s, nil
}

func newPattern(m *patternmatcher.PatternMatcher) pattern {
	only := m.Patterns()[0]
	p := pattern{matcher: m, exception: only.Exclusion(), text: only.String()}
	p.prefix, p.suffix = literalEnds(p.text)
	p.inner = literalRun(p.text)
	rest, anywhere := strings.CutPrefix(p.text, "**/*")
	p.ending = anywhere && rest != "" && rest == p.suffix && !strings.Contains(rest, "/")
	return p
}

// literalEnds returns what every path that the pattern matches starts and ends
// with, as far as it can be told from its text.
func literalEnds(text string) (prefix, suffix string) {
	const meta = `*?[]\`
	if rewritten(text) {
		return "", ""
	}
	first := strings.IndexAny(text, meta)
	if first < 0 {
		return text, text
	}
	// **/name matches name too
	return text[:first], strings.TrimPrefix(text[strings.LastIndexAny(text, meta)+1:], "/")
}

// literalRun returns the longest text that every path which the pattern
// matches contains, as far as it can be told.
func literalRun(text string) string {
	if rewritten(text) {
		return ""
	}
	if class := strings.IndexAny(text, `[]\`); class >= 0 {
		text = text[:class]
	}
	longest := ""
	for run := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '*' || r == '?' }) {
		if run = strings.Trim(run, "/"); len(run) > len(longest) {
			longest = run
		}
	}
	return longest
}

// rewritten tells texts that the library's scanner changes.
func rewritten(text string) bool {
	return !utf8.ValidString(text) || strings.ContainsAny(text, "\uFFFD\uFEFF")
}

func (p pattern) matches(path string) (bool, error) {
	if !strings.HasSuffix(path, p.suffix) || !strings.HasPrefix(path, p.prefix) || !strings.Contains(path, p.inner) {
		return false, nil
	}
	if p.ending && !strings.Contains(path, "\n") { // where the library's expression ends a line
		return true, nil
	}
	return p.ask(path)
}

// ask has the library match the path alone, without its parents: starting from
// the state in which this pattern would change the result.
func (p pattern) ask(path string) (bool, error) {
	result, err := p.matcher.MatchesUsingParentResult(path, p.exception)
	return result != p.exception, err
}

// match tells whether the list as a whole matches a path whose parent matched
// the patterns in parent (nil at the top), and which patterns this path
// matches. It is patternmatcher's MatchesUsingParentResults over patterns that are
// matched one by one.
func (s patternSet) match(path string, parent []bool) (bool, []bool, error) {
	if len(s.patterns) == 0 {
		return false, nil, nil
	}
	info := make([]bool, len(s.patterns))
	result := false
	for i, p := range s.patterns {
		matched := parent != nil && parent[i]
		if !matched && p.exception != result {
			continue // it would change nothing
		}
		if !matched {
			var err error
			if matched, err = p.matches(path); err != nil {
				return false, nil, fmt.Errorf("bad pattern %q: %w", p.text, err)
			}
		}
		info[i] = matched
		if matched {
			result = !p.exception
		}
	}
	return result, info, nil
}

// nothingBelow tells that no exception can match below a directory that is matched.
func (s patternSet) nothingBelow(dir string) bool {
	if !s.plainExceptions {
		return false
	}
	for _, p := range s.patterns {
		if p.exception && strings.HasPrefix(withoutTrailingGlob(p.text)+string(filepath.Separator), filepath.FromSlash(dir)+string(filepath.Separator)) {
			return false
		}
	}
	return true
}

func withoutTrailingGlob(text string) string {
	text = strings.TrimSuffix(text, string(filepath.Separator)+"**")
	return strings.TrimSuffix(text, string(filepath.Separator)+"*")
}

func wildcardBytes() string {
	if filepath.Separator == '\\' {
		return "*[]?^"
	}
	return `*[]?^\`
}
