package e2e

import (
	"cmp"
	"strings"
	"testing"
)

// onPython is a Dockerfile of what follows on a base that is there.
func onPython(rest string) string { return "FROM python:3.11-slim\nWORKDIR /srv\nCOPY . .\n" + rest }

// TestFailuresReadWell specifies what is told when no verdict can be reached.
func TestFailuresReadWell(t *testing.T) {
	needSuite(t)
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
		start string // how long it is waited for; 8s when empty
	}{
		{"no-dockerfile", map[string]string{"main.py": "print(1)\n"},
			[]string{"no Dockerfile"}, ""},
		{"syntax-error", map[string]string{"Dockerfile": "FROM scratch\nRUNN make\n"},
			[]string{"Dockerfile:2", "2 | RUNN make", `unknown instruction "RUNN"`, "did you mean RUN?"}, ""},
		{"no-such-base", map[string]string{"Dockerfile": "FROM python:3.99\nCOPY . .\nCMD python main.py\n"},
			[]string{"Dockerfile:1", "FROM python:3.99", "python:3.99 does not exist"}, ""},
		{"build-fails", map[string]string{"Dockerfile": onPython("RUN echo nearly there && cat absent.txt\nCMD python main.py\n")},
			[]string{"Dockerfile:4", "RUN echo nearly there && cat absent.txt", "nearly there\n", "absent.txt: No such file or directory", "exit code: 1"}, ""},
		{"exits-at-once", map[string]string{"Dockerfile": onPython("EXPOSE 5000\nCMD python main.py\n"), "main.py": "raise SystemExit('no database at all')\n"},
			[]string{"exited with code 1", "no database at all"}, ""},
		{"never-answers", map[string]string{"Dockerfile": onPython("EXPOSE 5000\nCMD python main.py\n"), "main.py": "import time\nprint('dreaming', flush=True)\ntime.sleep(600)\n"},
			[]string{"never answered", "dreaming", "another port"}, ""},
		{"takes-memory-without-end", map[string]string{"Dockerfile": onPython("EXPOSE 5000\nCMD python main.py\n"), "main.py": "print('more', flush=True)\nkept = []\nwhile True:\n    kept.append(bytearray(1 << 20))\n"},
			[]string{"ran into its memory limit of 128 MB (--memory changes it)", "more"}, ""},
		{"listens-too-late", map[string]string{"Dockerfile": "FROM debian:bookworm\nEXPOSE 8080\nCMD [\"sh\", \"-c\", \"echo warming up; exec sleep 600\"]\n"},
			[]string{"never answered", "warming up", "more time"}, "3s"},
		{"says-nothing", map[string]string{"Dockerfile": "FROM debian:bookworm\nCMD [\"sh\", \"-c\", \"trap 'exit 0' TERM; sleep 600 & wait\"]\n"},
			[]string{"nothing to compare by", "--start-timeout"}, "3s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := project(t, c.files)
			before := treeOf(t, dir)
			res := run(t, dir, proveArgs(quick("--start-timeout", cmp.Or(c.start, "8s"), "--memory", "128MB")...)...)
			t.Logf("after %.1f s:\n%s", res.took.Seconds(), res.stderr)
			if res.code != 3 {
				t.Errorf("exit code %d, want 3", res.code)
			}
			for _, want := range append(c.want, "error: ") {
				if !strings.Contains(res.stderr, want) {
					t.Errorf("the message lacks %q", want)
				}
			}
			if res.stdout != "" {
				t.Errorf("on standard output:\n%s", res.stdout)
			}
			untouched(t, dir, before)
			nothingLeft(t)
		})
	}
}

// TestFailureAsJSON holds that a proof is one document, also when it ends early.
func TestFailureAsJSON(t *testing.T) {
	needSuite(t)
	dir := project(t, map[string]string{"Dockerfile": "FROM python:3.99\nCOPY . .\nCMD python main.py\n"})
	d, res := prove(t, dir, quick()...)
	if res.code != 3 || d.Failure == nil || !strings.Contains(d.Failure.Message, "python:3.99 does not exist") {
		t.Errorf("exit code %d, failure %+v\n%s", res.code, d.Failure, res.stdout)
	}
}
