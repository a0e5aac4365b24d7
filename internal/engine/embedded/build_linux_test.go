package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// cachedBy says for every step of the Dockerfile whether it was cached, by its first line.
func cachedBy(res *engine.BuildResult) map[int]bool {
	out := map[int]bool{}
	for _, s := range res.Steps {
		if !s.Internal {
			out[s.Lines[0][0]] = s.Cached
		}
	}
	return out
}

func wantCached(t *testing.T, res *engine.BuildResult, want map[int]bool) {
	t.Helper()
	got := cachedBy(res)
	for line, cached := range want {
		if is, ok := got[line]; !ok || is != cached {
			t.Errorf("line %d: cached %v (known: %v), want %v", line, is, ok, cached)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d steps of the Dockerfile, want %d: %+v", len(got), len(want), res.Steps)
	}
}

func TestSecondBuildIsCached(t *testing.T) {
	b := newBench(t, nil)
	b.write("app.txt", "one")
	req := b.request(`RUN stamp /stamp
COPY app.txt /app.txt
RUN <<END
print from
print heredoc
END
CMD ["/bin/tool", "show", "/app.txt"]
`)
	wantCached(t, b.build(req), map[int]bool{2: false, 4: false, 5: false, 6: false})
	second := b.build(req)
	wantCached(t, second, map[int]bool{2: true, 4: true, 5: true, 6: true})
	if !strings.Contains(string(second.Config), `"/app.txt"`) {
		t.Errorf("config without the command: %s", second.Config)
	}
	for _, s := range second.Steps {
		if s.Lines != nil && s.Lines[0] == [2]int{6, 9} && s.Stage != "stage-0" {
			t.Errorf("stage of the heredoc: %q", s.Stage)
		}
	}
}

func TestOverridesChangeTheirOwnStepAlone(t *testing.T) {
	b := newBench(t, nil)
	b.write("src/app.txt", "one")
	req := b.request("RUN stamp /stamp\nCOPY src /src\nCMD [\"/bin/tool\", \"show\", \"/src/app.txt\"]\n")
	b.build(req)

	// Texts of one length, so that nothing but their content tells them apart.
	for _, text := range []string{"two", "six", "ten"} {
		req.Overrides = map[string][]byte{"src/app.txt": []byte(text)}
		res := b.build(req)
		wantCached(t, res, map[int]bool{2: true, 4: true, 5: false})
		c := b.run(engine.RunRequest{Image: res.Image})
		b.wait(c)
		if c.Output() != text {
			t.Errorf("override %q: the image has %q", text, c.Output())
		}
	}
	if data, _ := os.ReadFile(filepath.Join(b.dir, "src/app.txt")); string(data) != "one" {
		t.Errorf("the file on the disk became %q", data)
	}
	req.Overrides = nil
	wantCached(t, b.build(req), map[int]bool{2: true, 4: true, 5: true})
}

func TestStepsThatAnOpenImageAnswersAreCached(t *testing.T) {
	b := newBench(t, nil)
	b.write("app.txt", "one")
	req := b.request("RUN stamp /stamp\nCOPY app.txt /app.txt\nRUN stamp /other\n" + server)
	all := map[int]bool{2: true, 4: true, 5: true, 6: true}
	none := map[int]bool{2: false, 4: false, 5: false, 6: false}
	wantCached(t, b.build(req), none)
	warm := b.build(req)
	wantCached(t, warm, all)
	b.run(engine.RunRequest{Image: warm.Image})
	wantCached(t, b.build(req), all)
	cold := req
	cold.NoCache = true
	res := b.build(cold)
	wantCached(t, res, none)
	b.run(engine.RunRequest{Image: res.Image})
	wantCached(t, b.build(req), all)
	wantCached(t, b.build(cold), none)
}

func TestOverrideAddsFiles(t *testing.T) {
	b := newBench(t, nil)
	b.write("a/one.txt", "1")
	req := b.request("COPY a /a\nCMD [\"/bin/tool\", \"list\", \"/a\"]\n")
	req.Overrides = map[string][]byte{"a/deep/two.txt": []byte("2"), "a/three.txt": []byte("3")}
	c := b.run(engine.RunRequest{Image: b.build(req).Image})
	b.wait(c)
	if want := "entry deep\nentry one.txt\nentry three.txt\n"; c.Output() != want {
		t.Errorf("got %q, want %q", c.Output(), want)
	}
}

func TestIgnoreTextIsTheOneInForce(t *testing.T) {
	for name, c := range map[string]struct {
		ignore []byte
		want   string
	}{
		"given":                       {[]byte("*.log\n"), "entry .dockerignore\nentry keep.txt\n"},
		"nil, though a file is there": {nil, "entry .dockerignore\nentry drop.log\nentry keep.txt\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.write("all/keep.txt", "k")
			b.write("all/drop.log", "d")
			b.write("all/.dockerignore", "*\n")
			b.write(".dockerignore", "all/keep.txt\n")
			req := b.request("COPY all /all\nCMD [\"/bin/tool\", \"list\", \"/all\"]\n")
			if c.ignore != nil {
				req.Ignore = []byte("all/*.log\n")
			}
			container := b.run(engine.RunRequest{Image: b.build(req).Image})
			b.wait(container)
			if container.Output() != c.want {
				t.Errorf("got %q, want %q", container.Output(), c.want)
			}
		})
	}
}

func TestNoCacheRunsEverything(t *testing.T) {
	b := newBench(t, nil)
	b.write("app.txt", "one")
	req := b.request("RUN stamp /stamp\nRUN --mount=type=cache,target=/c list /c\nCOPY app.txt /app.txt\nCMD [\"/bin/tool\", \"show\", \"/stamp\"]\n")
	b.build(req)
	cold := req
	cold.NoCache = true
	var stamps []string
	for range 2 {
		res := b.build(cold)
		wantCached(t, res, map[int]bool{2: false, 4: false, 5: false, 6: false})
		if res.Solve <= 0 {
			t.Errorf("no time was measured: %+v", res)
		}
		// With a container of an earlier cold build still up, the next one is cold all the same.
		c := b.run(engine.RunRequest{Image: res.Image})
		b.wait(c)
		stamps = append(stamps, c.Output())
	}
	if stamps[0] == stamps[1] {
		t.Errorf("the second cold build used the first one's result: %s", stamps[0])
	}
}

func TestBuildArgsAndTarget(t *testing.T) {
	b := newBench(t, nil)
	req := b.request("ARG WORD\nENV SAID=$WORD\nRUN print x\nCMD [\"/bin/tool\", \"env\", \"SAID\"]\nFROM scratch AS other\nCOPY nothing /\n")
	req.BuildArgs = map[string]string{"WORD": "plimsoll"}
	req.Target = "first"
	req.Dockerfile = []byte(strings.Replace(string(req.Dockerfile), "FROM scratch\n", "FROM scratch AS first\n", 1))
	res := b.build(req)
	c := b.run(engine.RunRequest{Image: res.Image})
	b.wait(c)
	if c.Output() != "SAID=plimsoll\n" {
		t.Errorf("got %q", c.Output())
	}
	if res.Steps[0].Stage != "first" {
		t.Errorf("stage %q", res.Steps[0].Stage)
	}
}

func TestSyntaxLinePullsNoFrontend(t *testing.T) {
	b := newBench(t, nil)
	req := b.request("")
	req.Dockerfile = append([]byte("# syntax=registry.invalid/frontend:1\n"), req.Dockerfile...)
	b.build(req)
}

func TestParallelBuilds(t *testing.T) {
	b := newBench(t, nil)
	b.write("app.txt", "one")
	var wg sync.WaitGroup
	for _, word := range []string{"one", "two", "three", "four"} {
		wg.Go(func() {
			req := b.request("COPY app.txt /\nRUN sleep 100ms\nRUN write /word " + word + "\nCMD [\"/bin/tool\", \"show\", \"/word\"]\n")
			req.Name = word
			res, err := b.engine.Build(t.Context(), req, nil)
			if err != nil {
				t.Errorf("%s: %v", word, err)
				return
			}
			c, err := b.engine.Run(t.Context(), engine.RunRequest{Image: res.Image})
			if err != nil {
				t.Errorf("%s: %v", word, err)
				return
			}
			defer c.Close()
			b.wait(c)
			if c.Output() != word+"\n" {
				t.Errorf("%s: printed %q", word, c.Output())
			}
		})
	}
	wg.Wait()
}

func TestProgress(t *testing.T) {
	b := newBench(t, nil)
	var mu sync.Mutex
	var log strings.Builder
	completed := map[string]bool{}
	_, err := b.engine.Build(t.Context(), b.request("RUN print hello from the step\n"), func(e engine.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Build != "test" {
			t.Errorf("event of build %q", e.Build)
		}
		log.Write(e.Log)
		if !e.Step.Completed.IsZero() {
			completed[e.Step.Name] = true
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "hello from the step") {
		t.Errorf("the step's output is missing: %q", log.String())
	}
	if !completed["[2/2] RUN print hello from the step"] {
		t.Errorf("the step never completed: %v", completed)
	}
}

func TestCancelledBuild(t *testing.T) {
	b := newBench(t, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	start := time.Now()
	_, err := b.engine.Build(ctx, b.request("RUN print sleeping\nRUN sleep 60s\n"), func(e engine.Event) {
		if strings.Contains(e.Step.Name, "sleep 60s") && !e.Step.Started.IsZero() {
			cancel(stop)
		}
	})
	cancel(nil)
	if !errors.Is(err, stop) {
		t.Errorf("got %v, want the cause of the cancellation", err)
	}
	var failed *engine.BuildError
	if errors.As(err, &failed) {
		t.Errorf("a cancelled build is no fault of the project: %v", err)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
	b.eventually("the step's container goes away", func() bool { return len(containersBelow(t, b.root)) == 0 })
	b.build(b.request("RUN print still works\n"))
}
