package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/engine"
)

// maxWritten bounds the changed files that are read of one container.
const maxWritten = 10_000

// evidence gathers what the running container shows. Nothing here fails a trial: what could not be seen is noted.
func (r *runner) evidence(ctx context.Context, asked []agent.HTTPRequest) error {
	if r.Evidence == nil {
		return nil
	}
	seen := &ecosystem.Observed{Port: r.out.Port, Answered: answered(asked, r.out.Answers)}
	a, err := r.agent.Look(ctx, agent.LookRequest{Changes: maxWritten, Timeout: lookLimit})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		seen.Incomplete = append(seen.Incomplete, "what it is and does: "+err.Error())
	} else {
		seen.Incomplete = show(seen, a)
		if a.Processes.Error == "" {
			r.family = &a.Processes.Answer
		}
	}
	r.Evidence(seen)
	return nil
}

// lookLimit bounds the look at a running container, most of which is the walk through its files.
const lookLimit = time.Minute

// show puts down what a look showed, and says what could not be seen.
func show(seen *ecosystem.Observed, a agent.LookAnswer) (incomplete []string) {
	miss := func(what string, err error) {
		if err != nil {
			incomplete = append(incomplete, what+": "+err.Error())
		}
	}
	sockets, err := a.Sockets.Get()
	miss("its sockets", err)
	for _, s := range sockets.Sockets {
		seen.Sockets = append(seen.Sockets, ecosystem.Socket{Address: s.Address, Port: s.Port, PID: s.PID})
	}
	family, err := a.Processes.Get()
	miss("its processes", err)
	for _, p := range family.Processes {
		seen.Processes = append(seen.Processes, ecosystem.Process{
			PID: p.PID, PPID: p.PPID, Argv: p.Argv, Exe: p.Exe, Dir: p.Dir, UID: p.UID, GID: p.GID,
		})
	}
	env, err := a.Env.Get()
	miss("its environment", err)
	seen.Env = env.Names
	loaded, err := a.Loaded.Get()
	miss("its libraries", cmp.Or(err, incompleteness(loaded.Incomplete)))
	seen.Programs, seen.Libraries = loaded.Programs, loaded.Libraries
	for _, p := range loaded.Packages {
		seen.Packages = append(seen.Packages, ecosystem.Package{Name: p.Name, Files: p.Files, Brings: p.Brings})
	}
	changed, err := a.Changed.Get()
	miss("what it wrote", cmp.Or(err, incompleteness(changed.Incomplete)))
	seen.Writes = writes(changed.Changes)
	return incomplete
}

// incompleteness is why an answer is not whole; nil when it is.
func incompleteness(why string) error {
	if why == "" {
		return nil
	}
	return errors.New(why)
}

// answered are the paths, without variables, that were asked for and given.
func answered(asked []agent.HTTPRequest, answers []agent.HTTPAnswer) (paths []string) {
	for i, q := range asked[:min(len(asked), len(answers))] {
		if q.Method == http.MethodGet && answers[i].Status == http.StatusOK && !strings.ContainsAny(q.Path, "{?") && !slices.Contains(paths, q.Path) {
			paths = append(paths, q.Path)
		}
	}
	return paths
}

func writtenIn(ctx context.Context, c *agent.Client, seen *ecosystem.Observed) (err error) {
	seen.Writes, err = writesIn(ctx, c)
	return err
}

func writesIn(ctx context.Context, c *agent.Client) ([]ecosystem.Write, error) {
	a, err := c.Changed(ctx, agent.ChangedRequest{Limit: maxWritten, Timeout: 30 * time.Second})
	return writes(a.Changes), cmp.Or(err, incompleteness(a.Incomplete))
}

// writes are the files that changed, and the directories that did so for no file that is still there: something was
// made and removed in them. Interpreters write byte code where they can and go on where they can't: it is left out.
func writes(changes []agent.Change) []ecosystem.Write {
	explained := map[string]bool{}
	for _, c := range changes {
		explained[path.Dir(c.Path)] = true
	}
	var found []ecosystem.Write
	for _, c := range changes {
		if c.Dir && explained[c.Path] || byteCode(c.Path) {
			continue
		}
		found = append(found, ecosystem.Write{Path: c.Path, Dir: c.Dir})
	}
	return found
}

func byteCode(file string) bool {
	return strings.HasSuffix(file, ".pyc") || path.Base(file) == "__pycache__" || path.Base(path.Dir(file)) == "__pycache__"
}

// AtRest lets look at an image without starting what it holds.
func AtRest(ctx context.Context, e engine.Engine, image string, look func(*agent.Client) error) error {
	c, err := e.Run(ctx, engine.RunRequest{Image: image, Cmd: []string{agent.Path, agent.Command, agent.Hold}, User: "0"})
	if err != nil {
		return fmt.Errorf("starting a container: %w", err)
	}
	defer c.Close()
	err = look(agent.NewClient(func(ctx context.Context, args []string, stdin io.Reader) ([]byte, error) {
		return c.Exec(ctx, engine.ExecRequest{Args: args, Stdin: stdin})
	}))
	for _, r := range c.Reached() {
		err = errors.Join(fmt.Errorf("the container ran into %s", r), err)
	}
	return err
}

// Parents are the directories in which something was written, and those above them: the ones of which
// Settled has to know whether they are in the image.
func Parents(all []ecosystem.Write) (dirs []string) {
	for _, w := range all {
		for d := w.Dirname(); d != "/" && d != "."; d = path.Dir(d) {
			dirs = append(dirs, d)
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// Settled puts the topmost directory that the application made itself in the place of what it wrote below that. One
// whose name has a digit (a date, a version, a random name) may be called otherwise the next time: the directory that holds
// it stands for it. made are the directories that the image does not have.
func Settled(all []ecosystem.Write, made []string) []ecosystem.Write {
	var settled []ecosystem.Write
	for _, w := range all {
		top := ""
		for d := w.Dirname(); d != "/" && d != "."; d = path.Dir(d) {
			if slices.Contains(made, d) {
				top = d
			}
		}
		if top != "" {
			if strings.ContainsAny(path.Base(top), "0123456789") {
				top = path.Dir(top)
			}
			w = ecosystem.Write{Path: top, Dir: true}
		}
		if !slices.Contains(settled, w) {
			settled = append(settled, w)
		}
	}
	return settled
}
