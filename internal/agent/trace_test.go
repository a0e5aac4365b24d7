//go:build linux

package agent

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// opens runs a shell script in a watched directory and returns what was opened there, relative to it.
func opens(t *testing.T, dir, script string) []string {
	t.Helper()
	w, err := newOpenWatch()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	w.watch(t.Context(), dir, []string{filepath.Join(dir, "left-out")})
	go w.collect()
	a, err := execute(t.Context(), ExecRequest{Argv: []string{"/bin/sh", "-c", script}, Dir: dir})
	if err != nil || a.Exit != 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	opened, incomplete := w.answer()
	if incomplete != "" {
		t.Error("incomplete:", incomplete)
	}
	for i, file := range opened {
		opened[i], _ = filepath.Rel(dir, file)
	}
	return opened
}

func TestOpenWatch(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("needs /bin/sh:", err)
	}
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"what is read, once each, in subdirectories too", "read x <a; read x <a; read x <lib/b", []string{"a", "lib/b"}},
		{"what is written", "echo >>a", []string{"a"}},
		{"not what is only looked at or listed", "test -f a; test -d lib; echo *", nil},
		{"not what is left out", "read x <left-out/c", nil},
		{"a program that is run", "./lib/run", []string{"lib/run"}},
		{"what a link leads to, by its own name", "read x <link", []string{"lib/b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"a": "1\n", "lib/b": "2\n", "left-out/c": "3\n", "lib/run": "#!/bin/sh\n"} {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("lib/b", filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
			if got := opens(t, dir, c.script); !slices.Equal(got, c.want) {
				t.Errorf("opened %q, want %q", got, c.want)
			}
		})
	}
}

func TestOpenWatchOfBrokenEvents(t *testing.T) {
	w := &openWatch{dirs: map[int32]string{0: "/srv"}, opened: map[string]bool{}}
	for _, events := range [][]byte{nil, {1, 2, 3}, make([]byte, 16), append(make([]byte, 12), 255, 255, 255, 127), append(make([]byte, 12), 4, 0, 0, 0, 'a', 'b', 'c', 'd')} {
		w.take(events)
	}
	if len(w.opened) != 0 {
		t.Errorf("took %v", w.opened)
	}
}

func TestNeedsPackage(t *testing.T) {
	for file, want := range map[string]bool{
		"/usr/bin/git":                        true,
		"/usr/share/zoneinfo/Europe/Helsinki": true,
		"/etc/mime.types":                     true,
		"/etc/passwd":                         false,
		"/usr/lib/x86_64-linux-gnu/libc.so.6": false,
	} {
		if got := needsPackage(file); got != want {
			t.Errorf("%s: %v, want %v", file, got, want)
		}
	}
}
