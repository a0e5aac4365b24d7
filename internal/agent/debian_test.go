package agent

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

const statusFile = `Package: libpq5
Status: install ok installed
Depends: libc6 (>= 2.34), libldap-2.5-0 (>= 2.5.4),
Pre-Depends: libssl3:any
Description: client library
 Package: not-this-one

Package: libldap-2.5-0
Status: install ok installed
Depends: libsasl2-2 (>= 2.1), debconf | debconf-2.0

Package: libsasl2-2
Status: install ok installed
Depends: libldap-2.5-0

Package: libc6
Status: install ok installed

Package: debconf
Status: install ok installed

Package: gone
Status: deinstall ok config-files
Depends: libc6
`

func debianRoot(t *testing.T) debian {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"var/lib/dpkg/status":                      statusFile,
		"var/lib/dpkg/info/libpq5:amd64.list":      "/.\n/usr\n/usr/lib/x86_64-linux-gnu/libpq.so.5.15\n/usr/lib/x86_64-linux-gnu/libpq.so.5\n",
		"var/lib/dpkg/info/libldap-2.5-0.list":     "/usr/lib/x86_64-linux-gnu/libldap-2.5.so.0\n",
		"var/lib/dpkg/info/libsasl2-2:amd64.list":  "/usr/lib/x86_64-linux-gnu/libsasl2.so.2\n",
		"var/lib/dpkg/info/libc6:amd64.list":       "/lib/x86_64-linux-gnu/libc.so.6\n", // from before /lib was a link
		"var/lib/dpkg/info/libc6:amd64.md5sums":    "/usr/lib/x86_64-linux-gnu/libpq.so.5.15\n",
		"usr/bin/apt-get":                          "",
		"srv/data/file":                            "",
		"var/lib/dpkg/info/unreadable.list/folder": "",
	} {
		write(t, filepath.Join(root, name), text)
	}
	return debian{root}
}

func TestPackagesOfFiles(t *testing.T) {
	got := debianRoot(t).packagesOf(t.Context(), []string{
		"/usr/lib/x86_64-linux-gnu/libpq.so.5.15", "/usr/lib/x86_64-linux-gnu/libsasl2.so.2", "/usr/lib/x86_64-linux-gnu/libc.so.6",
		"/opt/venv/lib/_speedups.so",
	})
	want := []LoadedPackage{
		{Name: "libc6", Files: []string{"/usr/lib/x86_64-linux-gnu/libc.so.6"}},
		{Name: "libpq5", Files: []string{"/usr/lib/x86_64-linux-gnu/libpq.so.5.15"}, Brings: []string{"libc6", "libsasl2-2"}},
		{Name: "libsasl2-2", Files: []string{"/usr/lib/x86_64-linux-gnu/libsasl2.so.2"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := (debian{t.TempDir()}).packagesOf(t.Context(), []string{"/bin/sh"}); got != nil {
		t.Errorf("without dpkg: %+v", got)
	}
}

func TestDependenciesWithAlternativesBringNothingForSure(t *testing.T) {
	known := parseStatusFile(statusFile)
	if _, installed := known["gone"]; installed {
		t.Error("a package that was removed counts as installed")
	}
	if brought := known.closure("libpq5"); brought["debconf"] || !brought["libssl3"] || !brought["libsasl2-2"] {
		t.Errorf("libpq5 brings %v", brought)
	}
}

func TestLacks(t *testing.T) {
	d := debianRoot(t)
	r := LacksRequest{Dirs: []string{"/srv", "/srv/data", "/srv/data/file", "/srv/none"}, Packages: []string{"libpq5", "gone", "curl"}}
	a, err := d.lacks(t.Context(), r)
	want := LacksAnswer{Dirs: []string{"/srv/data/file", "/srv/none"}, Packages: []string{"gone", "curl"}, Debian: true}
	if err != nil || !reflect.DeepEqual(a, want) {
		t.Errorf("got %+v, %v; want %+v", a, err, want)
	}
	a, err = debian{t.TempDir()}.lacks(t.Context(), r)
	if err != nil || a.Debian || a.Packages != nil || len(a.Dirs) != 4 {
		t.Errorf("without dpkg: %+v, %v", a, err)
	}
	if _, err := d.lacks(t.Context(), LacksRequest{Packages: make([]string, maxAsked+1)}); err == nil {
		t.Error("too many names were accepted")
	}
}

func FuzzStatusFile(f *testing.F) {
	f.Add(statusFile)
	f.Add("Package: a\nStatus: ok installed\nDepends: a, , b |\n\n\n")
	f.Fuzz(func(t *testing.T, data string) {
		known := parseStatusFile(data)
		for name := range known {
			if brought := known.closure(name); brought[""] {
				t.Errorf("%q brings a package without a name", name)
			}
		}
		if slices.Contains(withoutAlternative(data), "") {
			t.Error("a dependency without a name")
		}
	})
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
