package enginetest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

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

// WantCached holds the steps of a build to what is wanted.
func (b *Bench) WantCached(res *engine.BuildResult, want map[int]bool) {
	b.Helper()
	got := cachedBy(res)
	for line, cached := range want {
		if is, ok := got[line]; !ok || is != cached {
			b.Errorf("line %d: cached %v (known: %v), want %v", line, is, ok, cached)
		}
	}
	if len(got) != len(want) {
		b.Errorf("%d steps of the Dockerfile, want %d: %+v", len(got), len(want), res.Steps)
	}
}

func secondBuildIsCached(b *Bench) {
	b.Write("app.txt", "one")
	req := b.Request(`RUN stamp /stamp
COPY app.txt /app.txt
RUN <<END
print from
print heredoc
END
CMD ["/bin/tool", "show", "/app.txt"]
`)
	b.WantCached(b.Build(req), map[int]bool{2: false, 4: false, 5: false, 6: false})
	second := b.Build(req)
	b.WantCached(second, map[int]bool{2: true, 4: true, 5: true, 6: true})
	if !strings.Contains(string(second.Config), `"/app.txt"`) {
		b.Errorf("config without the command: %s", second.Config)
	}
	for _, s := range second.Steps {
		if s.Lines != nil && s.Lines[0] == [2]int{6, 9} && s.Stage != "stage-0" {
			b.Errorf("stage of the heredoc: %q", s.Stage)
		}
	}
}

func overridesChangeTheirOwnStepAlone(b *Bench) {
	b.Write("src/app.txt", "one")
	req := b.Request("RUN stamp /stamp\nCOPY src /src\nCMD [\"/bin/tool\", \"show\", \"/src/app.txt\"]\n")
	b.Build(req)

	// Texts of one length, so that nothing but their content tells them apart.
	for _, text := range []string{"two", "six", "ten"} {
		req.Overrides = map[string][]byte{"src/app.txt": []byte(text)}
		res := b.Build(req)
		b.WantCached(res, map[int]bool{2: true, 4: true, 5: false})
		c := b.Run(engine.RunRequest{Image: res.Image})
		b.Wait(c)
		if c.Output() != text {
			b.Errorf("override %q: the image has %q", text, c.Output())
		}
	}
	if data, _ := os.ReadFile(filepath.Join(b.Dir, "src/app.txt")); string(data) != "one" {
		b.Errorf("the file on the disk became %q", data)
	}
	req.Overrides = nil
	b.WantCached(b.Build(req), map[int]bool{2: true, 4: true, 5: true})
}

func stepsThatAnOpenImageAnswersAreCached(b *Bench) {
	b.Write("app.txt", "one")
	req := b.Request("RUN stamp /stamp\nCOPY app.txt /app.txt\nRUN stamp /other\n" + Server)
	all := map[int]bool{2: true, 4: true, 5: true, 6: true}
	none := map[int]bool{2: false, 4: false, 5: false, 6: false}
	b.WantCached(b.Build(req), none)
	warm := b.Build(req)
	b.WantCached(warm, all)
	b.Run(engine.RunRequest{Image: warm.Image})
	b.WantCached(b.Build(req), all)
	cold := req
	cold.NoCache = true
	res := b.Build(cold)
	b.WantCached(res, none)
	b.Run(engine.RunRequest{Image: res.Image})
	b.WantCached(b.Build(req), all)
	b.WantCached(b.Build(cold), none)
}

func overrideAddsFiles(b *Bench) {
	b.Write("a/one.txt", "1")
	req := b.Request("COPY a /a\nCMD [\"/bin/tool\", \"list\", \"/a\"]\n")
	req.Overrides = map[string][]byte{"a/deep/two.txt": []byte("2"), "a/three.txt": []byte("3")}
	c := b.Run(engine.RunRequest{Image: b.Build(req).Image})
	b.Wait(c)
	if want := "entry deep\nentry one.txt\nentry three.txt\n"; c.Output() != want {
		b.Errorf("got %q, want %q", c.Output(), want)
	}
}

func ignoreTextIsTheOneInForce(b *Bench) {
	for name, c := range map[string]struct {
		ignore []byte
		want   string
	}{
		"given":                       {[]byte("*.log\n"), "entry .dockerignore\nentry keep.txt\n"},
		"nil, though a file is there": {nil, "entry .dockerignore\nentry drop.log\nentry keep.txt\n"},
	} {
		b.sub(name, func(b *Bench) {
			b = b.another(b.T)
			b.Write("all/keep.txt", "k")
			b.Write("all/drop.log", "d")
			b.Write("all/.dockerignore", "*\n")
			b.Write(".dockerignore", "all/keep.txt\n")
			req := b.Request("COPY all /all\nCMD [\"/bin/tool\", \"list\", \"/all\"]\n")
			if c.ignore != nil {
				req.Ignore = []byte("all/*.log\n")
			}
			container := b.Run(engine.RunRequest{Image: b.Build(req).Image})
			b.Wait(container)
			if container.Output() != c.want {
				b.Errorf("got %q, want %q", container.Output(), c.want)
			}
		})
	}
}

func noCacheRunsEverything(b *Bench) {
	b.Write("app.txt", "one")
	req := b.Request("RUN stamp /stamp\nRUN --mount=type=cache,target=/c list /c\nCOPY app.txt /app.txt\nCMD [\"/bin/tool\", \"show\", \"/stamp\"]\n")
	b.Build(req)
	cold := req
	cold.NoCache = true
	var stamps []string
	for range 2 {
		res := b.Build(cold)
		b.WantCached(res, map[int]bool{2: false, 4: false, 5: false, 6: false})
		if res.Solve <= 0 {
			b.Errorf("no time was measured: %+v", res)
		}
		// With a container of an earlier cold build still up, the next one is cold all the same.
		c := b.Run(engine.RunRequest{Image: res.Image})
		b.Wait(c)
		stamps = append(stamps, c.Output())
	}
	if stamps[0] == stamps[1] {
		b.Errorf("the second cold build used the first one's result: %s", stamps[0])
	}
}

// buildSecrets has a step read a secret, which is then neither in the image nor in the cache's key.
func buildSecrets(b *Bench) {
	const value = "hunter2-hunter2"
	req := b.Request("RUN --mount=type=secret,id=key,required=true show /run/secrets/key\nCMD [\"/bin/tool\", \"show\", \"/run/secrets/key\"]\n")
	if _, err := b.Engine.Build(b.Context(), req, nil); err == nil {
		b.Error("it builds without the secret")
	}
	req.Secrets = map[string][]byte{"key": []byte(value), "other": []byte("unused")}
	var log strings.Builder
	res, err := b.Engine.Build(b.Context(), req, func(e engine.Event) { log.Write(e.Log) })
	if err != nil {
		b.Fatal(err)
	}
	if !strings.Contains(log.String(), value) {
		b.Errorf("the step did not read the secret: %q", log.String())
	}
	c := b.Run(engine.RunRequest{Image: res.Image})
	b.Wait(c)
	if strings.Contains(c.Output(), value) || strings.Contains(string(res.Config), value) {
		b.Errorf("the image has the secret: %q, %s", c.Output(), res.Config)
	}
	req.Secrets = map[string][]byte{"key": []byte("another-one")}
	b.WantCached(b.Build(req), map[int]bool{2: true, 4: true})
}

func buildArgsAndTarget(b *Bench) {
	req := b.Request("ARG WORD\nENV SAID=$WORD\nRUN print x\nCMD [\"/bin/tool\", \"env\", \"SAID\"]\nFROM scratch AS other\nCOPY nothing /\n")
	req.BuildArgs = map[string]string{"WORD": "plimsoll"}
	req.Target = "first"
	req.Dockerfile = []byte(strings.Replace(string(req.Dockerfile), "FROM scratch\n", "FROM scratch AS first\n", 1))
	res := b.Build(req)
	c := b.Run(engine.RunRequest{Image: res.Image})
	b.Wait(c)
	if c.Output() != "SAID=plimsoll\n" {
		b.Errorf("got %q", c.Output())
	}
	if res.Steps[0].Stage != "first" {
		b.Errorf("stage %q", res.Steps[0].Stage)
	}
}

// platformOfAnImage builds for another platform what needs no program of it to run.
func platformOfAnImage(b *Bench) {
	req := engine.BuildRequest{Name: "test", ContextDir: b.Dir, Platform: "linux/s390x",
		Dockerfile: []byte("FROM scratch\nARG TARGETARCH\nENV FOR=$TARGETARCH\nCOPY tool /bin/tool\n")}
	config := string(b.Build(req).Config)
	for _, want := range []string{`"architecture":"s390x"`, `"FOR=s390x"`} {
		if !strings.Contains(config, want) {
			b.Errorf("the config lacks %s: %s", want, config)
		}
	}
	if info := b.Engine.Info(); !info.Runs(info.Platform) || info.Runs("linux/mips") {
		b.Errorf("it says that it runs %q, and its own %q", info.Platforms, info.Platform)
	}
}

func syntaxLinePullsNoFrontend(b *Bench) {
	req := b.Request("")
	req.Dockerfile = append([]byte("# syntax=registry.invalid/frontend:1\n"), req.Dockerfile...)
	b.Build(req)
}

func parallelBuilds(b *Bench) {
	b.Write("app.txt", "one")
	var wg sync.WaitGroup
	for _, word := range []string{"one", "two", "three", "four"} {
		wg.Go(func() {
			req := b.Request("COPY app.txt /\nRUN sleep 100ms\nRUN write /word " + word + "\nCMD [\"/bin/tool\", \"show\", \"/word\"]\n")
			req.Name = word
			res, err := b.Engine.Build(b.Context(), req, nil)
			if err != nil {
				b.Errorf("%s: %v", word, err)
				return
			}
			c, err := b.Engine.Run(b.Context(), engine.RunRequest{Image: res.Image})
			if err != nil {
				b.Errorf("%s: %v", word, err)
				return
			}
			defer c.Close()
			b.Wait(c)
			if c.Output() != word+"\n" {
				b.Errorf("%s: printed %q", word, c.Output())
			}
		})
	}
	wg.Wait()
}

func progress(b *Bench) {
	var mu sync.Mutex
	var log strings.Builder
	completed := map[string]bool{}
	_, err := b.Engine.Build(b.Context(), b.Request("RUN print hello from the step\n"), func(e engine.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Build != "test" {
			b.Errorf("event of build %q", e.Build)
		}
		log.Write(e.Log)
		if !e.Step.Completed.IsZero() {
			completed[e.Step.Name] = true
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	if !strings.Contains(log.String(), "hello from the step") {
		b.Errorf("the step's output is missing: %q", log.String())
	}
	if !completed["[2/2] RUN print hello from the step"] {
		b.Errorf("the step never completed: %v", completed)
	}
}

func cancelledBuild(b *Bench) {
	ctx, cancel := context.WithCancelCause(b.Context())
	stop := errors.New("interrupted")
	var start time.Time
	_, err := b.Engine.Build(ctx, b.Request("RUN print sleeping\nRUN sleep 60s\n"), func(e engine.Event) {
		if strings.Contains(e.Step.Name, "sleep 60s") && !e.Step.Started.IsZero() && start.IsZero() {
			start = time.Now()
			cancel(stop)
		}
	})
	cancel(nil)
	if !errors.Is(err, stop) {
		b.Errorf("got %v, want the cause of the cancellation", err)
	}
	var failed *engine.BuildError
	if errors.As(err, &failed) {
		b.Errorf("a cancelled build is no fault of the project: %v", err)
	}
	if took := time.Since(start); took > 30*time.Second {
		b.Errorf("took %v", took)
	}
	b.gone("the step's container")
	b.Build(b.Request("RUN print still works\n"))
}
