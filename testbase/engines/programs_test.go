package engines

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeApt puts an apt-get on PATH that knows packages only once its lists are updated, which fails where the folder has a file "offline".
func fakeApt(t *testing.T) (dir string, said func() string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	script := `#!/bin/sh
while [ "${1#-}" != "$1" ]; do [ "$1" != -o ] || shift; shift; done
echo "$1" >> ` + dir + `/said
case $1 in
update) [ ! -e ` + dir + `/offline ] || { echo "no network" >&2; exit 100; }; touch ` + dir + `/lists ;;
download) [ -e ` + dir + `/lists ] || { echo "no such package" >&2; exit 100; }; touch package.deb ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "apt-get"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir, func() string {
		text, err := os.ReadFile(filepath.Join(dir, "said"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(text)), " ")
	}
}

func TestPackagesOfStaleListsAreDownloaded(t *testing.T) {
	_, said := fakeApt(t)
	to := t.TempDir()
	for _, want := range []string{"download update download", "download update download download"} {
		err := download(t.Context(), to, "podman")
		if _, missing := os.Stat(filepath.Join(to, "package.deb")); err != nil || missing != nil || said() != want {
			t.Errorf("%v, %v after %s, want %s", err, missing, said(), want)
		}
	}
}

func TestPackagesThatCantBeDownloaded(t *testing.T) {
	dir, said := fakeApt(t)
	if err := os.WriteFile(filepath.Join(dir, "offline"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	err := download(t.Context(), t.TempDir(), "podman")
	if err == nil || !strings.Contains(err.Error(), "no such package") || !strings.Contains(err.Error(), "no network") || said() != "download update" {
		t.Errorf("%v after %s", err, said())
	}
}
