//go:build linux

package agent

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestExec(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("needs /bin/sh:", err)
	}
	sh := func(script string) []string { return []string{"/bin/sh", "-c", script} }
	for _, c := range []struct {
		name    string
		request ExecRequest
		want    ExecAnswer
	}{
		{"success", ExecRequest{Argv: sh("echo out; echo err >&2")}, ExecAnswer{Stdout: "out\n", Stderr: "err\n"}},
		{"failure", ExecRequest{Argv: sh("exit 3")}, ExecAnswer{Exit: 3}},
		{"signal", ExecRequest{Argv: sh("kill -TERM $$")}, ExecAnswer{Exit: -1, Signal: "terminated"}},
		{"only the given environment", ExecRequest{Argv: sh("echo $A-$PLIMSOLL_TEST-$HOME"), Env: []string{"A=1", "A=2", "HOME=/h"}},
			ExecAnswer{Stdout: "2--/h\n"}},
		{"directory", ExecRequest{Argv: sh("pwd"), Dir: "/usr"}, ExecAnswer{Stdout: "/usr\n"}},
		{"found in PATH", ExecRequest{Argv: []string{"sh", "-c", "echo $0", "zero"}, Env: []string{"PATH=/nowhere:/bin"}},
			ExecAnswer{Stdout: "zero\n"}},
		{"not in PATH", ExecRequest{Argv: []string{"sh"}, Env: []string{"PATH=/nowhere"}},
			ExecAnswer{Exit: -1, Error: `no program "sh" in the PATH /nowhere`}},
		{"no such file", ExecRequest{Argv: []string{"/nowhere/curl"}},
			ExecAnswer{Exit: -1, Error: "starting /nowhere/curl: fork/exec /nowhere/curl: no such file or directory"}},
		{"no command", ExecRequest{}, ExecAnswer{Exit: -1, Error: "the command is empty"}},
		{"no such user", ExecRequest{Argv: sh("true"), User: "nobody-here"},
			ExecAnswer{Exit: -1, Error: `no user "nobody-here" in /etc/passwd`}},
		{"bytes that are not text", ExecRequest{Argv: sh(`printf '\377'`)}, ExecAnswer{Stdout: "\uFFFD"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := local().Exec(t.Context(), c.request)
			got.Seconds = 0
			if err != nil || got != c.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, c.want)
			}
		})
	}
}

func TestExecEndsTheWholeGroupAtItsTime(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "survived")
	a, err := local().Exec(t.Context(), ExecRequest{Timeout: 200 * time.Millisecond,
		Argv: []string{"/bin/sh", "-c", "(sleep 1; touch " + marker + ") & sleep 60"}})
	if err != nil || !a.TimedOut || a.Exit != -1 || a.Signal != "killed" {
		t.Errorf("got %+v, %v", a, err)
	}
	time.Sleep(1200 * time.Millisecond)
	if _, err := os.Stat(marker); err == nil {
		t.Error("a child of the command survived its time-out")
	}
}

func TestExecLetsACommandHeedTheStopSignal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "last")
	a, err := local().Exec(t.Context(), ExecRequest{
		Argv: []string{"/bin/sh", "-c", `trap 'echo bye > "$0"; exit 5' TERM; while :; do sleep 0.05; done`, file}, Stop: int(syscall.SIGTERM), Timeout: time.Second,
	})
	if _, missing := os.Stat(file); err != nil || missing != nil || a.Exit != 5 {
		t.Errorf("%+v, %v, %v", a, err, missing)
	}
}

func TestExecDoesNotWaitForWhatIsLeftBehind(t *testing.T) {
	a, err := local().Exec(t.Context(), ExecRequest{Timeout: 20 * time.Second, Argv: []string{"/bin/sh", "-c", "echo done; sleep 3 &"}})
	if err != nil || a.Exit != 0 || a.Stdout != "done\n" || !strings.Contains(a.Error, "left behind") || a.TimedOut {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestExecBoundsOutput(t *testing.T) {
	a, err := local().Exec(t.Context(), ExecRequest{Argv: []string{"/bin/sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x"}})
	if err != nil || len(a.Stdout) != maxOutput {
		t.Errorf("got %d bytes, %v; want %d", len(a.Stdout), err, maxOutput)
	}
}

func TestExecAsAnotherUser(t *testing.T) {
	asRoot(t)
	a, err := local().Exec(t.Context(), ExecRequest{Argv: []string{"/bin/sh", "-c", "id -u; id -g; id -G"}, User: "10001:10002"})
	if err != nil || a.Stdout != "10001\n10002\n10002\n" {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestResolveUser(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nbroken line\napp:x:10001:10001::/home/app:/sbin/nologin\n")
	write(t, filepath.Join(root, "etc/group"), "root:x:0:\nstaff:x:50:other,app\nweb:x:33:application\n")
	app := identity{UID: 10001, GID: 10001, Groups: []int{50}, Home: "/home/app"}
	for spec, want := range map[string]identity{
		"":            {Home: "/root"},
		"root":        {Home: "/root"},
		"app":         app,
		"10001":       app,
		"app:staff":   {UID: 10001, GID: 50, Home: "/home/app"},
		"app:7":       {UID: 10001, GID: 7, Home: "/home/app"},
		"999":         {UID: 999, Home: "/"},
		"999:999":     {UID: 999, GID: 999, Home: "/"},
		"10001:10001": {UID: 10001, GID: 10001, Home: "/home/app"},
	} {
		got, err := accounts{root}.resolve(spec)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("resolve(%q) = %+v, %v; want %+v", spec, got, err, want)
		}
	}
	for _, bad := range []string{"nobody", "app:none", "-1", "99999999999"} {
		if id, err := (accounts{root}).resolve(bad); err == nil {
			t.Errorf("resolve(%q) = %+v, want an error", bad, id)
		}
	}
	if id, err := (accounts{t.TempDir()}).resolve("5"); err != nil || id.UID != 5 {
		t.Errorf("without /etc/passwd: %+v, %v", id, err)
	}
}
