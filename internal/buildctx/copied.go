package buildctx

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Copied is what one COPY or ADD ships from the context.
type Copied struct {
	Usage
	Entries []Entry // in tree order, each once, directories included
	// Missing are the sources that name nothing that is sent.
	Missing []string
}

// CopyOptions are the flags of COPY and ADD that change what is copied.
type CopyOptions struct {
	Exclude []string // --exclude, relative to each source directory
	Parents bool     // --parents
}

// Copied tells what a COPY or ADD with these sources, variables expanded,
// ships: wildcards, directories' contents and links are followed as BuildKit does.
// Remote sources and heredocs ship nothing of the context.
func (c *Context) Copied(sources []string, opts CopyOptions) (Copied, error) {
	exclude, err := compile(opts.Exclude)
	if err != nil {
		return Copied{}, fmt.Errorf("reading --exclude: %w", err)
	}
	var out Copied
	var picked []int
	for _, source := range sources {
		if isRemote(source) {
			continue
		}
		found, err := c.source(source, exclude, opts.Parents)
		if err != nil {
			return Copied{}, err
		}
		if len(found) == 0 && !c.isSentDir(source) {
			out.Missing = append(out.Missing, source)
		}
		picked = append(picked, found...)
	}
	slices.Sort(picked)
	for _, i := range slices.Compact(picked) {
		out.Entries = append(out.Entries, c.Entries[i])
		out.add(c.Entries[i])
	}
	return out, nil
}

// isSentDir tells an empty directory, which is a fine source, from a missing one.
func (c *Context) isSentDir(source string) bool {
	name, ok := c.resolve(source)
	if !ok || name == "." {
		return ok
	}
	e, ok := c.Lookup(name)
	return ok && e.Mode.IsDir()
}

// isRemote tells sources that are fetched: only ADD has them, and heredocs.
func isRemote(source string) bool {
	return strings.Contains(source, "://") || strings.HasPrefix(source, "git@") || strings.HasPrefix(source, "<<")
}

func (c *Context) source(source string, exclude patternSet, parents bool) ([]int, error) {
	if parents {
		return c.withParents(source, exclude)
	}
	fixed, wild := splitWildcards(cleanPath(source))
	base, ok := c.resolve(fixed)
	if !ok {
		return nil, nil
	}
	if wild == "" {
		return c.tree(base, exclude)
	}
	var out []int
	for _, name := range c.glob(base, wild) {
		target, ok := c.resolve(name)
		if !ok {
			continue // a link to nowhere
		}
		found, err := c.tree(target, exclude)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// tree is everything that is sent below a directory but for what is excluded,
// or the file itself, which --exclude does not concern.
func (c *Context) tree(name string, exclude patternSet) ([]int, error) {
	start, end := c.below(name)
	if i, ok := c.index(name); ok && !c.Entries[i].Mode.IsDir() {
		return []int{i}, nil
	}
	return c.filter(name, start, end, exclude, false)
}

// withParents is COPY --parents: what follows the pivot /./ is a pattern.
func (c *Context) withParents(source string, exclude patternSet) ([]int, error) {
	parent, wanted, ok := strings.Cut(source, "/./")
	if !ok {
		parent, wanted = "", source
	}
	base, ok := c.resolve(parent)
	if !ok {
		return nil, nil
	}
	include, err := compile([]string{cleanPath(wanted)})
	if err != nil {
		return nil, fmt.Errorf("reading the source %q: %w", source, err)
	}
	start, end := c.below(base)
	found, err := c.filter(base, start, end, include, true)
	if err != nil || len(exclude.patterns) == 0 {
		return found, err
	}
	kept, err := c.filter(base, start, end, exclude, false)
	if err != nil {
		return nil, err
	}
	slices.Sort(kept)
	return slices.DeleteFunc(found, func(i int) bool {
		_, isKept := slices.BinarySearch(kept, i)
		return !isKept
	}), nil
}

// filter picks the sent entries in a range below base whose match equals want.
func (c *Context) filter(base string, start, end int, set patternSet, want bool) ([]int, error) {
	var out []int
	var parents []visited
	cut := len(base) + 1
	if base == "." {
		cut = 0
	}
	for i := start; i < end; i++ {
		e := c.Entries[i]
		if e.Ignored {
			continue
		}
		name := e.Path[cut:]
		parents = ancestors(parents, name)
		matched, info, err := set.match(name, last(parents))
		if err != nil {
			return nil, err
		}
		if matched == want {
			out = append(out, i)
		}
		if e.Mode.IsDir() {
			parents = append(parents, visited{prefix: name + "/", matched: info})
		}
	}
	return out, nil
}

// glob finds the sent entries below base that match; what is below a match is
// not looked at, as it is copied with it.
func (c *Context) glob(base, pattern string) []string {
	start, end := c.below(base)
	var out []string
	for i := start; i < end; {
		e := c.Entries[i]
		name := e.Path
		if base != "." {
			name = strings.TrimPrefix(name, base+"/")
		}
		matched, _ := path.Match(pattern, name)
		switch {
		case e.Ignored:
			i++ // all below is ignored too, or it would be sent
		case matched:
			out = append(out, e.Path)
			i = c.after(i)
		default:
			i++
		}
	}
	return out
}

// splitWildcards cuts a path before its first element with a wildcard.
func splitWildcards(name string) (fixed, wild string) {
	elements := strings.Split(name, "/")
	at := slices.IndexFunc(elements, hasWildcard)
	if at < 0 {
		return name, ""
	}
	return path.Join(elements[:at]...), path.Join(elements[at:]...)
}

func hasWildcard(element string) bool {
	for i := 0; i < len(element); i++ {
		switch element[i] {
		case '\\':
			i++
		case '*', '?', '[':
			return true
		}
	}
	return false
}
