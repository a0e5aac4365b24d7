//go:build linux

package agent

import (
	"os"
	"slices"
	"testing"
	"unicode/utf8"
)

func TestParseMaps(t *testing.T) {
	got := parseMaps("55d0-55d1 r--p 00000000 08:01 1 /usr/local/bin/python3.11\n" +
		"7f10-7f11 r--p 00000000 08:01 2                  /usr/lib/x86_64-linux-gnu/libpq.so.5.15\n" +
		"7f11-7f12 r-xp 00001000 08:01 2                  /usr/lib/x86_64-linux-gnu/libpq.so.5.15\n" +
		"7f20-7f21 rw-p 00000000 00:00 0\n" +
		"7f20-7f21 r--p 00000000 08:01 3 /srv/with blank/_x.cpython-311-x86_64-linux-gnu.so\n" +
		"7f20-7f21 r--p 00000000 08:01 4 /tmp/gone.so (deleted)\n" +
		"7f20-7f21 r--p 00000000 08:01 5 /usr/lib/locale/C.utf8/LC_CTYPE\n" +
		"7ffd-7ffe rw-p 00000000 00:00 0 [stack]\nbroken")
	want := []string{"/usr/lib/x86_64-linux-gnu/libpq.so.5.15", "/srv/with blank/_x.cpython-311-x86_64-linux-gnu.so"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLoadedProgramsAreThoseOfTheFamily(t *testing.T) {
	cmd, _ := startApplication(t, "0s")
	a, err := local().Loaded(t.Context(), LoadedRequest{Main: cmd.Process.Pid})
	exe, _ := os.Executable()
	if err != nil || !slices.Equal(a.Programs, []string{exe}) || a.Incomplete != "" {
		t.Errorf("got %+v, %v; want the program %s", a, err, exe)
	}
}

func FuzzMaps(f *testing.F) {
	f.Add("7f10-7f11 r-xp 00000000 08:01 2 /usr/lib/libpq.so.5.15\n7ffd-7ffe rw-p 00000000 00:00 0 [stack]\n")
	f.Add("/.so\n/x.so. (deleted)\n\xff/\xfe.so\n")
	f.Fuzz(func(t *testing.T, table string) {
		for _, path := range parseMaps(table) {
			if path == "" || path[0] != '/' || !isLibrary(path) || !utf8.ValidString(path) {
				t.Errorf("%q is no path of a library", path)
			}
		}
	})
}
