package history

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// repo is a repository that a test writes.
type repo struct {
	t   *testing.T
	dir string
	now int
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	r := &repo{t: t, dir: t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.dir, "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"}, args...)...)
	r.now += 60
	date := fmt.Sprintf("%d +0000", 1_700_000_000+r.now)
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (r *repo) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repo) commit(subject string) {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", subject)
}

// summary writes a history as one line a commit.
func summary(h *History) string {
	var b strings.Builder
	for _, f := range h.Start {
		fmt.Fprintf(&b, "start %o %s\n", uint32(f.Mode), f.Path)
	}
	for _, c := range h.Commits {
		fmt.Fprintf(&b, "%s:", c.Subject)
		for _, ch := range c.Changes {
			sign := fmt.Sprintf("%o", uint32(ch.Mode))
			if ch.Removed {
				sign = "-"
			}
			fmt.Fprintf(&b, " %s %s", sign, ch.Path)
		}
		b.WriteString("\n")
	}
	return strings.TrimSpace(b.String())
}

func read(t *testing.T, dir string, opts Options) *History {
	t.Helper()
	h, err := Read(t.Context(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestRead(t *testing.T) {
	r := newRepo(t)
	r.write("a.txt", "1")
	r.write("sub/b ä\n.txt", "1")
	r.commit("first\n\nwith a body")
	r.write("a.txt", "2")
	r.commit("change \x01 it")
	r.git("mv", "a.txt", "sub/c.txt")
	r.commit("rename")
	if err := os.Chmod(filepath.Join(r.dir, "sub/c.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	r.commit("mode")
	if err := os.Symlink("c.txt", filepath.Join(r.dir, "sub/link")); err != nil {
		t.Fatal(err)
	}
	r.commit("link")
	r.commit("nothing")
	r.git("checkout", "-q", "-b", "side", "HEAD~1")
	r.write("side.txt", "1")
	r.commit("aside")
	r.git("checkout", "-q", "main")
	r.git("merge", "-q", "--no-ff", "-m", "merge", "side")

	h := read(t, r.dir, Options{})
	want := `first: 100644 a.txt 100644 sub/b ä
.txt
change ` + "\x01" + ` it: 100644 a.txt
rename: - a.txt 100644 sub/c.txt
mode: 100755 sub/c.txt
link: 120000 sub/link
nothing:
merge: 100644 side.txt`
	if got := summary(h); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if h.Cut || h.Shallow || h.Commits[6].Parents != 2 || h.Commits[0].Time.IsZero() || len(h.Commits[0].ID) != 40 {
		t.Errorf("%+v", h)
	}

	h = read(t, r.dir, Options{Commits: 3})
	want = `start 100644 sub/b ä
.txt
start 100755 sub/c.txt
link: 120000 sub/link
nothing:
merge: 100644 side.txt`
	if got := summary(h); got != want || !h.Cut {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	h = read(t, filepath.Join(r.dir, "sub"), Options{Commits: 4})
	want = `start 100644 b ä
.txt
start 100644 c.txt
mode: 100755 c.txt
link: 120000 link
nothing:
merge:`
	if got := summary(h); got != want {
		t.Errorf("below a folder: got\n%s\nwant\n%s", got, want)
	}

	if got := summary(read(t, r.dir, Options{Branch: "side", Commits: 1})); !strings.HasSuffix(got, "aside: 100644 side.txt") {
		t.Errorf("of a branch: %s", got)
	}
}

func TestShallow(t *testing.T) {
	r := newRepo(t)
	for i := range 4 {
		r.write("a.txt", fmt.Sprint(i))
		r.commit(fmt.Sprint("commit ", i))
	}
	clone := filepath.Join(t.TempDir(), "clone")
	r.git("clone", "-q", "--depth", "2", "file://"+r.dir, clone)
	h := read(t, clone, Options{})
	if got := summary(h); got != "commit 2: 100644 a.txt\ncommit 3: 100644 a.txt" || !h.Shallow {
		t.Errorf("shallow %v:\n%s", h.Shallow, got)
	}
}

func TestSubmodule(t *testing.T) {
	inner := newRepo(t)
	inner.write("x", "1")
	inner.commit("inner")
	r := newRepo(t)
	r.git("submodule", "--quiet", "add", inner.dir, "lib")
	r.commit("with a submodule")
	if got := summary(read(t, r.dir, Options{})); got != "with a submodule: 100644 .gitmodules 160000 lib" {
		t.Errorf("got %s", got)
	}
}

func TestMissing(t *testing.T) {
	empty := newRepo(t)
	full := newRepo(t)
	full.commit("one")
	t.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir())
	for _, c := range []struct {
		dir    string
		opts   Options
		reason string
	}{
		{t.TempDir(), Options{}, "not in a git repository"},
		{empty.dir, Options{}, "no commit yet"},
		{full.dir, Options{Branch: "none"}, `no branch or commit "none"`},
		{full.dir, Options{Since: "2100-01-01"}, "no commit is that young"},
	} {
		_, err := Read(t.Context(), c.dir, c.opts)
		var missing *Missing
		if !errors.As(err, &missing) || !strings.Contains(missing.Reason, c.reason) {
			t.Errorf("%+v: got %v, want %q", c.opts, err, c.reason)
		}
	}
	if _, err := Read(t.Context(), full.dir, Options{Branch: "--output=x"}); err == nil {
		t.Error("took a flag for a branch")
	}
	t.Setenv("PATH", t.TempDir())
	var missing *Missing
	if _, err := Read(t.Context(), full.dir, Options{}); !errors.As(err, &missing) || missing.Reason != "git is not installed" {
		t.Errorf("without git: %v", err)
	}
}

func FuzzLog(f *testing.F) {
	f.Add("\x01abc 1700000000 p\x02subject\x03")
	f.Add(":100644 100644 a b M")
	f.Fuzz(func(t *testing.T, text string) {
		p := logParser{}
		for record := range strings.SplitSeq(text, "\x00") {
			if p.take(record) != nil {
				return
			}
		}
	})
}
