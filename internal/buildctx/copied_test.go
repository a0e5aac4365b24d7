package buildctx

import (
	"strings"
	"testing"
)

func TestCopied(t *testing.T) {
	root := tree(t, ".dockerignore=*.log\nsecret", "app/main.py=12", "app/sub/util.py=3", "app/notes.md=4",
		"package.json=1", "package-lock.json=22", "x.log=9", "secret/key=k", "empty/", "current -> app")
	c := walk(t, root, "")
	for _, test := range []struct {
		name, sources string
		opts          CopyOptions
		want          string
		missing       string
	}{
		{name: "a file", sources: "package.json", want: "package.json"},
		{name: "everything", sources: ".", want: ".dockerignore app/main.py app/notes.md app/sub/util.py current package-lock.json package.json"},
		{name: "slash is the root", sources: "/", want: ".dockerignore app/main.py app/notes.md app/sub/util.py current package-lock.json package.json"},
		{name: "a directory's contents", sources: "./app/", want: "app/main.py app/notes.md app/sub/util.py"},
		{name: "leading slash", sources: "/app/sub", want: "app/sub/util.py"},
		{name: "no way out", sources: "../../app/sub", want: "app/sub/util.py"},
		{name: "wildcard", sources: "package*.json", want: "package-lock.json package.json"},
		{name: "each file once", sources: "package.json package*.json", want: "package-lock.json package.json"},
		{name: "wildcard in a folder", sources: "app/*.py", want: "app/main.py"},
		{name: "wildcard takes directories", sources: "app/s*", want: "app/sub/util.py"},
		{name: "ignored", sources: "x.log secret/key", missing: "x.log secret/key"},
		{name: "missing", sources: "app/main.py nowhere* nothing", want: "app/main.py", missing: "nowhere* nothing"},
		{name: "empty directory", sources: "empty"},
		{name: "a link to a directory", sources: "current/", want: "app/main.py app/notes.md app/sub/util.py"},
		{name: "exclude", sources: ".", opts: CopyOptions{Exclude: []string{"**/*.py", "package*"}}, want: ".dockerignore app/notes.md current"},
		{name: "exclude is relative to the source", sources: "app", opts: CopyOptions{Exclude: []string{"sub"}}, want: "app/main.py app/notes.md"},
		{name: "exclude with exception", sources: "app", opts: CopyOptions{Exclude: []string{"*", "!main.py"}}, want: "app/main.py"},
		{name: "parents", sources: "**/*.py", opts: CopyOptions{Parents: true}, want: "app/main.py app/sub/util.py"},
		{name: "parents with pivot and exclude", sources: "app/./**/*.py", opts: CopyOptions{Parents: true, Exclude: []string{"sub"}}, want: "app/main.py"},
		{name: "remote", sources: "https://example.org/x git@example.org:x.git <<EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := c.Copied(strings.Fields(test.sources), test.opts)
			must(t, err)
			var files []string
			var bytes int64
			for _, e := range got.Entries {
				if !e.Mode.IsDir() {
					files = append(files, e.Path)
					bytes += e.Size
				}
			}
			if strings.Join(files, " ") != test.want {
				t.Errorf("ships %v, want %s", files, test.want)
			}
			if strings.Join(got.Missing, " ") != test.missing {
				t.Errorf("missing %v, want %s", got.Missing, test.missing)
			}
			if got.Files != len(files) || got.Bytes != bytes {
				t.Errorf("usage %+v of %d files with %d bytes", got.Usage, len(files), bytes)
			}
		})
	}
	if _, err := c.Copied([]string{"."}, CopyOptions{Exclude: []string{"[a-"}}); err == nil {
		t.Error("took a bad --exclude")
	}
}
