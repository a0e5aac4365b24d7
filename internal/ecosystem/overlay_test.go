package ecosystem

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func readFrom(line int) Source { return Source{File: "app.py", Line: line} }

func TestNothingObservedChangesNothing(t *testing.T) {
	f := &Facts{
		Ecosystem: "any", Port: Fact[int]{Value: 8000, Source: readFrom(1)},
		Writes:      []Fact[Write]{{Value: Write{Path: "data", Dir: true}, Source: readFrom(2)}},
		RunPackages: []Fact[string]{{Value: "ca-certificates", Source: readFrom(3)}},
		Notes:       []Note{{About: "start", Text: "unknown"}},
	}
	if got := f.With(&Observed{}, "/srv"); !reflect.DeepEqual(got, f) {
		t.Errorf("got  %+v\nwant %+v", got, f)
	}
	if got := f.With(nil, "/srv"); got != f {
		t.Error("without a run the facts are others")
	}
	if got := (*Facts)(nil).With(nil, "/srv"); got != nil {
		t.Errorf("without files and run: %+v", got)
	}
}

func TestARunThatWasSeenAsAWholeMakesFacts(t *testing.T) {
	seen := &Observed{Port: 80, Programs: []string{"/usr/bin/app"}, Writes: []Write{{Path: "/data/x"}}}
	if got := (*Facts)(nil).With(seen, "/"); got == nil || got.Port.Value != 80 || len(got.Writes) != 1 {
		t.Errorf("got %+v", got)
	}
	seen.Incomplete = []string{"what it wrote: the time was over"}
	if got := (*Facts)(nil).With(seen, "/"); got != nil {
		t.Errorf("of a run that was seen in part: %+v", got)
	}
}

func TestObservedPortOutranks(t *testing.T) {
	f := &Facts{Port: Fact[int]{Value: 8000, Source: readFrom(7)}}
	for _, port := range []int{8000, 5000} {
		got := f.With(&Observed{Port: port}, "/").Port
		if got.Value != port || !got.Source.Observed() || got.Read.Line != 7 || len(got.Proof()) != 2 {
			t.Errorf("port %d: %+v", port, got)
		}
	}
	if got := f.With(&Observed{Port: 5000}, "/").Port.Read.Note; got != "says 8000" {
		t.Errorf("what speaks otherwise is shown as %q", got)
	}
	if f.Port.Source.Observed() {
		t.Error("the facts that were read have changed")
	}
}

func TestAPortOnLoopbackAlone(t *testing.T) {
	for _, c := range []struct {
		addresses []string
		want      string
	}{
		{nil, ""}, {[]string{"127.0.0.1"}, "127.0.0.1"}, {[]string{"127.0.0.1", "::1"}, "::1"}, {[]string{"::ffff:127.0.0.1"}, "::ffff:127.0.0.1"},
		{[]string{"127.0.0.1", "0.0.0.0"}, ""}, {[]string{"::"}, ""}, {[]string{"10.0.0.1"}, ""}, {[]string{"nonsense"}, ""},
	} {
		seen := &Observed{Port: 80, Sockets: []Socket{{Address: "0.0.0.0", Port: 81}}}
		for _, a := range c.addresses {
			seen.Sockets = append(seen.Sockets, Socket{Address: a, Port: 80})
		}
		if got := (&Facts{}).With(seen, "/").Loopback.Value; got != c.want {
			t.Errorf("%q: got %q, want %q", c.addresses, got, c.want)
		}
	}
}

func TestThePageThatAnsweredIsAskedWhereNoHealthRouteIsKnown(t *testing.T) {
	seen := &Observed{Answered: []string{"/items", "/"}}
	if got := (&Facts{}).With(seen, "/").Health; got.Value != "/" || !got.Source.Observed() {
		t.Errorf("got %+v", got)
	}
	read := Fact[string]{Value: "/healthz", Source: readFrom(1)}
	if got := (&Facts{Health: read}).With(seen, "/").Health; got != read {
		t.Errorf("a route that the source declares for it gives way to %+v", got)
	}
	if got := (&Facts{}).With(&Observed{Answered: []string{"/items"}}, "/").Health; got.Known() {
		t.Errorf("any page will do: %+v", got)
	}
}

func TestObservedWrites(t *testing.T) {
	read := []Fact[Write]{
		{Value: Write{Path: "data/notes.db"}, Source: readFrom(1)},
		{Value: Write{Path: "uploads", Dir: true}, Source: readFrom(2)},
		{Value: Write{Path: "/var/lib/app/unused", Dir: true}, Source: readFrom(3)},
	}
	seen := &Observed{Writes: []Write{
		{Path: "/srv/data/notes.db"}, {Path: "/srv/data/notes.db-journal"},
		{Path: "/srv/uploads/2026/a.png"},
		{Path: "/var/log/app/access.log"},
		{Path: "/tmp/x"}, {Path: "/etc/app.conf"}, {Path: "/root/.npm/_logs", Dir: true}, {Path: "/var/log/app.log"},
	}}
	got := (&Facts{Writes: read}).With(seen, "/srv")
	want := []Fact[Write]{
		{Value: Write{Path: "/srv/data/notes.db"}, Source: Source{Note: "observed: it wrote /srv/data/notes.db"}, Read: readFrom(1)},
		{Value: Write{Path: "/srv/uploads", Dir: true}, Source: Source{Note: "observed: it wrote /srv/uploads/2026/a.png"}, Read: readFrom(2)},
		{Value: Write{Path: "/var/log/app/access.log"}, Source: Source{Note: "observed: it wrote /var/log/app/access.log"}},
		read[2],
	}
	if !reflect.DeepEqual(got.Writes, want) {
		t.Errorf("got  %+v\nwant %+v", got.Writes, want)
	}
	if len(got.Notes) != 3 {
		t.Errorf("notes on what no other user is given: %+v", got.Notes)
	}
}

func TestWritesAreBounded(t *testing.T) {
	seen := &Observed{}
	for i := range 10 * maxWrites {
		seen.Writes = append(seen.Writes, Write{Path: fmt.Sprintf("/srv/cache/%d/f", i)})
	}
	got := (&Facts{}).With(seen, "/srv")
	if len(got.Writes) != maxWrites || len(got.Notes) != 1 {
		t.Errorf("%d writes and %d notes", len(got.Writes), len(got.Notes))
	}
}

func TestServingProcess(t *testing.T) {
	seen := &Observed{
		Port:    3000,
		Sockets: []Socket{{Port: 9229, PID: 1}, {Port: 3000, PID: 19}},
		Processes: []Process{
			{PID: 1, Argv: []string{"npm", "start"}, Dir: "/app"}, {PID: 18, PPID: 1, Argv: []string{"sh", "-c", "node server.js"}, Dir: "/app"},
			{PID: 19, PPID: 18, Argv: []string{"node", "server.js"}, Dir: "/app/web"},
		},
	}
	got := (&Facts{}).With(seen, "/app")
	if !slices.Equal(got.Process.Value, []string{"node", "server.js"}) || !got.Process.Source.Observed() || got.ProcessDir != "/app/web" {
		t.Errorf("got %+v in %q", got.Process, got.ProcessDir)
	}
	seen.Sockets[1].PID = 0
	if got := (&Facts{}).With(seen, "/app"); got.Process.Known() {
		t.Errorf("a socket without an owner: %+v", got.Process)
	}
}

func TestPackagesOfTheRunnerAreThoseThatItLacks(t *testing.T) {
	seen := &Observed{
		Packages: []Package{{Name: "libc6", Files: []string{"/lib/libc.so.6"}}, {Name: "libpq5", Files: []string{"/usr/lib/libpq.so.5.15"}}},
		Lacking:  []string{"libpq5"},
	}
	known := []Fact[string]{{Value: "ca-certificates", Source: readFrom(1)}}
	got := (&Facts{RunPackages: known}).With(seen, "/").RunPackages
	want := append(known, Fact[string]{Value: "libpq5", Source: Source{Note: "observed: it had libpq.so.5.15 loaded, which the rewritten image does not have"}})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	other := (&Facts{RunPackages: known, Bundle: &Bundle{Runner: &Runner{}}}).With(seen, "/")
	if !reflect.DeepEqual(other.RunPackages, known) {
		t.Errorf("a runner on another base gets %+v", other.RunPackages)
	}
}

// Whatever was read and seen: what was seen is a fact, with its proof; what was read and not
// contradicted stays; laying it over twice is the same as once.
func TestObservedAlwaysOutranks(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	places := []string{"/srv", "/srv/data", "/srv/data/deep", "/opt/app", "/tmp", "/etc", "/var/log/app"}
	for range 2000 {
		f, seen := &Facts{}, &Observed{Port: random.IntN(3)}
		if random.IntN(2) == 0 {
			f.Port = Fact[int]{Value: random.IntN(3), Source: readFrom(1)}
		}
		for range random.IntN(4) {
			f.Writes = append(f.Writes, Fact[Write]{Value: Write{places[random.IntN(len(places))] + "/f", random.IntN(2) == 0}, Source: readFrom(2)})
		}
		for range random.IntN(4) {
			seen.Writes = append(seen.Writes, Write{places[random.IntN(len(places))] + "/f", random.IntN(2) == 0})
		}
		got := f.With(seen, "/srv")
		if seen.Port != 0 && (got.Port.Value != seen.Port || !got.Port.Source.Observed()) || seen.Port == 0 && got.Port != f.Port {
			t.Fatalf("port read %+v, seen %d, got %+v", f.Port, seen.Port, got.Port)
		}
		covered := func(dir string) bool {
			return slices.ContainsFunc(got.Writes, func(w Fact[Write]) bool { return below(dir, dirOf(w.Value, "/srv")) })
		}
		for _, w := range seen.Writes {
			if dir := dirOf(w, "/srv"); !passing(dir) && !ofSystem(dir, "/srv") && !covered(dir) {
				t.Fatalf("%+v was seen and is not among %+v", w, got.Writes)
			}
		}
		for _, w := range f.Writes {
			if !covered(dirOf(w.Value, "/srv")) {
				t.Fatalf("%+v was read and is not among %+v", w, got.Writes)
			}
		}
		if again := got.With(seen, "/srv"); !reflect.DeepEqual(dirsOf(again.Writes), dirsOf(got.Writes)) || again.Port.Value != got.Port.Value {
			t.Fatalf("laid over twice: %+v, once: %+v", again, got)
		}
	}
}

func dirsOf(writes []Fact[Write]) (dirs []string) {
	for _, w := range writes {
		dirs = append(dirs, dirOf(w.Value, "/srv"))
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}
