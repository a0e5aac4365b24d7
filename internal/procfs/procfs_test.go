package procfs

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestParseStatWithAnyName(t *testing.T) {
	const rest = ` S 7 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 9999 10`
	for _, name := range []string{"(app)", "(my app)", "(a) S 1 (b)", "()"} {
		s, err := ParseStat("42 " + name + rest)
		want := Stat{State: "S", PPID: 7, Flags: 4194560, Start: 123450 * time.Millisecond}
		if err != nil || s != want {
			t.Errorf("%s: %+v, %v; want %+v", name, s, err, want)
		}
	}
	for _, bad := range []string{"", "42 (app", "42 app" + rest, "42 (app) S 7", "42 (app) S x" + strings.Repeat(" 1", 30)} {
		if _, err := ParseStat(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// The first process of a container that ends sleeps until the others are gone: how it ended is not known yet, and must not get lost.
func TestEnding(t *testing.T) {
	for _, c := range []struct {
		stat Stat
		want bool
	}{
		{Stat{State: "S", Flags: 4194560}, false},
		{Stat{State: "R", Flags: 4194304}, false},
		{Stat{State: "S", Flags: 4194564}, true},
		{Stat{State: "Z", Flags: 4227084}, true},
		{Stat{State: "X"}, true},
	} {
		if got := c.stat.Ending(); got != c.want {
			t.Errorf("%+v: %v", c.stat, got)
		}
	}
}

func TestField(t *testing.T) {
	status := []byte("Name:\tapp\nPPid:\t7\nVmRSS:\t  1024 kB\nRssAnon:\t 10 kB\nRssShmem:\t 2 kB\nVmSwap:\t 1 kB\nThreads:\t3")
	for name, want := range map[string]int64{"PPid:": 7, "VmRSS:": 1024, "Threads:": 3, "Name:": 0, "None:": 0} {
		if got := Field(status, name); got != want {
			t.Errorf("%s %d, want %d", name, got, want)
		}
	}
	if got := Memory(status); got != 13<<10 {
		t.Errorf("%d bytes of memory", got)
	}
	rollup := []byte("00400000-7ff r\nRss: 100 kB\nPss: 50 kB\nPss_Anon: 4 kB\nPss_Shmem: 1 kB\nSwapPss: 2 kB\n")
	if got, ok := Share(rollup); got != 7<<10 || !ok {
		t.Errorf("a share of %d, %v", got, ok)
	}
	if _, ok := Share([]byte("00400000-7ff r\nRss: 100 kB\n")); ok {
		t.Error("a kernel that does not say is taken for one that does")
	}
}

func TestReadStatOfThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no proc(5)")
	}
	s, err := ReadStat(os.Getpid())
	if err != nil || s.PPID != os.Getppid() || s.Start == 0 || s.Ending() {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := ReadStat(4194305); err == nil {
		t.Error("there is a process of a number above all")
	}
}
