package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	maxOutput = 64 << 10 // kept of each of stdout and stderr
	// defaultPath is what Docker gives a container whose image sets no PATH.
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	// drain is how long output is read on after a command ended whose
	// children keep it open.
	drain = grace / 2
	// heed is how long a command may take to end on the signal that asks it to.
	heed = 2 * time.Second
)

// execute runs a command to its end, or ends its process group at the time-out.
func execute(ctx context.Context, r ExecRequest) (ExecAnswer, error) {
	stdout, stderr := &head{limit: maxOutput}, &head{limit: maxOutput}
	cmd, err := command(ctx, r)
	if err != nil {
		return ExecAnswer{Exit: -1, Error: err.Error()}, nil
	}
	if r.Frozen {
		thaw, err := freeze(mainPID(r.Main))
		defer thaw()
		if err != nil {
			return ExecAnswer{Exit: -1, Unfrozen: err.Error()}, nil
		}
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	started := time.Now()
	err = cmd.Run()
	a := ExecAnswer{Exit: -1, Seconds: time.Since(started).Seconds(),
		Stdout: text(stdout.data), Stderr: text(stderr.data)}
	if cmd.ProcessState == nil {
		a.Error = fmt.Sprintf("starting %s: %v", r.Argv[0], err)
		return a, nil
	}
	a.ended(cmd.ProcessState)
	a.TimedOut = a.Signal != "" && ctx.Err() != nil
	if errors.Is(err, exec.ErrWaitDelay) {
		a.Error = "its output was cut off: a process that it left behind holds it open"
	}
	return a, nil
}

func (a *ExecAnswer) ended(state *os.ProcessState) {
	a.Exit = state.ExitCode()
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		a.Signal = ws.Signal().String()
	}
}

// text makes output safe for JSON.
func text(output []byte) string { return strings.ToValidUTF8(string(output), "\uFFFD") }

// command prepares a command with its user, environment and process group.
func command(ctx context.Context, r ExecRequest) (*exec.Cmd, error) {
	if len(r.Argv) == 0 || r.Argv[0] == "" {
		return nil, errors.New("the command is empty")
	}
	id, err := accounts{"/"}.resolve(r.User)
	if err != nil {
		return nil, err
	}
	env := r.Env
	if _, ok := lookup(env, "HOME"); !ok {
		env = append(env[:len(env):len(env)], "HOME="+id.Home)
	}
	path, err := findProgram(r.Argv[0], env)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Env, cmd.Dir = r.Argv, env, r.Dir
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.SysProcAttr = attributes(r.User, id)
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = drain
	if r.Stop != 0 {
		kill := cmd.Cancel
		cmd.Cancel = func() error {
			time.AfterFunc(heed, func() { _ = kill() })
			return cmd.Process.Signal(syscall.Signal(r.Stop))
		}
		cmd.WaitDelay = heed + drain
	}
	return cmd, nil
}

// attributes gives the command a process group of its own, so that all of it
// can be ended, and its user. Without a user it stays who the agent is.
func attributes(user string, id identity) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if user == "" {
		return a
	}
	a.Credential = &syscall.Credential{Uid: uint32(id.UID), Gid: uint32(id.GID), NoSetGroups: os.Geteuid() != 0}
	for _, g := range id.Groups {
		a.Credential.Groups = append(a.Credential.Groups, uint32(g))
	}
	return a
}

// findProgram looks a program up in the PATH of the environment that it gets, not in the agent's.
func findProgram(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	path, ok := lookup(env, "PATH")
	if !ok {
		path = defaultPath
	}
	for _, dir := range filepath.SplitList(path) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("no program %q in the PATH %s", name, path)
}

// lookup finds a variable in an environment; the last one counts.
func lookup(env []string, name string) (value string, ok bool) {
	for _, e := range env {
		if n, v, has := strings.Cut(e, "="); has && n == name {
			value, ok = v, true
		}
	}
	return value, ok
}
