package rules

import (
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/buildctx"
	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// copies reports whether an instruction brings files into the image.
func copies(inst *dockerfile.Instruction) bool {
	return inst.Keyword == "COPY" || inst.Keyword == "ADD"
}

// copiesAll reports whether an instruction copies the whole context.
func copiesAll(inst *dockerfile.Instruction) bool {
	return slices.ContainsFunc(inst.Sources(), func(w dockerfile.Word) bool {
		from := cleanSource(w.Text)
		return from == "." || from == "*"
	})
}

// copiedBy is what a COPY or ADD ships of the context.
func copiedBy(p *rule.Pass, inst *dockerfile.Instruction) (buildctx.Copied, error) {
	var sources []string
	for _, w := range inst.Sources() {
		sources = append(sources, w.Text)
	}
	var opts buildctx.CopyOptions
	for _, f := range inst.Flags {
		if f.Name == "exclude" {
			opts.Exclude = append(opts.Exclude, f.Value)
		}
	}
	return p.Context.Copied(sources, opts)
}

// copiesSource reports whether an instruction copies a directory of the context that holds more than what installing
// reads: manifests, a schema, patches.
func copiesSource(p *rule.Pass, inst *dockerfile.Instruction) bool {
	if !copies(inst) {
		return false
	}
	if _, fromStage := inst.Flag("from"); fromStage {
		return false
	}
	facts := p.FactsOf(inst.Stage)
	return slices.ContainsFunc(inst.Sources(), func(w dockerfile.Word) bool {
		s := cleanSource(w.Text)
		if s == "." || s == "*" {
			return true
		}
		installs := facts != nil && slices.ContainsFunc(facts.InstallFolders, func(f ecosystem.Fact[string]) bool { return within(s, f.Value) })
		e, ok := p.Context.Lookup(s)
		return ok && e.Mode.IsDir() && !installs
	})
}

func cleanSource(s string) string {
	s = path.Clean(strings.TrimLeft(s, "/"))
	if s == "" {
		return "."
	}
	return s
}

// underSources gives a context path relative to the destination of a COPY.
func underSources(copyInst *dockerfile.Instruction, file string) (string, bool) {
	for _, w := range copyInst.Sources() {
		s := cleanSource(w.Text)
		if s == "." || s == "*" {
			return file, true
		}
		if rest, ok := strings.CutPrefix(file, s+"/"); ok {
			return rest, true
		}
	}
	return "", false
}

// destination is where a COPY or ADD puts files, absolute.
func destination(p *rule.Pass, inst *dockerfile.Instruction) string {
	state := p.File.StateBefore(inst)
	dest := state.Expand(inst, inst.Dest().Text)
	if !path.IsAbs(dest) {
		dest = path.Join(state.Workdir, dest)
	}
	return path.Clean(dest)
}

// overlaps reports whether two instructions may write the same files.
func overlaps(p *rule.Pass, a, b *dockerfile.Instruction) bool {
	one, two := strings.TrimSuffix(destination(p, a), "/")+"/", strings.TrimSuffix(destination(p, b), "/")+"/"
	return strings.HasPrefix(one, two) || strings.HasPrefix(two, one)
}

// bringsManifests reports whether an instruction copies manifests alone, to where the source has them.
func bringsManifests(p *rule.Pass, inst *dockerfile.Instruction) bool {
	if _, from := inst.Flag("from"); from {
		return false
	}
	return !slices.ContainsFunc(namedBy(p, inst), func(name string) bool { return !isManifest(p.FactsOf(inst.Stage), name) })
}

// namedBy are the paths that the sources of a COPY or ADD name: for one with wildcards those in the context that it fits, or
// itself where there are none.
func namedBy(p *rule.Pass, inst *dockerfile.Instruction) (names []string) {
	for _, w := range inst.Sources() {
		fits := buildctx.Copied{}
		if strings.ContainsAny(w.Text, "*?[") {
			fits, _ = p.Context.Copied([]string{w.Text}, buildctx.CopyOptions{}) // a pattern that is none fits nothing
		}
		for _, e := range fits.Entries {
			names = append(names, e.Path)
		}
		if len(fits.Entries) == 0 {
			names = append(names, cleanSource(w.Text))
		}
	}
	return names
}

func isManifest(facts *ecosystem.Facts, name string) bool {
	return facts != nil && slices.ContainsFunc(facts.Manifests, func(m ecosystem.Fact[ecosystem.Manifest]) bool { return m.Value.Path == name })
}
