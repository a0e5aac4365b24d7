package replay

import (
	"fmt"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/history"
)

// commits makes a history out of lines: each is a commit, a list of "path=content", "path" for
// removed ones, "path*=content" for executable ones, and "path@=target" for links.
func commits(lines string) *history.History {
	h := &history.History{}
	for i, line := range strings.Split(strings.TrimSpace(lines), "\n") {
		c := history.Commit{ID: fmt.Sprintf("c%d", i)}
		for _, word := range strings.Fields(line) {
			path, blob, kept := strings.Cut(word, "=")
			ch := history.Change{Path: path, Removed: !kept, Mode: history.Regular, Blob: blob}
			if exe, ok := strings.CutSuffix(path, "*"); ok {
				ch.Path, ch.Mode = exe, history.Executable
			}
			if link, ok := strings.CutSuffix(path, "@"); ok {
				ch.Path, ch.Mode = link, history.Link
			}
			if !kept {
				ch.Mode = 0
			}
			c.Changes = append(c.Changes, ch)
		}
		h.Commits = append(h.Commits, c)
	}
	return h
}

// chart is a replay with one line a step: a column a commit, and what the step says.
func chart(t *testing.T, h *history.History, v Version) string {
	t.Helper()
	res, err := Run(h, v)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i, s := range res.Steps {
		for _, c := range res.Commits {
			b.WriteByte(".x-?"[c.Missed[i]])
		}
		first, _, _ := strings.Cut(v.File.Text(s.Inst.Span), "\n")
		fmt.Fprintf(&b, " %s", first)
		for _, c := range s.Causes {
			fmt.Fprintf(&b, " [%s %d]", c.Path, c.Builds)
		}
		if s.Doubt != "" {
			fmt.Fprintf(&b, " (%s)", s.Doubt)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestRun(t *testing.T) {
	for _, c := range []struct{ name, docker, ignore, commits, want string }{
		{
			"the source before the dependencies",
			"FROM a\nWORKDIR /srv\nCOPY . .\nRUN install", "",
			"deps=1 main=1\nmain=2\nmain=2\ndeps=2",
			"x... WORKDIR /srv\n-x.x COPY . . [deps 1] [main 1]\n--.- RUN install",
		}, {
			"the dependencies first",
			"FROM a\nCOPY deps ./\nRUN install\nCOPY . .", "",
			"deps=1 main=1\nmain=2\nmain=1\ndeps=2",
			"x..x COPY deps ./ [deps 1]\n-..- RUN install\n-x.- COPY . . [main 1]",
		}, {
			"what is ignored does not matter, but for exceptions",
			"FROM a\nCOPY . .", "docs\n!docs/keep",
			"docs/a=1 docs/keep=1\ndocs/a=2\ndocs/keep=2",
			"x.x COPY . . [docs/keep 1]",
		}, {
			"the Dockerfile is the current one at every commit",
			"FROM a\nCOPY . .", "",
			"Dockerfile=1 a=1\nDockerfile=2\na=2",
			"x.x COPY . . [a 1]",
		}, {
			"modes, renames and removals",
			"FROM a\nCOPY bin/* /bin/", "",
			"bin/a=1 other=1\nbin/a*=1\nbin/a bin/b*=1\nother=2\nbin/b",
			"xxx.x COPY bin/* /bin/ [bin/a 2] [bin/b 2]",
		}, {
			"stages: what is not needed is not built",
			"FROM a AS one\nCOPY x .\nFROM a AS two\nCOPY y .\nFROM a\nCOPY --from=two / /", "",
			"x=1 y=1\nx=2\ny=2",
			"x.x COPY y . [y 1]\nx.? COPY --from=two / / (what two makes may be the same as before, and the step a hit then)",
		}, {
			"bind mounts",
			"FROM a AS one\nRUN x\nFROM a\nRUN --mount=type=bind,source=conf,target=/c --mount=type=cache,target=/d y", "",
			"conf/a=1 b=1\nb=2\nconf/a=2",
			"x.x RUN --mount=type=bind,source=conf,target=/c --mount=type=cache,target=/d y [conf/a 1]",
		}, {
			"a linked layer does not depend on what is below",
			"FROM a\nCOPY x .\nCOPY --link y .\nRUN z", "",
			"x=1 y=1\nx=2\ny=2",
			"xx. COPY x . [x 1]\nx.x COPY --link y . [y 1]\n--- RUN z",
		}, {
			"a variable that differs at every commit",
			"FROM a\nRUN one\nARG V\nRUN two\nLABEL v=$V\nENV W=$V\nFROM a\nARG V\nLABEL v=$V\nCOPY x .\nCOPY x /$V/", "",
			"x=1\ny=1\ny=2",
			"x.. COPY x .\n-xx COPY x /$V/ [$V 2]",
		}, {
			"which a RUN below sees",
			"FROM a\nRUN one\nARG V\nRUN two", "",
			"x=1\ny=1",
			"x. RUN one\n-x RUN two [$V 1]",
		}, {
			"links on the way",
			"FROM a\nCOPY cur/x .\nCOPY all all/", "",
			"v1/x=1 cur@=v1 all/l@=x\nv1/x=2",
			"x. COPY cur/x . (a source is or leads through a link, which is not followed in the history)\n-. COPY all all/",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := dockerfile.Parse("Dockerfile", []byte(c.docker+"\n"))
			if err != nil {
				t.Fatal(err)
			}
			got := chart(t, commits(c.commits), Version{File: f, Ignore: []byte(c.ignore), Same: []string{"Dockerfile"}, PerCommit: []string{"V"}})
			if strings.TrimSpace(got) != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// BenchmarkRun replays 1,000 commits of a repository of 10,000 files.
func BenchmarkRun(b *testing.B) {
	f, err := dockerfile.Parse("Dockerfile", []byte("FROM a AS one\nCOPY go.* ./\nRUN x\nCOPY . .\nRUN y\nFROM a\nCOPY --from=one /x /x\nCOPY conf/*.yaml /etc/\n"))
	if err != nil {
		b.Fatal(err)
	}
	h := large(1_000)
	for b.Loop() {
		if _, err := Run(h, Version{File: f, Ignore: []byte("docs\n**/*.md\n!README.md\n")}); err != nil {
			b.Fatal(err)
		}
	}
}

func large(n int) *history.History {
	h := &history.History{}
	for i := range 10_000 {
		h.Start = append(h.Start, history.File{Path: fmt.Sprintf("pkg%d/sub%d/file%d.go", i%50, i%7, i), Mode: history.Regular, Blob: fmt.Sprint(i)})
	}
	for i := range n {
		c := history.Commit{ID: fmt.Sprint(i)}
		for k := range 5 {
			c.Changes = append(c.Changes, history.Change{Path: h.Start[(i*37+k*101)%10_000].Path, Mode: history.Regular, Blob: fmt.Sprint(i, k)})
		}
		h.Commits = append(h.Commits, c)
	}
	return h
}
