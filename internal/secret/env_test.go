package secret

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
)

func TestEnvTable(t *testing.T) {
	table, err := os.ReadFile("testdata/names.txt")
	must(t, err)
	for i, line := range strings.Split(string(table), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		want, pair, _ := strings.Cut(line, " ")
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		m, ok := Env(name, value)
		got := "-"
		if ok {
			got = m.Certainty.String()
		}
		if got != want {
			t.Errorf("line %d: %s=%s is %s (%s), want %s", i+1, name, value, got, m.Rule, want)
		}
		if ok && (m.Name != name || m.Why == "" || m.Hash != Hash(value[m.Offset:m.Offset+m.Length])) {
			t.Errorf("line %d: %+v does not point at its value", i+1, m)
		}
	}
}

func TestEnvPointsAtThePasswordInAnAddress(t *testing.T) {
	const value = "postgres://app:harbour7@db/notes"
	m, _ := Env("DATABASE_URL", value)
	if got := value[m.Offset : m.Offset+m.Length]; got != "harbour7" {
		t.Errorf("points at %q", got)
	}
}

func TestWords(t *testing.T) {
	for name, want := range map[string]string{
		"DB_PASSWORD": "DB PASSWORD", "dbPassword": "DB PASSWORD", "DBPassword": "DB PASSWORD",
		"oauth2Token": "OAUTH2 TOKEN", "a-b.c": "A B C", "APIKey2": "API KEY2", "_": "", "": "", "X": "X", "ÄÖü": "Ä ÖÜ",
	} {
		if got := strings.Join(words(name), " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestEveryRuleCompiles(t *testing.T) {
	set, err := rules()
	must(t, err)
	if len(set.rules) < 200 {
		t.Errorf("only %d rules", len(set.rules))
	}
	global, err := set.allowed()
	must(t, err)
	if len(global) == 0 {
		t.Error("no global allowlist")
	}
	for _, r := range set.rules {
		if _, err := r.compiled(); err != nil {
			t.Error(err)
		}
		if len(r.Keywords) == 0 {
			t.Logf("%s has no keyword: it runs on every text", r.ID)
		}
	}
}

func TestNothingPrintedHoldsTheValue(t *testing.T) {
	const raw = "nk_live_7Qw2mZx84TbVn3RkLs9dYhG5"
	m, _ := Env("API_KEY", raw)
	v := NewValue(raw)
	asJSON, err := json.Marshal(map[string]any{"match": m, "value": v, "pointer": &v, "map": map[Value]int{v: 1}})
	must(t, err)
	for _, text := range []string{
		string(asJSON), fmt.Sprintf("%v %+v %#v", m, m, m),
		fmt.Sprintf("%v %+v %#v %s %q %x %d", v, v, v, v, v, v, v), fmt.Sprint([]Value{v}, struct{ V Value }{v}),
	} {
		if strings.Contains(text, raw) || strings.Contains(text, fmt.Sprintf("%x", raw)) {
			t.Errorf("gives the value away: %s", text)
		}
	}
	if v.Reveal() != raw {
		t.Error("the value is lost")
	}
}

func TestRedact(t *testing.T) {
	for value, want := range map[string]string{
		"":                         "(empty)",
		"hunter2":                  "(7 characters, sha256 f52f…)",
		"0123456789012345678901":   "01…01 (22 characters, sha256 285cda1c67d9…)",
		strings.Repeat("\x1b", 20): `\x1b\x1b…\x1b\x1b (20 characters, sha256 2819ab031ee6…)`, // nothing that a terminal obeys
	} {
		if got := Redact(value); got != want {
			t.Errorf("%q: %s, want %s", value, got, want)
		}
	}
}

func TestOverlappingMatchesLeaveTheMostTelling(t *testing.T) {
	text := "token = \"ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a\"\n"
	found := Text([]byte(text))
	if len(found) != 1 || found[0].Rule != "github-pat" || text[found[0].Offset:found[0].Offset+4] != "ghp_" {
		t.Errorf("found %+v", found)
	}
}

// TestCorpus holds the words of the lists against names that people really use.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("PLIMSOLL_CORPUS")
	if dir == "" {
		t.Skip("PLIMSOLL_CORPUS names no folder of Dockerfiles")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.Dockerfile"))
	must(t, err)
	never := []string{"GPG_KEY", "GPG_KEYS", "PATH", "HOME", "LANG", "DEBIAN_FRONTEND", "JAVA_HOME", "SSH_AUTH_SOCK"}
	pairs, found := 0, 0
	for _, name := range files {
		src, err := os.ReadFile(name)
		must(t, err)
		file, err := dockerfile.Parse(name, src)
		if err != nil {
			continue
		}
		for _, inst := range file.Instructions {
			if inst.Keyword != "ENV" && inst.Keyword != "ARG" {
				continue
			}
			for _, p := range inst.Pairs() {
				pairs++
				if _, ok := Env(p.Name, p.Value); !ok {
					continue
				}
				found++
				if slices.Contains(never, p.Name) {
					t.Errorf("%s: %s is taken for a credential", name, p.Name)
				}
			}
		}
	}
	t.Logf("%d credentials among %d variables of %d files", found, pairs, len(files))
	if found == 0 || found > pairs/20 {
		t.Errorf("%d credentials among %d variables can't be right", found, pairs)
	}
}
