package inspect

import (
	"strconv"
	"strings"
	"testing"
)

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// TestClasses holds the parts of the final tree against a list made by hand.
func TestClasses(t *testing.T) {
	const none = ""
	layer, want := strings.Builder{}, map[string]int64{}
	size := int64(1)
	for _, c := range []struct{ path, class string }{
		{"app/.git/objects/ab/cd", "version control and editors"},
		{".git/config", "version control and editors"},
		{"srv/.idea/workspace.xml", "version control and editors"},
		{"app/notes.swp", "version control and editors"},
		{"app/.DS_Store", "version control and editors"},
		{"app/.gitignore", none},
		{"app/x.git/config", none},
		{"usr/share/doc/.git/config", "version control and editors"}, // the first rule that claims it
		{"var/cache/apt/archives/a.deb", "package caches"},
		{"var/cache/aptitude/x", none},
		{"home/me/.cache/pip/http/x", "package caches"},
		{"root/.cache/x", "package caches"},
		{"opt/_cacache/index", "package caches"},
		{"usr/lib/gcc/x86_64-linux-gnu/12/cc1", "build tools"},
		{"usr/bin/gcc", "build tools"},
		{"usr/bin/gcc-12", "build tools"},
		{"usr/bin/gcc-9", "build tools"},
		{"usr/bin/gcc-ar", none},
		{"var/lib/dpkg/info/gcc-12-base:amd64.list", none},
		{"usr/bin/x86_64-linux-gnu-gcc-12", "build tools"},
		{"usr/bin/make", "build tools"},
		{"usr/bin/makeself", none},
		{"usr/include/stdio.h", "build tools"},
		{"home/me/.cache/make", "package caches"},
		{"usr/share/man/man1/ls.1", "documentation and locales"},
		{"usr/share/doc/gcc/make", "build tools"},
		{"usr/share/manual", none},
		{"app/main.py", none},
	} {
		layer.WriteString("f " + c.path + " " + decimal(size) + "\n")
		if c.class != none {
			want[c.class] += size
		}
		size += 1000 + size/7
	}
	// The same content three times, of which one is in a class: two copies are left, one of them too many.
	copies := size
	layer.WriteString("f srv/one " + decimal(copies) + " same\nf srv/two " + decimal(copies) + " same\nf usr/share/doc/three " + decimal(copies) + " same\n")
	want["documentation and locales"] += copies
	want[duplicates] = copies
	layer.WriteString("f home/me/.cache/empty 0\n") // nothing to tell of
	r, _ := inspectText(t, []string{layer.String()})
	got := map[string]int64{}
	for _, c := range r.Classes {
		got[c.Name] = c.Bytes
	}
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %d bytes, want %d", name, got[name], want[name])
		}
	}
	for _, c := range r.Classes {
		for _, top := range c.Top {
			if top.Bytes == 0 {
				t.Errorf("%s tells of %+v", c.Name, top)
			}
		}
	}
	if len(got) != len(want) {
		t.Errorf("classes %v, want %v", got, want)
	}
}
