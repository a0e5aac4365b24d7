package observe

import (
	"reflect"
	"testing"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

func TestWritesAreWhatNothingElseExplains(t *testing.T) {
	dir := func(p string) agent.Change { return agent.Change{Path: p, Dir: true} }
	file := func(p string) agent.Change { return agent.Change{Path: p} }
	got := writes([]agent.Change{
		dir("/srv"), dir("/srv/__pycache__"), file("/srv/__pycache__/app.cpython-311.pyc"), // byte code alone
		dir("/var"), dir("/var/lib"), dir("/var/lib/app"), file("/var/lib/app/ships.db"), // copied up with the file
		dir("/srv/spool"), // something came and went
		file("/srv/old.pyc"),
	})
	want := []ecosystem.Write{{Path: "/var/lib/app/ships.db"}, {Path: "/srv/spool", Dir: true}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDirectoriesThatTheApplicationMakesStandForWhatIsBelow(t *testing.T) {
	all := []ecosystem.Write{
		{Path: "/srv/uploads/a/1.png"}, {Path: "/srv/uploads/b/2.png"}, // it made /srv/uploads
		{Path: "/srv/data/2026-11-25/day.json"}, // it made a directory of that day
		{Path: "/srv/state.json"},
		{Path: "/srv/empty", Dir: true},
	}
	made := []string{"/srv/uploads", "/srv/uploads/a", "/srv/uploads/b", "/srv/data/2026-11-25", "/srv/empty"}
	want := []ecosystem.Write{
		{Path: "/srv/uploads", Dir: true}, {Path: "/srv/data", Dir: true}, {Path: "/srv/state.json"}, {Path: "/srv/empty", Dir: true},
	}
	if got := Settled(all, made); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := Settled(all, nil); !reflect.DeepEqual(got, all) {
		t.Errorf("with all directories in the image: %+v", got)
	}
	for _, dir := range made {
		if got := Parents(all); !contains(got, dir) || !contains(got, "/srv") || contains(got, "/") {
			t.Errorf("directories to ask for: %q", got)
		}
	}
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

func TestPackagesOfSeveralLooksAreMerged(t *testing.T) {
	seen := &ecosystem.Observed{}
	mergePackages(seen, []agent.LoadedPackage{{Name: "libc6", Files: []string{"/lib/libc.so.6"}}})
	mergePackages(seen, []agent.LoadedPackage{
		{Name: "libz", Files: []string{"/lib/libz.so.1"}, Brings: []string{"libc6"}}, {Name: "libc6", Files: []string{"/lib/libm.so.6", "/lib/libc.so.6"}},
	})
	want := []ecosystem.Package{
		{Name: "libc6", Files: []string{"/lib/libc.so.6", "/lib/libm.so.6"}},
		{Name: "libz", Files: []string{"/lib/libz.so.1"}, Brings: []string{"libc6"}},
	}
	if len(seen.Packages) != 2 || !reflect.DeepEqual(seen.Packages[0].Files, want[0].Files) || !reflect.DeepEqual(seen.Packages[1], want[1]) {
		t.Errorf("got  %+v\nwant %+v", seen.Packages, want)
	}
}

func TestWritesOfAnotherRunAreAddedWhereNoneWas(t *testing.T) {
	seen := []ecosystem.Write{{Path: "/srv/log/a1.log"}}
	more := []ecosystem.Write{{Path: "/srv/log/b2.log"}, {Path: "/var/spool/last"}, {Path: "/srv/log", Dir: true}}
	want := []ecosystem.Write{{Path: "/srv/log/a1.log"}, {Path: "/var/spool/last"}}
	if got := withWrites(seen, more); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
