package rules_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem/registry"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/rules"
)

// corpusTable is the page that TestCorpusTable writes.
const corpusTable = "../../docs/corpus.md"

// TestCorpusTable counts what becomes of each rule on a folder of Dockerfiles, and writes
// the page when PLIMSOLL_UPDATE is set. No file of the folder, nor a name in one, goes into it.
func TestCorpusTable(t *testing.T) {
	folder := os.Getenv("PLIMSOLL_CORPUS")
	if folder == "" || os.Getenv("PLIMSOLL_UPDATE") == "" {
		t.Skip("it writes " + corpusTable + " when PLIMSOLL_CORPUS names a folder of Dockerfiles and PLIMSOLL_UPDATE is set")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.Dockerfile"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no Dockerfile in %s: %v", folder, err)
	}
	dir := t.TempDir()
	tally := newFates()
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := tally.try(t.Context(), dir, src); err != nil {
			t.Fatalf("%s: %v", filepath.Base(path), err)
		}
	}
	if err := os.WriteFile(corpusTable, []byte(tally.page(time.Now().UTC())), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fate is what became of one rule, in numbers of files. A file may be in several of them.
type fate struct {
	fired, fixed, refused, shown int
	// silent are files in which it could not be evaluated.
	silent  int
	reasons map[string]int // normalised, with the number of files
}

type fates struct {
	files, rejected, changed int
	rules                    map[string]*fate
}

func newFates() *fates {
	f := &fates{rules: map[string]*fate{}}
	for _, r := range rules.All() {
		if !strings.HasSuffix(r.ID, "*") { // the members of a family are named as they occur
			f.of(r.ID)
		}
	}
	return f
}

func (f *fates) of(id string) *fate {
	if f.rules[id] == nil {
		f.rules[id] = &fate{reasons: map[string]int{}}
	}
	return f.rules[id]
}

func (f *fates) try(ctx context.Context, dir string, src []byte) error {
	f.files++
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), src, 0o644); err != nil {
		return err
	}
	p, err := project.Load(ctx, dir, project.Options{Detectors: registry.Detectors()})
	if err != nil {
		f.rejected++
		return nil
	}
	bases, reason := offlineBases(ctx, p.File)
	res, err := rewrite.Run(p.WithBases(bases, reason), rules.All(), rewrite.Options{})
	if err != nil {
		return err
	}
	if res.Plan.Changed() {
		f.changed++
	}
	f.count(res)
	return nil
}

// offlineBases are what is known of the bases without a registry.
func offlineBases(ctx context.Context, file *dockerfile.File) (map[string]image.Family, string) {
	bases := map[string]image.Family{}
	for _, s := range file.Stages {
		ref := file.BaseOf(s)
		if s.Parent != nil || ref == "scratch" || strings.Contains(ref, "$") {
			continue
		}
		if family, err := image.Lookup(ctx, ref, image.Options{Offline: true}); err == nil {
			bases[ref] = family
		}
	}
	return bases, "no registry was asked"
}

// count adds one file.
func (f *fates) count(res *rewrite.Result) {
	fired, fixed, refused := map[string]bool{}, map[string]bool{}, map[string]map[string]bool{}
	for _, x := range res.Found.Findings {
		fired[x.Rule] = true
	}
	for _, a := range res.Plan.Applied {
		fired[a.Rule], fixed[a.Rule] = true, true
	}
	for _, s := range res.Plan.Skipped {
		fired[s.Rule] = true
		if refused[s.Rule] == nil {
			refused[s.Rule] = map[string]bool{}
		}
		refused[s.Rule][normalised(s.Reason)] = true
	}
	for id := range fired {
		one := f.of(id)
		one.fired++
		switch {
		case fixed[id]:
			one.fixed++
		case refused[id] == nil:
			one.shown++
		}
		if refused[id] != nil {
			one.refused++
		}
		for reason := range refused[id] {
			one.reasons[reason]++
		}
	}
	f.silence(res.Found.NotEvaluated)
}

func (f *fates) silence(left []rule.NotEvaluated) {
	for _, n := range left {
		f.of(n.Rule).silent++
	}
}

// own are the capitals that plimsoll's own reasons are written with.
var own = map[string]bool{
	"RUN": true, "USER": true, "COPY": true, "ADD": true, "ENV": true, "ARG": true, "CMD": true, "ENTRYPOINT": true, "WORKDIR": true, "FROM": true,
	"SHELL": true, "HEALTHCHECK": true, "VOLUME": true, "LABEL": true, "EXPOSE": true, "ONBUILD": true, "JSON": true, "UID": true, "GID": true, "MB": true, "GB": true, "SIGTERM": true, "WSGI": true,
}

// normalise cuts out of a reason what belongs to a single file.
var normalise = []struct {
	match *regexp.Regexp
	with  string
}{
	{regexp.MustCompile(`"(?:[^"\\]|\\.)*"`), "…"},
	{regexp.MustCompile(`in line \d+: .*`), "in line N"},
	{regexp.MustCompile(`\$\{?\w+\}?`), "…"},
	{regexp.MustCompile(`--[\w-]+=\S+`), "…"},
	{regexp.MustCompile(`\brun(s?) as \S+?(:|$| )`), "run$1 as …$2"},
	{regexp.MustCompile(`\bid=\w+`), "id=…"},
	{regexp.MustCompile(`\S*\w[/:@.]\w\S*|(?:^|\s)[/~]\S*\w`), " …"},
	{regexp.MustCompile(`\d[\d.]*`), "N"},
}

var capitals = regexp.MustCompile(`\b[A-Z][A-Z0-9_]+\b`)

func normalised(reason string) string {
	reason, _, _ = strings.Cut(reason, "\n")
	for _, n := range normalise {
		reason = n.match.ReplaceAllString(reason, n.with)
	}
	reason = capitals.ReplaceAllStringFunc(reason, func(word string) string {
		if own[word] {
			return word
		}
		return "…"
	})
	return strings.Join(strings.Fields(reason), " ")
}

const (
	shownReasons = 4
	// fewest files that a reason must occur in to be told: what only one has may be its own.
	fewest = 2
)

func (f *fates) page(when time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, corpusHead, f.files, f.files-f.rejected, f.changed, f.rejected, when.Format(time.DateOnly))
	ids := slices.SortedFunc(maps.Keys(f.rules), strings.Compare)
	b.WriteString("| rule | fired | fixed | refused | shown only | not evaluated |\n|---|---:|---:|---:|---:|---:|\n")
	for _, id := range ids {
		r := f.rules[id]
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d |\n", id, r.fired, r.fixed, r.refused, r.shown, r.silent)
	}
	b.WriteString("\n## Why fixes are refused\n\nThe most frequent reasons of each rule, with the number of files. Names, paths and numbers are cut out (…, N).\n")
	for _, id := range ids {
		r := f.rules[id]
		if len(r.reasons) > 0 {
			fmt.Fprintf(&b, "\n**%s**\n\n", id)
			r.list(&b)
		}
	}
	return b.String()
}

func (r *fate) list(b *strings.Builder) {
	reasons := slices.SortedFunc(maps.Keys(r.reasons), func(x, y string) int {
		return cmp.Or(cmp.Compare(r.reasons[y], r.reasons[x]), strings.Compare(x, y))
	})
	told := 0
	for _, reason := range reasons {
		if told == shownReasons || r.reasons[reason] < fewest {
			break
		}
		fmt.Fprintf(b, "- %d: %s\n", r.reasons[reason], reason)
		told++
	}
	if rest := len(reasons) - told; rest > 0 {
		fmt.Fprintf(b, "- %d rarer reasons\n", rest)
	}
}

const corpusHead = `# What the rules do on real Dockerfiles

%d public Dockerfiles, of which %d can be read (%d are changed by fix) and %d are rejected with the line of their fault. Counted on %s.

They are single files: there was **no build context** beside them, no git history and no registry. So nothing is said here about rules that
look at the files of a context (context-junk can only tell that there is no .dockerignore, secret-in-context finds nothing), and what is known about an application comes from
the Dockerfile alone: rules that need it are counted as not evaluated where it was not recognised, and refuse more often than in a
real project. Bases are known by the table that plimsoll carries. Nothing was built: a fix that is counted here is one that is offered,
of which those that are not safe still want their proof.

*fired*: files with a finding; *fixed*: files in which fix changes something for it; *refused*: files in which a finding
has a reason why not, which may be the same file; *shown only*: files in which the rule has advice and no fix,
or another fix takes the finding away.

Written by ` + "`PLIMSOLL_CORPUS=folder PLIMSOLL_UPDATE=1 go test -count=1 -run 'TestCorpusTable$' ./internal/rules`" + `.

`

// What belongs to a single file does not get into the page.
func TestNormalised(t *testing.T) {
	for reason, want := range map[string]string{
		`line 12 reads or may read DB_PASSWORD while building: hand it over with RUN --mount=type=secret,id=db_password`: `line N reads or may read … while building: hand it over with RUN …`,
		`"cd /srv && ./run" is more than one simple command: put it into a script that ends with exec`:                   `… is more than one simple command: put it into a script that ends with exec`,
		`line 3 names /main.py: give the new path there, and set WORKDIR`:                                                `line N names …: give the new path there, and set WORKDIR`,
		`the step runs as someone: write USER root above the step by hand`:                                               `the step runs as …: write USER root above the step by hand`,
		`registry.example.org/team/base:1.2 is not known`:                                                                `… is not known`,
	} {
		if got := normalised(reason); got != want {
			t.Errorf("%s\n got %s\nwant %s", reason, got, want)
		}
	}
}
