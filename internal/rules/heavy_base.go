package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/rule"
)

var heavyBase = &rule.Rule{
	ID:       "size/heavy-base",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Base,
	Needs:    []rule.Need{rule.NeedRegistry},
	Doc: rule.Doc{
		Summary: "The final stage stands on a base image that has a slimmer variant.",
		What:    "The registry offers a variant of the same image and version that is smaller; all variants are shown with their sizes.",
		Why:     "The base is pushed, pulled, scanned and patched with every image. A full base carries compilers, headers and tools that a running service never calls.",
		Before: `
-- Dockerfile --
FROM python:3.11
WORKDIR /srv
COPY main.py ./
CMD ["python", "main.py"]
-- main.py --
print("hello")
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY main.py ./
CMD ["python", "main.py"]
`,
		Fix:   "Takes the slim variant: same distribution and C library. Packages whose libraries the running original had loaded, and which the slim base lacks, are installed by name. Alpine is shown and never taken: its C library is musl, which compiled wheels for glibc can't be loaded with. Refused while the stage compiles or calls what only the full base has, or the source starts a program of which the name can't be told.",
		Proof: "The image is built and run on the slim base; shared libraries are checked, and the same requests get the same answers.",
		Links: []string{"https://hub.docker.com/_/python"},
	},
	Check: checkHeavyBase,
}

func checkHeavyBase(p *rule.Pass) error {
	stage := p.Final
	for stage.Parent != nil {
		stage = stage.Parent
	}
	family, ok := p.Bases[p.File.BaseOf(stage)]
	if !ok {
		return nil
	}
	own, okOwn := family.Asked()
	slim, okSlim := family.Slim()
	if !okOwn || !okSlim || slim.Tag == own.Tag || slim.TransferBytes >= own.TransferBytes {
		return nil
	}
	saved := own.TransferBytes - slim.TransferBytes
	f := finding.Finding{
		Span: stage.BaseSpan,
		Message: fmt.Sprintf("%s is a base of %s to transfer; %s has %s (−%.0f%%): %s",
			stage.Base, bytes(own.TransferBytes), slim.Tag, bytes(slim.TransferBytes), 100*float64(saved)/float64(own.TransferBytes), recommendation(p, slim)),
		Costs: []finding.Cost{{Metric: "transfer_bytes", Value: float64(saved), Unit: "bytes", Basis: basis(family.Estimated), Note: "compressed layers, " + own.Tag + " against " + slim.Tag}},
	}
	for _, v := range family.Variants {
		f.Evidence = append(f.Evidence, finding.Evidence{Note: v.Reference() + ": " + variantNote(p, family, v, slim.Tag)})
	}
	missing := notInstalled(p, stage)
	for _, pkg := range missing {
		f.Evidence = append(f.Evidence, needsPackage(pkg)...)
	}
	f.Fix, f.Refused = swapBase(p, own, slim, missing)
	p.Report(f)
	return nil
}

func variantNote(p *rule.Pass, family image.Family, v image.Variant, recommended string) string {
	size := bytes(v.TransferBytes) + " to transfer"
	if family.Estimated {
		size += ", estimated"
	}
	switch {
	case v.Tag == family.Tag:
		return size + ", in use"
	case v.Tag == recommended:
		return size + ", recommended: same distribution and C library"
	case v.Kind == "alpine":
		return size + ", " + alpineAdvice(p)
	}
	return size
}

// alpineAdvice names the dependencies that speak against musl.
func alpineAdvice(p *rule.Pass) string {
	if p.Facts == nil {
		return "musl instead of glibc: not without trying every dependency"
	}
	var against []string
	for _, n := range p.Facts.Native {
		if !n.Value.MuslWheels {
			against = append(against, n.Value.Name)
		}
	}
	if len(against) == 0 {
		return "musl instead of glibc: no known dependency speaks against it, try it by hand"
	}
	return "not with " + strings.Join(against, ", ") + ": no build for musl is published"
}

func recommendation(p *rule.Pass, slim image.Variant) string {
	return "take " + slim.Tag + ", with the same distribution and C library"
}

// notInstalled are the packages that a run showed to be needed, without those that a stage, or one that comes from
// it, installs by name.
func notInstalled(p *rule.Pass, base *dockerfile.Stage) (missing []ecosystem.Fact[string]) {
	if p.Facts == nil {
		return nil
	}
	var brought []string
	for _, stage := range p.File.Stages {
		if !ships(p, stage) || !buildsOn(stage, base) {
			continue
		}
		for _, step := range runSteps(p, stage) {
			brought = append(brought, step.brings()...)
		}
	}
	for _, pkg := range p.Facts.RunPackages {
		if pkg.Source.Observed() && !slices.Contains(brought, pkg.Value) {
			missing = append(missing, pkg)
		}
	}
	return missing
}

// needsPackage is the proof that a package is needed, with its name.
func needsPackage(pkg ecosystem.Fact[string]) []finding.Evidence {
	evidence := proofOf(pkg)
	evidence[0].Note = pkg.Value + ": " + evidence[0].Note
	return evidence
}

// swapBase changes the base's tag in the words of the author, and installs what the slim base lacks.
func swapBase(p *rule.Pass, own, slim image.Variant, missing []ecosystem.Fact[string]) (*finding.Fix, string) {
	stage := p.Final
	for stage.Parent != nil {
		stage = stage.Parent
	}
	if first, more, _ := strings.Cut(own.OnBuild, "\n"); first != "" {
		return nil, fmt.Sprintf("%s has commands of its own for images built on it (ONBUILD %s%s), which %s may not have: write them out in this Dockerfile first", own.Tag, first, andMore(more), slim.Tag)
	}
	if reason := needsFullBase(p); reason != "" {
		return nil, reason
	}
	text, ok := retag(stage.Base, own.Tag, slim.Tag)
	if !ok {
		return nil, fmt.Sprintf("the tag of %s comes from an ARG: change its default to the slim variant", stage.Base)
	}
	edits := []edit.Edit{p.Edit(stage.BaseSpan, text)}
	if len(missing) > 0 {
		var names []string
		for _, pkg := range missing {
			names = append(names, pkg.Value)
		}
		at := p.File.Lines(stage.From.Span).End
		edits = append(edits, p.Insert(at, line(p, at, installPackages(keyword(p, "RUN"), names))))
	}
	return &finding.Fix{
		Title:  "Take " + slim.Tag + " as the base",
		Safety: finding.Unsafe,
		Why:    "the application may use a library or a program that only the full base has; the proof runs it on the slim one",
		Edits:  edits,
	}, ""
}

func andMore(more string) string {
	if more == "" {
		return ""
	}
	return ", …"
}

// retag replaces the tag in a base reference as written; "python:${V}" with
// the variant's tag being that of V plus a suffix keeps the variable.
func retag(base, own, slim string) (string, bool) {
	if strings.Contains(base, "@") {
		return "", false // the digest belongs to the old tag
	}
	if rest, ok := strings.CutSuffix(base, ":"+own); ok {
		return rest + ":" + slim, true
	}
	if suffix, ok := strings.CutPrefix(slim, own); ok && strings.Contains(base, ":") && strings.HasSuffix(base, "}") {
		return base + suffix, true
	}
	if own == "latest" && !strings.Contains(base, ":") && !strings.Contains(base, "$") {
		return base + ":" + slim, true
	}
	return "", false
}

// needsFullBase says what in the final stage, or in a stage that it comes from,
// can't do without the full base.
func needsFullBase(p *rule.Pass) string {
	var brought []string // packages of the distribution
	for _, stage := range p.File.Stages {
		if !ships(p, stage) {
			continue
		}
		if reason := onbuild(p, stage); reason != "" {
			return reason
		}
		for _, step := range runSteps(p, stage) {
			brought = append(brought, step.brings()...)
			if reason := needsFullStep(p, step, brought); reason != "" {
				return reason
			}
		}
	}
	if p.Facts == nil {
		return ""
	}
	for _, program := range p.Facts.Programs {
		if pkg := lacking(program.Value, brought); pkg != "" {
			return fmt.Sprintf("%s is called at run time (%s:%d), and the slim base does not have it: install %s", program.Value, program.Source.File, program.Source.Line, pkg)
		}
	}
	for _, n := range p.Facts.Notes {
		if n.About == "programs" {
			return fmt.Sprintf("%s:%d %s, and the slim base may not have it: name the program in the source, or change the base by hand", n.Source.File, n.Source.Line, n.Text)
		}
	}
	return ""
}

// onbuild says that a stage has commands for images that are built on it: no proof runs those.
func onbuild(p *rule.Pass, stage *dockerfile.Stage) string {
	for _, inst := range stage.Instructions {
		if inst.Keyword == "ONBUILD" {
			return fmt.Sprintf("line %d is an ONBUILD: what it runs in images built on this one may need the full base, and no proof runs it: change the base by hand, and build one of those images", p.File.Position(inst.Span.Start).Line)
		}
	}
	return ""
}

func needsFullStep(p *rule.Pass, step *runStep, brought []string) string {
	if step.script != nil {
		for _, call := range step.script.Calls() {
			if pkg := lacking(call.Name, brought); pkg != "" {
				return fmt.Sprintf("line %d calls %s, which the slim base does not have: install %s, or do that in a builder stage", p.File.Position(call.Span.Start).Line, call.Name, pkg)
			}
		}
	}
	if p.Facts == nil || !step.installsDependencies() {
		return ""
	}
	for _, n := range p.Facts.Native {
		if slices.Equal(n.Value.BuildDebian, []string{"git"}) {
			if lacking("git", brought) != "" {
				return fmt.Sprintf("%s is fetched with git in this stage (%s:%d), which the slim base does not have: install git, or the dependencies in a builder stage", n.Value.Name, n.Source.File, n.Source.Line)
			}
			continue
		}
		if n.Value.Compiles {
			return fmt.Sprintf("%s is compiled in this stage (%s:%d), and the slim base has no compiler: install the dependencies in a builder stage", n.Value.Name, n.Source.File, n.Source.Line)
		}
	}
	return ""
}

// brings are the packages of the distribution that a step installs by name.
func (s *runStep) brings() (packages []string) {
	for _, c := range s.installs {
		for _, w := range c.args {
			name, _, _ := strings.Cut(w.Text, "=") // a version
			name, _, _ = strings.Cut(name, "/")    // a release
			name, _, _ = strings.Cut(name, ":")    // an architecture
			if c.manager.system && !strings.ContainsAny(name, "$`*?[") {
				packages = append(packages, name)
			}
		}
	}
	return packages
}

// lacking is the package to install for a program that the slim base does not have and none of the packages brings; empty
// for any other program.
func lacking(program string, brought []string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(program, "/usr"), "/bin/")
	packages := append(slices.Clip(ecosystem.DebianPackages(name)), name) // most are called like the program
	if !fullPrograms[name] || slices.ContainsFunc(packages, func(pkg string) bool { return slices.Contains(brought, pkg) }) {
		return ""
	}
	return packages[0]
}

// fullPrograms are programs of the full images' base, buildpack-deps, that the slim ones don't have.
var fullPrograms = map[string]bool{
	"curl": true, "wget": true, "git": true, "hg": true, "svn": true, "file": true, "gpg": true,
	"ssh": true, "scp": true, "sftp": true, "ssh-add": true, "ssh-agent": true, "ssh-keygen": true, "ssh-keyscan": true,
	"gcc": true, "g++": true, "cc": true, "c++": true, "cpp": true, "make": true, "autoconf": true, "automake": true, "patch": true,
	"ar": true, "as": true, "ld": true, "nm": true, "objcopy": true, "objdump": true, "ranlib": true, "readelf": true, "strings": true, "strip": true,
	"unzip": true, "xz": true, "bzip2": true, "bunzip2": true, "pkg-config": true, "pg_config": true, "mysql_config": true,
	"convert": true, "identify": true, "mogrify": true, "montage": true, "composite": true,
	"ps": true, "pgrep": true, "pkill": true, "top": true, "free": true, "uptime": true, "vmstat": true, "watch": true, "w": true,
}
