package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be the agent, or an application for it to look at.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		os.Exit(Main(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == "__app" {
		application(os.Args[2:])
		return
	}
	os.Exit(m.Run())
}

// childVariable tells an application that it is a child, which ends when its standard input does: with its parent,
// however that ends.
const childVariable = "APP_CHILD"

// application serves HTTP after a delay, with a child process if asked to,
// prints its port and ends at SIGTERM.
func application(args []string) {
	delay, _ := time.ParseDuration(args[0])
	if len(args) > 1 && args[1] == "parent" {
		child := exec.Command(os.Args[0], "__app", "0s")
		child.Env = append(os.Environ(), childVariable+"=1")
		held, err := child.StdinPipe()
		if err == nil {
			err = child.Start()
		}
		if err != nil {
			panic(err)
		}
		defer held.Close()
	}
	if os.Getenv(childVariable) != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	fmt.Println(address[strings.LastIndex(address, ":")+1:])
	time.Sleep(delay)
	go func() {
		_ = http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
		}))
	}()
	term := make(chan os.Signal, 1)
	signal.Notify(term, os.Interrupt)
	<-term
}

// startApplication runs application as a child and returns it with its port.
func startApplication(t *testing.T, args ...string) (cmd *exec.Cmd, port int) {
	t.Helper()
	cmd = exec.Command(os.Args[0], append([]string{"__app"}, args...)...)
	cmd.Env = append(os.Environ(), "APP_SECRET=never-shown")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if _, err := fmt.Fscan(out, &port); err != nil {
		t.Fatalf("reading the application's port: %v", err)
	}
	return cmd, port
}

// local is a client whose agent is this test binary, started as a process of its own.
func local() *Client {
	return NewClient(func(ctx context.Context, args []string, stdin io.Reader) ([]byte, error) {
		cmd := exec.CommandContext(ctx, os.Args[0], append([]string{Command}, args...)...)
		cmd.Stdin = stdin
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, stderr.String())
		}
		return out, nil
	})
}

// answering is a client whose agent always writes the same.
func answering(out string) *Client {
	return NewClient(func(context.Context, []string, io.Reader) ([]byte, error) { return []byte(out), nil })
}

func TestMainAnswersWhateverItIsGiven(t *testing.T) {
	for _, c := range []struct {
		name, stdin, want string
		args              []string
	}{
		{"no verb", `{}`, "want one verb", nil},
		{"two verbs", `{}`, "want one verb", []string{"wait", "{}", "ask"}},
		{"no request", `{}`, "reading the request", []string{"wait", "ask"}},
		{"unknown verb", `{}`, `unknown verb "fly"`, []string{"fly"}},
		{"empty stdin", ``, "stdin is empty", []string{VerbEnv}},
		{"no JSON", `nonsense`, "reading the request", []string{VerbEnv}},
		{"no object", `[1]`, "reading the request", []string{VerbEnv}},
		{"wrong type", `{"main":"x"}`, "reading the request", []string{VerbEnv}},
		{"port out of range", `{"port":70000}`, "not a TCP port", []string{VerbAsk}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, stderr bytes.Buffer
			if code := Main(c.args, strings.NewReader(c.stdin), &out, &stderr); code != 0 {
				t.Errorf("exit code %d, want 0", code)
			}
			var r reply
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatalf("answer %q: %v", out.String(), err)
			}
			if !strings.Contains(r.Error, c.want) || r.Answer != nil {
				t.Errorf("error %q, want %q in it and no answer", r.Error, c.want)
			}
		})
	}
}

func TestStdinThatNeverEndsIsGivenUpOn(t *testing.T) {
	silent, w := io.Pipe()
	defer w.Close()
	r := serve([]string{VerbEnv}, silent, 10*time.Millisecond)
	if !strings.Contains(r.Error, "no answer within 10ms") {
		t.Errorf("error %q", r.Error)
	}
}

func TestStdinNeedNotEndAfterTheRequest(t *testing.T) {
	stdin, w := io.Pipe()
	defer w.Close()
	go func() { _, _ = w.Write([]byte(`{}`)) }()
	if r := serve([]string{VerbSockets}, stdin, time.Minute); r.Error != "" {
		t.Errorf("error %q", r.Error)
	}
}

func TestAPanicIsAnAnswer(t *testing.T) {
	_, err := within(time.Minute, func() (int, error) { panic("boom") })
	if err == nil || err.Error() != "internal error: boom" {
		t.Errorf("error %v", err)
	}
}

func TestAVerbThatHangsIsGivenUpOn(t *testing.T) {
	_, err := within(time.Millisecond, func() (int, error) { select {} })
	if err == nil || !strings.Contains(err.Error(), "no answer within 1ms") {
		t.Errorf("error %v", err)
	}
}

func TestClientExplainsBadAnswers(t *testing.T) {
	for _, c := range []struct{ out, want string }{
		{"", "it wrote nothing"},
		{"\n", "it wrote nothing"},
		{"Segmentation fault", `reading its answer "Segmentation fault"`},
		{`{"error":"no such thing"}`, "asking the agent to env: no such thing"},
		{`{"answer":{"names":3}}`, "reading its answer"},
		{`{}`, "reading its answer"},
	} {
		_, err := answering(c.out).Env(t.Context(), EnvRequest{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("answer %q: error %v, want %q in it", c.out, err, c.want)
		}
	}
}

func TestEnvTellsNamesAndNoValues(t *testing.T) {
	cmd, _ := startApplication(t, "0s")
	a, err := local().Env(t.Context(), EnvRequest{Main: cmd.Process.Pid})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(a.Names, "\n")
	if !strings.Contains(all, "APP_SECRET") || strings.Contains(all, "never-shown") {
		t.Errorf("names:\n%s", all)
	}
}

// An application that is killed takes its child along, so that no test leaves one.
func TestAnApplicationLeavesNoChild(t *testing.T) {
	cmd, _ := startApplication(t, "0s", "parent")
	all, err := local().Processes(t.Context(), ProcessesRequest{Main: cmd.Process.Pid})
	if err != nil || len(all.Processes) != 2 {
		t.Fatalf("got %+v, %v", all, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	child := fmt.Sprintf("/proc/%d/cmdline", all.Processes[1].PID)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if line, err := os.ReadFile(child); err != nil || len(line) == 0 { // gone, or not yet waited for
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the child %d goes on", all.Processes[1].PID)
		}
	}
}
