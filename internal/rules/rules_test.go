package rules_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem/registry"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/history"
	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/rules"
)

// bases stands in for a registry. The figures are made up.
var bases = map[string]image.Family{
	"python:3.11": {
		Reference: "docker.io/library/python:3.11", Repository: "docker.io/library/python", Tag: "3.11", Kind: "full", Slimmer: "slim",
		Variants: []image.Variant{
			{Repository: "docker.io/library/python", Tag: "3.11", Kind: "full", TransferBytes: 350e6},
			{Repository: "docker.io/library/python", Tag: "3.11-slim", Kind: "slim", TransferBytes: 45e6},
			{Repository: "docker.io/library/python", Tag: "3.11-alpine", Kind: "alpine", Musl: true, TransferBytes: 20e6},
		},
	},
	"node:20": {
		Reference: "docker.io/library/node:20", Repository: "docker.io/library/node", Tag: "20", Kind: "full", Slimmer: "slim",
		Variants: []image.Variant{
			{Repository: "docker.io/library/node", Tag: "20", Kind: "full", TransferBytes: 400e6},
			{Repository: "docker.io/library/node", Tag: "20-slim", Kind: "slim", TransferBytes: 70e6},
		},
	},
	"python:3.11-slim": {
		Reference: "docker.io/library/python:3.11-slim", Repository: "docker.io/library/python", Tag: "3.11-slim", Kind: "slim",
		Variants: []image.Variant{{Repository: "docker.io/library/python", Tag: "3.11-slim", Kind: "slim", TransferBytes: 45e6}},
	},
	"ruby:3.3": {
		Reference: "docker.io/library/ruby:3.3", Repository: "docker.io/library/ruby", Tag: "3.3", Kind: "full", Slimmer: "slim",
		Variants: []image.Variant{
			{Repository: "docker.io/library/ruby", Tag: "3.3", Kind: "full", TransferBytes: 400e6, Digest: digest("1")},
			{Repository: "docker.io/library/ruby", Tag: "3.3-slim", Kind: "slim", TransferBytes: 70e6, Digest: digest("2")},
		},
	},
	"debian": {
		Reference: "docker.io/library/debian:latest", Repository: "docker.io/library/debian", Tag: "latest",
		Variants: []image.Variant{{Repository: "docker.io/library/debian", Tag: "latest", TransferBytes: 45e6, Digest: digest("3")}},
	},
	"python:3.9": { // as a team may keep it under the official name
		Reference: "docker.io/library/python:3.9", Repository: "docker.io/library/python", Tag: "3.9", Kind: "full", Slimmer: "slim",
		Variants: []image.Variant{
			{Repository: "docker.io/library/python", Tag: "3.9", Kind: "full", TransferBytes: 350e6, OnBuild: "COPY . /srv\nRUN make"},
			{Repository: "docker.io/library/python", Tag: "3.9-slim", Kind: "slim", TransferBytes: 45e6},
		},
	},
	"busybox:1.36": {
		Reference: "docker.io/library/busybox:1.36", Repository: "docker.io/library/busybox", Tag: "1.36",
		Variants: []image.Variant{{Repository: "docker.io/library/busybox", Tag: "1.36", TransferBytes: 2e6, Digest: digest("4"), Stale: true}},
	},
}

func digest(digit string) string { return "sha256:" + strings.Repeat(digit, 64) }

// load writes the files of an archive to a folder and loads it as a project.
func load(t testing.TB, files []txtar.File) *project.Project {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		if f.Name == historyFile || f.Name == observedFile || f.Name == buildFile {
			continue
		}
		name := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := project.Load(context.Background(), dir, project.Options{Detectors: registry.Detectors(), Build: buildIn(t, files)})
	if err != nil {
		t.Fatal(err)
	}
	p = p.WithBases(bases, "").WithHistory(historyOf(files))
	if seen := observedIn(t, files); seen != nil {
		if p, err = p.WithObserved(seen); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// buildFile of an archive is no file of the project: it says what is built, with lines "target STAGE" and "arg NAME=value".
const buildFile = "BUILD"

func buildIn(t testing.TB, files []txtar.File) dockerfile.Build {
	t.Helper()
	build := dockerfile.Build{Args: map[string]string{}}
	for _, f := range files {
		if f.Name != buildFile {
			continue
		}
		for line := range strings.Lines(string(f.Data)) {
			verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			name, value, _ := strings.Cut(rest, "=")
			switch verb {
			case "target":
				build.Target = rest
			case "arg":
				build.Args[name] = value
			default:
				t.Fatalf("%s: unknown line %q", buildFile, line)
			}
		}
	}
	return build
}

// historyFile of an archive is no file of the project: each of its lines is a commit, with the paths that it changed.
const historyFile = "HISTORY"

func historyOf(files []txtar.File) *history.History {
	h := &history.History{}
	for _, f := range files {
		if f.Name == observedFile || f.Name == buildFile {
			continue
		}
		if f.Name != historyFile {
			h.Start = append(h.Start, history.File{Path: f.Name, Mode: history.Regular, Blob: "start"})
			continue
		}
		for line := range strings.Lines(string(f.Data)) {
			id := fmt.Sprint("commit ", len(h.Commits))
			c := history.Commit{ID: id}
			for _, path := range strings.Fields(line) {
				c.Changes = append(c.Changes, history.Change{Path: path, Mode: history.Regular, Blob: id})
			}
			h.Commits = append(h.Commits, c)
		}
	}
	if h.Commits == nil {
		return nil
	}
	return h
}

func TestDocExamples(t *testing.T) {
	for _, r := range rules.All() {
		t.Run(r.ID, func(t *testing.T) {
			d := r.Doc
			for name, text := range map[string]string{"Summary": d.Summary, "What": d.What, "Why": d.Why, "Fix": d.Fix, "Proof": d.Proof, "Before": d.Before} {
				if strings.TrimSpace(text) == "" {
					t.Errorf("its documentation has no %s", name)
				}
			}
			p := load(t, txtar.Parse([]byte(d.Before)).Files)
			res := run(t, p, []*rule.Rule{r}, rewrite.Options{})
			if len(res.Found.Findings) == 0 {
				t.Fatal("the example raises no finding")
			}
			if d.After == "" {
				if res.Plan.Changed() {
					t.Errorf("the rule changes files and shows no After:\n%v", res.Plan.After)
				}
				return
			}
			compareFiles(t, res.Plan.After, txtar.Parse([]byte(d.After)).Files)
			for _, f := range res.Remaining {
				t.Errorf("after the fix: %s: %s (%s)", f.Rule, f.Message, f.Refused)
			}
		})
	}
}

func compareFiles(t *testing.T, got map[string]string, want []txtar.File) {
	t.Helper()
	for _, f := range want {
		if got[f.Name] != string(f.Data) {
			t.Errorf("%s:\n--- got\n%s--- want\n%s", f.Name, got[f.Name], f.Data)
		}
	}
	for name, text := range got {
		if !slices.ContainsFunc(want, func(f txtar.File) bool { return f.Name == name }) {
			t.Errorf("%s is written and not wanted:\n%s", name, text)
		}
	}
}

// run rewrites, and holds every rewrite to the properties of DESIGN.md.
func run(t testing.TB, p *project.Project, rs []*rule.Rule, opts rewrite.Options) *rewrite.Result {
	t.Helper()
	res, err := rewrite.Run(p, rs, opts)
	if err != nil {
		t.Fatal(err)
	}
	again, err := rewrite.Run(res.Project, rs, opts)
	if err != nil {
		t.Fatal(err)
	}
	if again.Plan.Changed() {
		t.Errorf("fixing twice changes more:\n%v", again.Plan.After)
	}
	back := slices.Clone(rs)
	slices.Reverse(back)
	reversed, err := rewrite.Run(p, back, opts)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(reversed.Plan.After) != fmt.Sprint(res.Plan.After) {
		t.Errorf("the order of the rules changes the result:\n%v\n%v", res.Plan.After, reversed.Plan.After)
	}
	return res
}

// TestCases runs testdata/RULE/*.txtar. A case holds the project's files, and
// what is wanted of the rule named by its folder ("all": of all rules): the files
// under want/ as the fix leaves them, want/findings with "line:column rule
// message" and want/skipped with "rule: reason". Where want/findings or
// want/skipped is missing there must be none.
func TestCases(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(name, "testdata/"), ".txtar"), func(t *testing.T) { testCase(t, name) })
	}
}

func testCase(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var input []txtar.File
	want := map[string]string{}
	for _, f := range archive.Files {
		if rest, ok := strings.CutPrefix(f.Name, "want/"); ok {
			want[rest] = string(f.Data)
		} else {
			input = append(input, f)
		}
	}
	rs := named(t, filepath.Base(filepath.Dir(name)))
	res := run(t, load(t, input), rs, rewrite.Options{})
	got := map[string]string{}
	for file, text := range res.Plan.After {
		got[file] = text
	}
	got["findings"] = listFindings(res.Found.Findings)
	var skipped strings.Builder
	for _, s := range res.Plan.Skipped {
		fmt.Fprintf(&skipped, "%s: %s\n", s.Rule, s.Reason)
		if !saysWhatToDo.MatchString(s.Reason) {
			t.Errorf("%s: the reason %q says what is wrong and not what to do", s.Rule, s.Reason)
		}
	}
	got["skipped"] = skipped.String()
	if os.Getenv("PLIMSOLL_UPDATE") != "" {
		update(t, name, archive, input, got)
		return
	}
	for file := range merge(got, want) {
		if got[file] != want[file] {
			t.Errorf("%s:\n--- got\n%s--- want\n%s", file, got[file], want[file])
		}
	}
}

func listFindings(found []finding.Finding) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%d:%d %s %s\n", f.Position.Line, f.Position.Column, f.Rule, f.Message)
	}
	return b.String()
}

func merge(a, b map[string]string) map[string]bool {
	keys := map[string]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	return keys
}

// update rewrites a case with what was got; read the diff before you commit it.
func update(t *testing.T, name string, archive *txtar.Archive, input []txtar.File, got map[string]string) {
	t.Helper()
	archive.Files = input
	var files []string
	for f, text := range got {
		if text != "" {
			files = append(files, f)
		}
	}
	slices.Sort(files)
	for _, f := range files {
		archive.Files = append(archive.Files, txtar.File{Name: "want/" + f, Data: []byte(got[f])})
	}
	if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// named finds the rule of a folder: the last part of its ID, the name of its family, or all of them.
func named(t *testing.T, folder string) []*rule.Rule {
	t.Helper()
	switch folder {
	case "all":
		return rules.All()
	case "pin": // what --pin does, without and with all other rules
		return rules.Pinning(nil)
	case "all-pin":
		return rules.Pinning(rules.All())
	}
	for _, r := range rules.All() {
		if strings.HasSuffix(r.ID, "/"+folder) || strings.TrimSuffix(r.ID, "/*") == folder {
			return []*rule.Rule{r}
		}
	}
	t.Fatalf("testdata/%s: no rule of that name", folder)
	return nil
}

// saysWhatToDo matches reasons that go on, behind what is wrong, with what to do about it.
var saysWhatToDo = regexp.MustCompile(`[:;] [a-z]`)
