package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/edit"
	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

// appID is the user and group that a fix makes: fixed, so that volumes and
// policies can name it, and above the range that distributions give to their own (0–999) and people (1000…).
const appID = "10001"

var rootUser = &rule.Rule{
	ID:       "security/root-user",
	Severity: finding.Warning,
	Safety:   finding.Unsafe,
	Phase:    rule.Finish,
	Doc: rule.Doc{
		Summary: "The container runs as root.",
		What:    "The final stage has no USER, or its last USER is root.",
		Why:     "Whoever breaks into the process is root in the container, one kernel bug away from the host, and can rewrite the application. Clusters with a restricted policy refuse to start it.",
		Before: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
COPY . .
CMD ["python", "main.py"]
-- main.py --
import sqlite3
sqlite3.connect("data/notes.db")
-- requirements.txt --
`,
		After: `
-- Dockerfile --
FROM python:3.11-slim
WORKDIR /srv
RUN groupadd --gid 10001 app \
 && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin app \
 && install -d -o 10001 -g 10001 /srv/data
COPY --chown=10001:10001 . .
USER 10001:10001
CMD ["python", "main.py"]
`,
		Fix:   "Makes a user with a fixed numeric id and no login shell, gives it the source that is copied and the folders that the application writes to, and switches to it. A path that is only known when the program runs is given to it where a run shows that path. Refused when the port is below 1024, when something that is started needs root, when a step leaves in root's home what the application reads, or when plimsoll does not know where applications of the kind write.",
		Proof: "The container runs as that user, and the same requests, those that write included, get the same answers.",
		Links: []string{"https://docs.docker.com/build/building/best-practices/#user"},
	},
	Check: checkRootUser,
}

func checkRootUser(p *rule.Pass) error {
	state := p.File.EndState(p.Final)
	if !isRoot(state.User) {
		return nil
	}
	if state.UserBy == nil && nonrootBase(p.File.BaseOf(p.Final)) {
		return nil
	}
	f := finding.Finding{
		Span:    p.Final.From.Span,
		Message: "the container runs as root: there is no USER in the final stage; add a user and switch to it",
	}
	if inFinal(p, state.UserBy) {
		f.Span = state.UserBy.Span
		f.Message = "the container runs as root: the last USER of the final stage is root; switch to another user"
	}
	f.Evidence = writesKnown(p)
	if f.Refused = refuseUser(p); f.Refused == "" {
		f.Fix = addUser(p, state.UserBy)
	}
	p.Report(f)
	return nil
}

// maxRemarks bounds what is shown of paths that are not known, or that no other user is given.
const maxRemarks = 5

// writesKnown is what is known about where the application writes, and what is not.
func writesKnown(p *rule.Pass) (evidence []finding.Evidence) {
	if p.Facts == nil {
		return nil
	}
	for _, w := range p.Facts.Writes {
		evidence = append(evidence, proofOf(w)...)
	}
	remarks := 0
	for _, n := range p.Facts.Notes {
		if remarks < maxRemarks && n.About == "writes" {
			remarks++
			evidence = append(evidence, finding.Evidence{File: n.Source.File, Line: n.Source.Line, Note: n.Text})
		}
	}
	return evidence
}

// nonrootBase recognises an image whose tag says that it runs as another user
// than root, as those of distroless (gcr.io/distroless/static-debian12:nonroot, debug-nonroot).
func nonrootBase(ref string) bool {
	name, _, _ := strings.Cut(ref, "@")
	_, tag, _ := strings.Cut(path.Base(name), ":")
	return tag == "nonroot" || strings.HasPrefix(tag, "nonroot-") || strings.HasSuffix(tag, "-nonroot")
}

func refuseUser(p *rule.Pass) string {
	for _, inst := range p.Final.Instructions {
		if inst.Keyword == "ONBUILD" {
			return fmt.Sprintf("line %d is an ONBUILD: what it runs in images built on this one would no longer run as root; switch users there", p.File.Position(inst.Span.Start).Line)
		}
	}
	switch {
	case p.Facts == nil:
		return "what the application writes is not known: no ecosystem that plimsoll knows recognised it; add a user and USER by hand"
	case lowPort(p):
		return fmt.Sprintf("the application listens on port %d (%s), which a user other than root may not be allowed to: %s",
			p.Facts.Port.Value, whereShown(p.Facts.Port.Source), instead(p))
	case distribution(p, p.Final) == "":
		return fmt.Sprintf("how users are made in %s is not known: add one by hand", p.Final.Base)
	}
	if name, by := switchesUser(p); by != nil {
		return fmt.Sprintf("line %d starts the application through %s, which wants root to switch the user: switch with USER instead", p.File.Position(by.Span.Start).Line, name)
	}
	if daemon, by := needsRoot(p); daemon != "" {
		return fmt.Sprintf("%s starts %s, which has to be root: run it in a container of its own", by, daemon)
	}
	if reason := rootsHome(p); reason != "" {
		return reason
	}
	for stage := p.Final; stage != nil; stage = stage.Parent {
		for _, inst := range stage.Instructions {
			line := p.File.Position(inst.Span.Start).Line
			switch text := p.Text(inst.Rest); {
			case inst.Keyword == "RUN" && (strings.Contains(text, "useradd") || strings.Contains(text, "adduser")):
				return fmt.Sprintf("line %d makes a user already: switch to it with USER", line)
			case inst.Keyword == "USER" && !isRoot(text):
				return fmt.Sprintf("line %d switches to %s before root again: end with that user", line, text)
			}
		}
	}
	return ""
}

// lowPort reports whether the application listens on a port that only root may listen on everywhere: Docker allows others since
// 20.10 (net.ipv4.ip_unprivileged_port_start), Kubernetes does not.
func lowPort(p *rule.Pass) bool { return p.Facts.Port.Known() && p.Facts.Port.Value < 1024 }

// unprivileged are images that do what an official one does, as a user of their own and on another port.
var unprivileged = map[string]string{
	"nginx": "take nginxinc/nginx-unprivileged as the base, which serves the same on port 8080, and publish that port",
}

// instead is what to do about a port that only root may listen on.
func instead(p *rule.Pass) string {
	stage := p.Final
	for stage.Parent != nil {
		stage = stage.Parent
	}
	name, _, _ := strings.Cut(p.File.BaseOf(stage), "@")
	name, _, _ = strings.Cut(name, ":")
	if hint := unprivileged[strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")]; hint != "" {
		return hint
	}
	return "serve on a port from 1024 up"
}

func isRoot(user string) bool {
	name, _, _ := strings.Cut(user, ":")
	return name == "" || name == "root" || name == "0"
}

// userSwitchers are programs that start another as another user.
var userSwitchers = []string{"gosu", "su-exec", "setpriv", "runuser", "su", "sudo", "s6-setuidgid", "chroot"}

// switchesUser finds such a program in what starts the application, or in a
// script of the context that does.
func switchesUser(p *rule.Pass) (string, *dockerfile.Instruction) {
	state := p.File.EndState(p.Final)
	for _, inst := range []*dockerfile.Instruction{state.Entrypoint, state.Cmd} {
		if inst == nil {
			continue
		}
		words := strings.Fields(p.Text(inst.Rest))
		if inst.JSON {
			words = nil
			for _, w := range inst.Args {
				words = append(words, w.Text)
			}
		}
		for _, w := range words {
			name := path.Base(w)
			if slices.Contains(userSwitchers, name) {
				return name, inst
			}
			if program := switcherIn(p, name); program != "" {
				return name + " and " + program, inst
			}
		}
	}
	return "", nil
}

// switcherIn names the program that a shell script of the context switches the user with.
func switcherIn(p *rule.Pass, script string) string {
	if p.Context == nil || path.Ext(script) != ".sh" && !strings.Contains(script, "entrypoint") {
		return ""
	}
	for _, e := range p.Context.Entries {
		if path.Base(e.Path) != script || e.Ignored || !e.Mode.IsRegular() {
			continue
		}
		text, err := p.ReadText(e.Path)
		if err != nil {
			return ""
		}
		for _, word := range strings.Fields(text) {
			if slices.Contains(userSwitchers, word) {
				return word
			}
		}
	}
	return ""
}

// daemons are programs that only root can run as they are set up: they change users, or read and write root's own files.
var daemons = []string{"cron", "crond", "supervisord", "sshd", "service", "systemctl", "rc-service"}

// needsRoot names such a program that starts with the container, and the place that starts it.
func needsRoot(p *rule.Pass) (daemon, by string) {
	for _, program := range p.Facts.Programs {
		if name := path.Base(program.Value); slices.Contains(daemons, name) {
			return name, whereShown(program.Source)
		}
	}
	if s := readStartCommand(p); s != nil && slices.Contains(daemons, s.name()) {
		return s.name(), fmt.Sprintf("line %d", p.File.Position(s.words[s.program].inst.Span.Start).Line)
	}
	for _, c := range p.Commands() {
		if argv := slices.Concat(c.Value.Entrypoint, c.Value.Argv); len(argv) > 0 && slices.Contains(daemons, path.Base(argv[0])) {
			return path.Base(argv[0]), fmt.Sprintf("%s (%s)", c.Value.By, whereShown(c.Source))
		}
	}
	return "", ""
}

// addUser makes the fix. root is the USER instruction to replace, if there is one in the final stage.
func addUser(p *rule.Pass, root *dockerfile.Instruction) *finding.Fix {
	var edits []edit.Edit
	at, chowned := ownSource(p)
	edits = append(edits, chowned...)
	edits = append(edits, p.Insert(at, line(p, at, keyword(p, "RUN")+" "+makeUser(p))))
	made := ""
	if command := ownMade(p); command != "" {
		made = keyword(p, "RUN") + " " + command
	}
	if inFinal(p, root) && !buildsBelow(p, root) {
		edits = append(edits, p.Edit(root.Rest, appID+":"+appID))
		if above := p.File.Block(root).Start; made != "" {
			edits = append(edits, p.Insert(above, line(p, above, made)))
		}
	} else {
		end := endOfSetup(p)
		if made != "" {
			made += "\n"
		}
		edits = append(edits, p.Insert(end, line(p, end, made+keyword(p, "USER")+" "+appID+":"+appID)))
	}
	return &finding.Fix{
		Title:  "Run as a user without a login shell",
		Safety: finding.Unsafe,
		Why:    "the application may write where only root can; the proof asks it the same requests as before",
		Edits:  edits,
	}
}

// buildsBelow reports whether anything below a USER needs the rights that it gives.
func buildsBelow(p *rule.Pass, user *dockerfile.Instruction) bool {
	return slices.ContainsFunc(p.Final.Instructions, func(i *dockerfile.Instruction) bool { return i.Index > user.Index && builds(i) })
}

// ownSource gives what is copied from the context to the user, in the stages that
// the final one comes from as well, and what other stages bring to where the application
// writes. It returns where the user must be made: before the first COPY of the final stage, so that no change of what is
// copied makes it anew, else before the application starts.
func ownSource(p *rule.Pass) (at int, edits []edit.Edit) {
	at = -1
	written, accounts := writtenDirs(p), copiesAccounts(p)
	for _, stage := range p.File.Stages {
		if !ships(p, stage) {
			continue
		}
		for _, inst := range stage.Instructions {
			if inst.Keyword != "COPY" && inst.Keyword != "ADD" {
				continue
			}
			_, from := inst.Flag("from")
			foreign := from && !slices.ContainsFunc(written, func(dir string) bool { return holds(destination(p, inst), dir) })
			if at < 0 && stage == p.Final && (!foreign || !accounts) {
				at = p.File.Block(inst).Start
			}
			if foreign || !from && staysRoots(p, inst) {
				continue
			}
			if _, owned := inst.Flag("chown"); !owned {
				edits = append(edits, p.Insert(inst.KeywordSpan.End, " --chown="+appID+":"+appID))
			}
		}
	}
	if at < 0 {
		at = endOfSetup(p)
	}
	return at, edits
}

// holds reports whether a place is the other one, or above it.
func holds(place, other string) bool {
	return strings.HasPrefix(other+"/", strings.TrimSuffix(place, "/")+"/")
}

// systemPlaces hold what the system reads, which trusts it for being root's: cron leaves files out that are another's.
var systemPlaces = []string{"/etc", "/bin", "/sbin", "/lib", "/lib64", "/usr", "/boot", "/root"}

// staysRoots reports whether an instruction copies to the system's own places what everybody can read, where the application neither
// lies nor writes.
func staysRoots(p *rule.Pass, inst *dockerfile.Instruction) bool {
	dest, workdir := destination(p, inst), p.File.EndState(p.Final).Workdir
	if !slices.ContainsFunc(systemPlaces, func(place string) bool { return within(dest, place) }) || within(dest, workdir) && workdir != "/" {
		return false
	}
	if slices.ContainsFunc(writtenDirs(p), func(dir string) bool { return holds(dest, dir) }) || p.Context == nil {
		return false
	}
	return !slices.ContainsFunc(namedBy(p, inst), func(name string) bool {
		e, known := p.Context.Lookup(name)
		owners, others := e.Mode.Perm()>>6&5, e.Mode.Perm()&5
		return !known || !e.Mode.IsDir() && owners != others
	})
}

// ofDaemons are directories in which the system's own programs keep files as well.
var ofDaemons = []string{"/etc", "/run", "/var", "/var/cache", "/var/lib", "/var/log", "/var/run", "/var/spool"}

// ownMade is the command that gives the user files which a step of the build made as root where the application writes files,
// such as the database that a migration fills; empty when no step may have.
func ownMade(p *rule.Pass) string {
	dirs := slices.DeleteFunc(writtenDirs(p), func(dir string) bool { return slices.Contains(ofDaemons, dir) })
	if len(dirs) == 0 {
		return ""
	}
	for _, stage := range p.File.Stages {
		if ships(p, stage) && slices.ContainsFunc(runSteps(p, stage), func(s *runStep) bool { return !s.known() && len(builtOn(p, s.inst)) == 0 }) {
			return "find " + strings.Join(dirs, " ") + " -maxdepth 1 -type f -user root -exec chown " + appID + ":" + appID + " {} +"
		}
	}
	return ""
}

// copiesAccounts reports whether a COPY of the final stage may bring users along, over those that are made before it.
func copiesAccounts(p *rule.Pass) bool {
	return slices.ContainsFunc(p.Final.Instructions, func(i *dockerfile.Instruction) bool {
		if i.Keyword != "COPY" && i.Keyword != "ADD" {
			return false
		}
		dest := destination(p, i)
		return dest == "/" || within(dest, "/etc")
	})
}

func inFinal(p *rule.Pass, inst *dockerfile.Instruction) bool {
	return inst != nil && inst.Stage == p.Final
}

func makeUser(p *rule.Pass) string {
	// Not --system: useradd then warns in every build that the id is above SYS_UID_MAX.
	lines := []string{
		"groupadd --gid " + appID + " app",
		"useradd --uid " + appID + " --gid " + appID + " --create-home --shell /usr/sbin/nologin app",
	}
	if distribution(p, p.Final) == "alpine" {
		lines = []string{
			"addgroup -S -g " + appID + " app",
			"adduser -S -D -u " + appID + " -G app -s /sbin/nologin app",
		}
	}
	if dirs := writtenDirs(p); len(dirs) > 0 {
		lines = append(lines, "install -d -o "+appID+" -g "+appID+" "+strings.Join(dirs, " "))
	}
	return strings.Join(lines, " \\\n && ")
}

// writtenDirs are the absolute directories that the application makes files in.
// /tmp and the like are everybody's and left out.
func writtenDirs(p *rule.Pass) []string {
	base := p.File.EndState(p.Final).Workdir
	var dirs []string
	for _, w := range p.Facts.Writes {
		d := w.Value.Path
		if !w.Value.Dir {
			d = path.Dir(d)
		}
		if !path.IsAbs(d) {
			d = path.Join(base, d)
		}
		if shared(d) || strings.ContainsAny(d, " \t\"'$\\`;&|<>()*?[") {
			continue
		}
		dirs = append(dirs, d)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func shared(dir string) bool {
	for _, s := range []string{"/tmp", "/var/tmp", "/dev", "/proc", "/sys"} {
		if dir == s || strings.HasPrefix(dir, s+"/") {
			return true
		}
	}
	return dir == "/"
}
