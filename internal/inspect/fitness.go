package inspect

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/image"
	"github.com/plimsoll/plimsoll/internal/secret"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func isWhiteout(name string) bool { return strings.HasPrefix(path.Base(name), whiteout) }

// shownPaths is how many paths a point names.
const shownPaths = 10

// oldImage is the age from which security fixes of the base are likely missing.
const oldImage = 90 * 24 * time.Hour

// judge fills in the points. References are those of the CIS Docker Benchmark
// (section 4) and of dockle's checks.
func (r *Report) judge(c image.Config, records []record) {
	r.judgeRun(c)
	r.judgeFiles()
	r.judgeAccounts(records)
	r.judgeHistory(c.History)
	r.judgeOrigin(records)
	r.sortPoints()
}

// judgeAge adds the one point that another day may change.
func (r *Report) judgeAge(now time.Time) {
	if age := now.Sub(r.Created); !r.Created.IsZero() && r.Created.Unix() > 0 && age > oldImage {
		r.point(Point{ID: "age", Level: Info, Message: fmt.Sprintf("built %d days ago: fixes of its base and packages since then are missing", int(age.Hours()/24))})
		r.sortPoints()
	}
}

// sortPoints puts the gravest first.
func (r *Report) sortPoints() {
	slices.SortStableFunc(r.Points, func(a, b Point) int { return cmp.Compare(a.Level.rank(), b.Level.rank()) })
}

func (r *Report) point(p Point) { r.Points = append(r.Points, p) }

func (r *Report) judgeRun(c image.Config) {
	user, _, _ := strings.Cut(c.User, ":")
	if user == "" || user == "root" || user == "0" {
		r.point(Point{ID: "root-user", Level: Warn, Refs: []string{"CIS-4.1", "CIS-DI-0001"},
			Message: "the application runs as root: set a USER"})
	}
	if len(c.Healthcheck) == 0 || c.Healthcheck[0] == "NONE" {
		r.point(Point{ID: "no-healthcheck", Level: Info, Refs: []string{"CIS-4.6", "CIS-DI-0006"},
			Message: "no health check: an engine can't tell whether the application works"})
	}
	command := append(slices.Clone(c.Entrypoint), c.Cmd...)
	switch {
	case len(command) == 0:
		r.point(Point{ID: "no-command", Level: Info, Message: "neither ENTRYPOINT nor CMD: the image runs nothing by itself"})
	case len(command) >= 3 && slices.Contains([]string{"/bin/sh", "/bin/bash", "sh", "bash"}, command[0]) && command[1] == "-c" && !strings.HasPrefix(command[2], "exec "):
		r.point(Point{ID: "shell-form", Level: Warn,
			Message: "the command is in shell form: the shell gets the stop signal and the application is killed after the grace period"})
	}
	for _, port := range c.ExposedPorts {
		if port == "22" || strings.HasPrefix(port, "22/") {
			r.point(Point{ID: "ssh-port", Level: Warn, Refs: []string{"CIS-5.6"}, Message: "port 22 is exposed: containers are entered through their engine, not by SSH"})
		}
	}
}

func (r *Report) judgeFiles() {
	shellNames := []string{"sh", "bash", "dash", "ash", "zsh", "busybox"}
	managerNames := []string{"apt-get", "apk", "dnf", "microdnf", "yum", "rpm", "dpkg", "zypper", "pip", "pip3", "npm", "yarn", "gem"}
	var setID, writable, shells, managers, sudo []string
	r.tree.each(func(n *node) {
		switch {
		case n.kind == regular && n.mode&0o6000 != 0 && n.mode&0o111 != 0:
			setID = append(setID, n.path())
		case n.kind == regular && n.mode&0o002 != 0, n.kind == directory && n.mode&0o1002 == 0o002:
			writable = append(writable, n.path())
		}
		if n.kind == directory || n.parent.name != "bin" && n.parent.name != "sbin" {
			return
		}
		switch {
		case slices.Contains(shellNames, n.name):
			shells = append(shells, n.path())
		case slices.Contains(managerNames, n.name):
			managers = append(managers, n.path())
		case n.name == "sudo":
			sudo = append(sudo, n.path())
		}
	})
	r.paths(Point{ID: "set-id", Level: Info, Refs: []string{"CIS-4.8", "CIS-DI-0008"}, Message: "files that run with their owner's rights (set-user-id, set-group-id)"}, setID)
	r.paths(Point{ID: "world-writable", Level: Warn, Message: "files and folders that anyone may change"}, writable)
	r.paths(Point{ID: "sudo", Level: Warn, Refs: []string{"DKL-DI-0001"}, Message: "sudo is installed"}, sudo)
	r.paths(Point{ID: "shells", Level: Info, Message: "shells, of use to an intruder"}, shells)
	r.paths(Point{ID: "package-managers", Level: Info, Refs: []string{"CIS-4.3"}, Message: "package managers, which running containers don't need"}, managers)
}

// paths adds a point about files, if there are any.
func (r *Report) paths(p Point, names []string) {
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	p.Count, p.Paths = len(names), names[:min(len(names), shownPaths)]
	r.point(p)
}

// file is a kept file as the final tree has it.
func (r *Report) file(records []record, name string) []byte {
	for i, rec := range slices.Backward(records) {
		if text, ok := rec.files[name]; ok && r.tree.visible(name, i) {
			return text
		}
	}
	return nil
}

func (r *Report) judgeAccounts(records []record) {
	var open, roots []string
	for _, name := range []string{"etc/passwd", "etc/shadow"} {
		for line := range bytes.Lines(r.file(records, name)) {
			fields := strings.Split(strings.TrimSpace(string(line)), ":")
			if len(fields) < 3 || fields[0] == "" {
				continue
			}
			if fields[1] == "" {
				open = append(open, name+": "+fields[0])
			}
			if uid, err := strconv.Atoi(fields[2]); name == "etc/passwd" && err == nil && uid == 0 && fields[0] != "root" {
				roots = append(roots, fields[0])
			}
		}
	}
	r.paths(Point{ID: "empty-password", Level: Fatal, Refs: []string{"DKL-LI-0001"}, Message: "accounts that need no password"}, open)
	r.paths(Point{ID: "second-root", Level: Warn, Refs: []string{"DKL-LI-0002"}, Message: "accounts with the rights of root"}, roots)
}

func (r *Report) judgeHistory(history []image.History) {
	var adds, updates, upgrades []string
	for i, h := range history {
		text := strings.TrimPrefix(h.CreatedBy, "/bin/sh -c #(nop) ")
		step := fmt.Sprintf("step %d", i+1)
		switch {
		case i > 0 && strings.HasPrefix(strings.TrimSpace(text), "ADD ") && !strings.Contains(text, " in / "):
			adds = append(adds, step)
		case strings.Contains(text, "apt-get update") && !strings.Contains(text, "install"), strings.Contains(text, "apk update") && !strings.Contains(text, "apk add"):
			updates = append(updates, step)
		}
		if strings.Contains(text, "dist-upgrade") {
			upgrades = append(upgrades, step)
		}
	}
	r.paths(Point{ID: "add", Level: Info, Refs: []string{"CIS-4.9", "CIS-DI-0009"}, Message: "ADD unpacks and downloads unasked: COPY does what it says"}, adds)
	r.paths(Point{ID: "update-alone", Level: Info, Refs: []string{"CIS-4.7", "CIS-DI-0007"}, Message: "package lists updated in a step of their own, which goes stale in the cache"}, updates)
	r.paths(Point{ID: "dist-upgrade", Level: Info, Refs: []string{"DKL-DI-0003"}, Message: "dist-upgrade in a build: take a newer base instead"}, upgrades)
}

func (r *Report) judgeOrigin(records []record) {
	release := r.file(records, "etc/os-release")
	if release == nil {
		release = r.file(records, "usr/lib/os-release")
	}
	if name := releaseName(release); name != "" {
		r.point(Point{ID: "base", Level: Info, Message: "built on " + name})
	}
	if r.Labels["org.opencontainers.image.source"] == "" {
		r.point(Point{ID: "no-source-label", Level: Info, Message: "no label says where its source is (org.opencontainers.image.source)"})
	}
	var sure, maybe []string
	for _, s := range r.Secrets {
		if s.Certainty == secret.Certain.String() {
			sure = append(sure, s.Path)
		} else {
			maybe = append(maybe, s.Path)
		}
	}
	refs := []string{"CIS-4.10", "CIS-DI-0010"}
	r.paths(Point{ID: "secrets", Level: Fatal, Refs: refs, Message: "credentials in the image"}, sure)
	r.paths(Point{ID: "likely-secrets", Level: Warn, Refs: refs, Message: "what is probably a credential in the image"}, maybe)
}

func releaseName(text []byte) string {
	for line := range bytes.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "PRETTY_NAME="); ok {
			return strings.Trim(value, `"'`)
		}
	}
	return ""
}
