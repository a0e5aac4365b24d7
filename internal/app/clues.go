package app

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/agent"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/observe"
)

// addClues says of a fault what the run of before and the image of after tell about it: the line of output that
// names a cause, a path that before wrote and after can't, a library that before had loaded and after has not. What
// can't be found out is left out: the fault stands without.
func (p *proof) addClues(ctx context.Context, f *fault) {
	if line := tellingLine(f.detail); line != "" && !strings.Contains(f.reason, line) {
		f.reason += fmt.Sprintf("; it wrote %q", redact(line))
	}
	if p.observed == nil || p.after.built == nil || len(f.groups) > 0 {
		return
	}
	var missing []ecosystem.Package
	var closed []agent.PathAccess
	err := observe.AtRest(ctx, p.engine, p.after.built.Result.Image, func(c *agent.Client) (err error) {
		if !p.otherRuntime() {
			if missing, err = missingPackages(ctx, c, p.observed.Packages); err != nil {
				return err
			}
		}
		if write := p.writes(); len(write.Paths) > 0 {
			a, err := c.Writable(ctx, write)
			closed = notWritable(a)
			return err
		}
		return nil
	})
	if err != nil {
		return
	}
	for _, pkg := range missing {
		f.reason += fmt.Sprintf("; before had %s of %s loaded, which is not in the image", path.Base(pkg.Files[0]), pkg.Name)
	}
	for _, a := range closed {
		f.reason += "; " + p.closed(a)
	}
}

// closed says what after can't write to.
func (p *proof) closed(a agent.PathAccess) string {
	return fmt.Sprintf("before wrote to %s, and after can't as user %s: %s", a.Path, p.after.built.User(), a.Reason)
}

// maxClues bounds how many paths and packages a reason names.
const maxClues = 3

// missingPackages are those that an image lacks, and that no other of them would bring in.
func missingPackages(ctx context.Context, c *agent.Client, all []ecosystem.Package) (missing []ecosystem.Package, err error) {
	var names []string
	for _, pkg := range all {
		names = append(names, pkg.Name)
	}
	a, err := c.Lacks(ctx, agent.LacksRequest{Packages: names})
	if err != nil {
		return nil, err
	}
	lacking := withoutBrought(a.Packages, all)
	for _, pkg := range all {
		if slices.Contains(lacking, pkg.Name) && len(missing) < maxClues {
			missing = append(missing, pkg)
		}
	}
	return missing, nil
}

// writes asks of the files and directories that before wrote to whether the user of after can. Root is asked nothing.
func (p *proof) writes() agent.WritableRequest {
	user := p.after.built.User()
	if isRoot(user) || p.observed == nil {
		return agent.WritableRequest{}
	}
	r := agent.WritableRequest{User: user}
	if isRoot(p.before.built.User()) && !p.before.built.Sets("HOME") {
		r.Home = rootsHome
	}
	for _, w := range p.observed.Writes[:min(len(p.observed.Writes), maxShown)] {
		if !strings.Contains(w.Path, npmLogs) {
			r.Paths = append(r.Paths, w.Path)
		}
	}
	return r
}

// notWritable are the first places that can't be written to.
func notWritable(a agent.WritableAnswer) (closed []agent.PathAccess) {
	for _, access := range a.Paths {
		if !access.Writable && len(closed) < maxClues {
			closed = append(closed, access)
		}
	}
	return closed
}

// npmLogs are what npm and npx write at each start about themselves. They go on where they can't.
const npmLogs = "/.npm/_logs/"

// rootsHome is root's home directory in every image of a distribution.
const rootsHome = "/root"

func isRoot(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "" || name == "0" || name == "root"
}

// causes are words with which systems and runtimes name what is missing or forbidden.
var causes = []string{
	"cannot open shared object file", "permission denied", "eacces", "erofs", "read-only file system", "no such file or directory",
	"enoent", "modulenotfounderror", "no module named", "cannot find module", "importerror", "unable to open database",
	"executable file not found", "command not found", "operation not permitted", "eperm",
}

// thrown begins the line with which Python, Node.js, Ruby and Java tell what ended a program or a request.
var thrown = regexp.MustCompile(`^\s*(Uncaught )?[A-Za-z_][\w.:]*(Error|Exception|NotFound|DoesNotExist)(: | \[|$)`)

// tellingLine is the last line of a program's output that names a cause, shortened; empty when none does.
func tellingLine(output string) string {
	lines := strings.Split(output, "\n")
	for _, line := range slices.Backward(lines) {
		if causeIn(line) != "" || thrown.MatchString(line) {
			return shortLine(line)
		}
	}
	return ""
}

// causeIn is the first of causes that a line has.
func causeIn(line string) string {
	lower := strings.ToLower(line)
	if i := slices.IndexFunc(causes, func(c string) bool { return strings.Contains(lower, c) }); i >= 0 {
		return causes[i]
	}
	return ""
}

func shortLine(line string) string {
	const most = 200
	line = strings.ToValidUTF8(strings.TrimSpace(line), "")
	if r := []rune(line); len(r) > most {
		line = string(r[:most]) + "…"
	}
	return line
}
