package embedded

import (
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/engine"
)

func TestBuildAndCache(t *testing.T) {
	b := newBench(t, nil)
	b.write("app.txt", "one")
	req := b.request("RUN stamp /stamp\nCOPY app.txt /app.txt\nRUN <<END\nprint from\nprint heredoc\nEND\nCMD [\"/bin/tool\", \"show\", \"/app.txt\"]\n")
	first := b.build(req)
	for _, s := range first.Steps {
		if !s.Internal && s.Cached {
			t.Errorf("cached in the first build: %+v", s)
		}
	}
	second := b.build(req)
	for _, s := range second.Steps {
		t.Logf("%-50q stage %q lines %v cached %v internal %v", s.Name, s.Stage, s.Lines, s.Cached, s.Internal)
		if !s.Internal && !s.Cached {
			t.Errorf("not cached in the second build: %+v", s)
		}
	}
	if !strings.Contains(string(first.Config), `"/app.txt"`) {
		t.Errorf("config without the command: %s", first.Config)
	}
	c := b.run(engine.RunRequest{Image: second.Image})
	if exit := b.wait(c); exit.Code != 0 || c.Output() != "one" {
		t.Errorf("exit %+v, output %q", exit, c.Output())
	}
}
