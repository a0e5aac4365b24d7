package rules_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll/plimsoll/internal/buildkitlint"
	"github.com/plimsoll/plimsoll/internal/ecosystem/registry"
	"github.com/plimsoll/plimsoll/internal/project"
	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/rule"
	"github.com/plimsoll/plimsoll/internal/rules"
)

// benchmarked are the Dockerfiles of the corpus, or of the cases of all rules together; each in a folder that has
// what a real one has.
func benchmarked(b *testing.B) (projects []*project.Project) {
	b.Helper()
	dir := contextDir(b, "full")
	shared := &project.Shared{}
	for _, src := range dockerfilesOf(b) {
		if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), src, 0o644); err != nil {
			b.Fatal(err)
		}
		if p, err := project.Load(b.Context(), dir, project.Options{Detectors: registry.Detectors(), Shared: shared}); err == nil {
			projects = append(projects, p.WithBases(inventBases(p.File), ""))
		}
	}
	if len(projects) == 0 {
		b.Fatal("no Dockerfile")
	}
	return projects
}

func dockerfilesOf(b *testing.B) (texts [][]byte) {
	b.Helper()
	if folder := os.Getenv("PLIMSOLL_CORPUS"); folder != "" {
		paths, err := filepath.Glob(filepath.Join(folder, "*.Dockerfile"))
		if err != nil {
			b.Fatal(err)
		}
		for _, path := range paths {
			src, err := os.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			texts = append(texts, src)
		}
		return texts
	}
	cases, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range cases {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range archive.Files {
			if f.Name == "Dockerfile" {
				texts = append(texts, f.Data)
			}
		}
	}
	return texts
}

// BenchmarkOneDockerfile is the time that one file takes, in the mean: all rules (BuildKit's checks are one of them),
// those checks alone, and a rewrite until nothing is left to mend.
//
//	PLIMSOLL_CORPUS=../../../shared/corpus go test -run '^$' -bench OneDockerfile ./internal/rules
func BenchmarkOneDockerfile(b *testing.B) {
	projects := benchmarked(b)
	each := func(name string, work func(p *project.Project) error) {
		b.Run(name, func(b *testing.B) {
			for n := 0; b.Loop(); n++ {
				if err := work(projects[n%len(projects)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	all := rules.All()
	each("rules", func(p *project.Project) error { _, err := rule.Run(p, all); return err })
	each("buildkit", func(p *project.Project) error {
		_, err := buildkitlint.Run(b.Context(), p.DockerfilePath, p.File.Source)
		if rejected := (*buildkitlint.Rejected)(nil); errors.As(err, &rejected) {
			return nil // it is checked all the same
		}
		return err
	})
	each("rewrite", func(p *project.Project) error { _, err := rewrite.Run(p, all, rewrite.Options{}); return err })
}
