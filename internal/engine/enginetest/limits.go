package enginetest

import (
	"fmt"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// tight are limits that are soon reached.
var tight = engine.Limits{Memory: 64 << 20, Processes: 64, Disk: 64 << 20}

// limited is a bench on an engine that holds containers to tight limits, and an image of it.
func (b *Bench) limited() (*Bench, string) {
	b.Helper()
	other := b.another(b.T)
	other.Engine = b.target.Open(b.T, Options{Helper: b.tool, Limits: tight})
	return other, other.Build(other.Request("COPY --chmod=0111 tool /bin/untraceable\n" + Server)).Image
}

// endless holds that a container which takes without end is ended, and that what it ran into is named.
func endless(b *Bench) {
	l, image := b.limited()
	for _, c := range []struct {
		takes string
		want  engine.Reached
		unit  string // of what the container counts itself
		limit int
	}{
		{"memory", engine.Reached{Resource: engine.Memory, Limit: tight.Memory}, "MiB", 64},
		{"processes", engine.Reached{Resource: engine.Processes, Limit: tight.Processes}, "processes", 64},
		{"disk", engine.Reached{Resource: engine.Disk, Limit: tight.Disk}, "MiB", 64},
	} {
		for user, program := range map[string]string{"": "/bin/tool", "1234:5678": "/bin/untraceable"} {
			if user != "" && c.takes == "disk" {
				continue // it may not write where it tries
			}
			l.sub(c.takes+" by "+path.Base(program), func(l *Bench) {
				begin := time.Now()
				one := l.Run(engine.RunRequest{Image: image, User: user, Cmd: []string{program, "endless", c.takes}})
				exit := l.Wait(one)
				if exit.Signal != syscall.SIGKILL {
					l.Errorf("it was not killed: %+v\n%.1000s", exit, one.Output())
				}
				got := one.Reached()
				if len(got) != 1 || got[0].Resource != c.want.Resource || got[0].Limit != c.want.Limit {
					l.Errorf("got %+v, want %+v", got, c.want)
				}
				taken := strings.Count(one.Output(), "+")
				l.Logf("ended after %v, having taken %d %s with a limit of %d", time.Since(begin).Round(time.Millisecond), taken, c.unit, c.limit)
				l.gone("the container")
			})
		}
	}
}

// withinLimits holds that a container which takes what it may is left alone, and ends as it would.
func withinLimits(b *Bench) {
	l, image := b.limited()
	one := l.Run(engine.RunRequest{Image: image, Cmd: []string{"/bin/tool", "grow", "32"}})
	l.Eventually("it has grown", func() bool { return strings.Contains(one.Output(), "grown") })
	for range 5 {
		if got := l.Ask(one, "loopback"); got != "hello" {
			l.Errorf("the helper said %q", got)
		}
	}
	if got := one.Reached(); got != nil {
		l.Errorf("it ran into %v", got)
	}
	for i := range 4 {
		after := time.Duration(i) * 10 * time.Millisecond
		one := l.Run(engine.RunRequest{Image: image, Cmd: []string{"/bin/tool", "end", after.String()}})
		if exit := l.Wait(one); exit.Code != 42 || !strings.Contains(one.Output(), "last words") || one.Reached() != nil {
			l.Errorf("ended after %v: %+v, output %q, ran into %v", after, exit, one.Output(), one.Reached())
		}
	}
	shared := l.Run(engine.RunRequest{Image: image, Cmd: []string{"/bin/tool", "share", "32", "4"}})
	l.Eventually("what is shared is counted once", func() bool { return strings.Contains(shared.Output(), "shared by 4") })
	time.Sleep(200 * time.Millisecond)
	if !l.running(shared) || shared.Reached() != nil {
		l.Errorf("it ran into %v", shared.Reached())
	}
}

// running says whether a container still answers.
func (b *Bench) running(c engine.Container) bool {
	out, err := c.Exec(b.Context(), engine.ExecRequest{Args: []string{"loopback"}})
	return err == nil && string(out) == "hello"
}

// unwatched holds that a container which ends what watches it is ended, for that reason.
func unwatched(b *Bench) {
	l, image := b.limited()
	one := l.Run(engine.RunRequest{Image: image, Cmd: []string{"/bin/tool", "unwatch", "KILL"}})
	if exit := l.Wait(one); exit.Signal != syscall.SIGKILL {
		l.Errorf("it was not killed: %+v\n%s", exit, one.Output())
	}
	if got := fmt.Sprint(one.Reached()); !strings.Contains(got, "the helper that holds it to its limits") {
		l.Errorf("got %s\n%s", got, one.Output())
	}
	quiet := l.Run(engine.RunRequest{Image: image, Cmd: []string{"/bin/tool", "unwatch", "TERM"}})
	l.Eventually("it has sent the signal", func() bool { return strings.Contains(quiet.Output(), "sent") })
	time.Sleep(200 * time.Millisecond)
	if !l.running(quiet) || quiet.Reached() != nil {
		l.Errorf("a signal that can be refused ended it: %v\n%s", quiet.Reached(), quiet.Output())
	}
	other := l.Run(engine.RunRequest{Image: image, User: "1234:5678", Cmd: []string{"/bin/tool", "unwatch", "KILL"}})
	l.Eventually("it may not", func() bool { return strings.Contains(other.Output(), "not permitted") })
}
