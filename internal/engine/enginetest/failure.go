package enginetest

import (
	"errors"
	"strings"

	"github.com/plimsoll/plimsoll/internal/engine"
)

func failures(b *Bench) {
	for name, c := range map[string]struct {
		dockerfile string
		line       int
		step       string
		message    string
		output     string
		hint       string
	}{
		"a step that fails": {
			dockerfile: Head + "RUN print fine\nRUN count 30 \\\n && exit\nRUN <<END\ncount 30\nexit 3\nEND\n",
			line:       7, step: "[4/4] RUN <<END", message: "exit code: 3", output: "line 30",
		},
		"an instruction that is none": {
			dockerfile: "FROM scratch\nRUNN x\n",
			line:       2, step: "RUNN x", message: "unknown instruction: RUNN",
		},
		"a file that is not there": {
			dockerfile: "FROM scratch\n\nCOPY absent.txt /\n",
			line:       3, step: "COPY absent.txt", message: `"/absent.txt"`, hint: ".dockerignore",
		},
		"a registry that can't be reached": {
			dockerfile: "FROM 127.0.0.1:1/app:1\nCOPY tool /\n",
			line:       1, step: "127.0.0.1:1/app:1", message: "connection refused", hint: "--mirror 127.0.0.1:1=",
		},
		"no instruction at all": {
			dockerfile: "# nothing\n",
			line:       1,
			message:    "no instructions",
		},
		"an image to copy from that can't be reached": {
			dockerfile: "FROM scratch\nCOPY --from=127.0.0.1:1/x /a /b\n",
			line:       2, step: "127.0.0.1:1/x:latest", message: "the registry 127.0.0.1:1 could not be asked",
		},
		"a stage that is not there": {
			dockerfile: "FROM scratch\nCOPY --from=3 /a /b\n",
			message:    "invalid stage index 3",
		},
	} {
		b.sub(name, func(b *Bench) {
			_, err := b.Engine.Build(b.Context(), engine.BuildRequest{Name: "before", ContextDir: b.Dir, Dockerfile: []byte(c.dockerfile)}, nil)
			var failed *engine.BuildError
			if !errors.As(err, &failed) {
				b.Fatalf("got %T: %v", err, err)
			}
			b.Logf("%v | hint: %s", failed, failed.Hint)
			if failed.Line != c.line {
				b.Errorf("line %d, want %d", failed.Line, c.line)
			}
			if !strings.Contains(failed.Step, c.step) {
				b.Errorf("step %q, want %q", failed.Step, c.step)
			}
			if !strings.Contains(failed.Err.Error(), c.message) {
				b.Errorf("message %q, want %q", failed.Err, c.message)
			}
			if !strings.Contains(failed.Output, c.output) {
				b.Errorf("output %q, want %q", failed.Output, c.output)
			}
			if n := strings.Count(failed.Output, "\n"); n >= 20 {
				b.Errorf("%d lines of output", n+1)
			}
			if !strings.Contains(failed.Hint, c.hint) {
				b.Errorf("hint %q, want %q", failed.Hint, c.hint)
			}
		})
	}
}

func contextThatIsNotThere(b *Bench) {
	req := b.Request("")
	req.ContextDir = b.Dir + "/absent"
	if _, err := b.Engine.Build(b.Context(), req, nil); err == nil || !strings.Contains(err.Error(), "absent") {
		b.Errorf("got %v", err)
	}
}
