//go:build linux

package agent

import (
	"net"
	"slices"
	"strings"
	"testing"
)

func TestLookAnswersAllAtOnceAndGoesOnWhereItCannot(t *testing.T) {
	cmd, port := startApplication(t, "0s")
	a, err := local().Look(t.Context(), LookRequest{Main: cmd.Process.Pid, Changes: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(a.Sockets.Answer.Sockets, func(s Socket) bool { return s.Port == port && s.PID == cmd.Process.Pid }) {
		t.Errorf("sockets %+v, want port %d of %d", a.Sockets, port, cmd.Process.Pid)
	}
	if len(a.Processes.Answer.Processes) != 1 || !slices.Contains(a.Env.Answer.Names, "APP_SECRET") || len(a.Loaded.Answer.Programs) != 1 {
		t.Errorf("processes %+v, environment %+v, loaded %+v", a.Processes, a.Env, a.Loaded)
	}
	if strings.Contains(strings.Join(a.Env.Answer.Names, " "), "never-shown") || a.Changed.Error != "" {
		t.Errorf("environment %+v, changed %+v", a.Env, a.Changed)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	none, err := local().Look(t.Context(), LookRequest{Main: 1 << 30})
	if err != nil || none.Processes.Error == "" || none.Changed.Error == "" || len(none.Sockets.Answer.Sockets) == 0 {
		t.Errorf("of no process: %+v, %v; want the sockets all the same", none, err)
	}
}
