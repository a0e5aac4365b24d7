package image

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed families.json
var familiesJSON []byte

// naming is how the repositories of one family put their tags together.
type naming struct {
	Repositories []string `json:"repositories"`
	Order        []string `json:"order"`  // of "version", "form", "suite"
	Suites       []string `json:"suites"` // names of distributions, kept as the author wrote them
	Forms        []form   `json:"forms"`
}

// form is one kind of image in a family.
type form struct {
	Kind    string     `json:"kind"`
	Tokens  []string   `json:"tokens"`  // parts of the tag that mark it
	Written [][]string `json:"written"` // other sets of parts that mean the same
	Slimmer string     `json:"slimmer"` // the kind to recommend instead
	Musl    bool       `json:"musl"`    // musl instead of glibc, and no suite in the tag
	// Repository is set where the form is published under another name.
	Repository   string `json:"repository"`
	NeedsVersion bool   `json:"needs_version"` // there is no such tag without a version
}

var namings = sync.OnceValues(func() ([]naming, error) {
	var table struct {
		Families []naming `json:"families"`
	}
	if err := json.Unmarshal(familiesJSON, &table); err != nil {
		return nil, fmt.Errorf("embedded table of image families: %w", err)
	}
	return table.Families, nil
})

// parsedTag is a tag taken apart by its family's naming.
type parsedTag struct {
	version string            // "3.11"; "" for latest. PHP's "8.3-fpm" counts as one.
	form    form              // which form it names
	suites  []string          // "bookworm"
	spelled map[string]string // how the author spelled a token: alpine → alpine3.20
}

// candidates lists the variants to ask for, the asked one first, along with
// the tag taken apart. An unknown repository has itself as only variant.
func candidates(ref Reference) ([]Variant, parsedTag, error) {
	table, err := namings()
	if err != nil {
		return nil, parsedTag{}, err
	}
	asked := Variant{Repository: ref.Repository(), Tag: ref.Tag}
	i := slices.IndexFunc(table, func(n naming) bool { return slices.Contains(n.Repositories, asked.Repository) })
	if i < 0 || ref.Tag == "" {
		return []Variant{asked}, parsedTag{}, nil
	}
	n := table[i]
	tag, ok := n.parse(ref.Tag)
	if !ok {
		return []Variant{asked}, parsedTag{}, nil
	}
	asked.Kind, asked.Musl = tag.form.Kind, tag.form.Musl
	variants := []Variant{asked}
	for _, f := range n.Forms {
		if f.Kind == tag.form.Kind || f.NeedsVersion && tag.version == "" {
			continue
		}
		v := Variant{Repository: asked.Repository, Tag: n.tag(tag, f), Kind: f.Kind, Musl: f.Musl}
		if f.Repository != "" {
			v.Repository = f.Repository
		}
		variants = append(variants, v)
	}
	return variants, tag, nil
}

// parse takes a tag apart. It is false when its parts make up no known form.
func (n naming) parse(tag string) (parsedTag, bool) {
	p := parsedTag{spelled: map[string]string{}}
	var version, marks []string
	for part := range strings.SplitSeq(tag, "-") {
		token := withoutRelease(part)
		switch {
		case slices.Contains(n.Suites, part):
			p.suites = append(p.suites, part)
		case n.isToken(token):
			marks = append(marks, token)
			p.spelled[token] = part
		case part != defaultTag:
			version = append(version, part)
		}
	}
	p.version = strings.Join(version, "-")
	for _, f := range n.Forms {
		if f.Repository == "" && f.isMarkedBy(marks) {
			p.form = f
			return p, true
		}
	}
	return p, false
}

func (n naming) isToken(token string) bool {
	return slices.ContainsFunc(n.Forms, func(f form) bool { return slices.Contains(f.Tokens, token) })
}

func (f form) isMarkedBy(marks []string) bool {
	same := func(tokens []string) bool { return slices.Equal(tokens, marks) }
	return same(f.Tokens) || slices.ContainsFunc(f.Written, same)
}

// withoutRelease turns "alpine3.20" into "alpine".
func withoutRelease(part string) string {
	if release, ok := strings.CutPrefix(part, "alpine"); ok && strings.Trim(release, "0123456789.") == "" {
		return "alpine"
	}
	return part
}

// tag is the name of form f in the version and on the suite of p.
func (n naming) tag(p parsedTag, f form) string {
	var parts []string
	for _, what := range n.Order {
		switch {
		case what == "version" && p.version != "":
			parts = append(parts, p.version)
		case what == "suite" && !f.Musl:
			parts = append(parts, p.suites...)
		case what == "form":
			for _, token := range f.Tokens {
				if spelled, ok := p.spelled[token]; ok {
					token = spelled
				}
				parts = append(parts, token)
			}
		}
	}
	if len(parts) == 0 {
		return defaultTag
	}
	return strings.Join(parts, "-")
}
