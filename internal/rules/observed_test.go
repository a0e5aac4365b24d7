package rules_test

import (
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// observedFile of an archive is no file of the project, but what a run of it showed, a line each:
//
//	port 7070                     it answered there
//	answers /                     it answered a GET of this path with status 200
//	loopback                      … and on no other address than the container's own
//	write /var/lib/app/state.json it made or wrote this file
//	lacks libpq5 /usr/lib/…       it had this file of a package loaded, which the rewritten image does not have
//	opens /srv/settings.json      it opened this file
//	gone /srv/settings.json       … which the rewritten image does not have
//	process 7 1 node server.js    a process with its parent and arguments; the last one serves the port
const observedFile = "OBSERVED"

func observedIn(t testing.TB, files []txtar.File) (seen *ecosystem.Observed) {
	t.Helper()
	for _, f := range files {
		if f.Name != observedFile {
			continue
		}
		seen = &ecosystem.Observed{}
		for line := range strings.Lines(string(f.Data)) {
			verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			words := strings.Fields(rest)
			switch {
			case verb == "port" && len(words) == 1:
				seen.Port = atoi(t, words[0])
			case verb == "answers" && len(words) == 1:
				seen.Answered = append(seen.Answered, words[0])
			case verb == "loopback":
				seen.Sockets = []ecosystem.Socket{{Address: "127.0.0.1", Port: seen.Port}}
			case verb == "write" && len(words) == 1:
				seen.Writes = append(seen.Writes, ecosystem.Write{Path: words[0]})
			case verb == "lacks" && len(words) == 2:
				seen.Packages = append(seen.Packages, ecosystem.Package{Name: words[0], Files: words[1:]})
				seen.Lacking = append(seen.Lacking, words[0])
			case verb == "opens" && len(words) == 1:
				seen.Opened = append(seen.Opened, words[0])
			case verb == "gone" && len(words) == 1:
				seen.Opened, seen.Gone = append(seen.Opened, words[0]), append(seen.Gone, words[0])
			case verb == "process" && len(words) > 2:
				seen.Processes = append(seen.Processes, ecosystem.Process{PID: atoi(t, words[0]), PPID: atoi(t, words[1]), Argv: words[2:]})
				seen.Sockets = []ecosystem.Socket{{Address: "0.0.0.0", Port: seen.Port, PID: atoi(t, words[0])}}
			default:
				t.Fatalf("%s: what is %q?", observedFile, line)
			}
		}
	}
	return seen
}

func atoi(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
