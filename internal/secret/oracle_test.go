package secret

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zricethezav/gitleaks/v8/detect"
)

// oracle runs gitleaks itself.
type oracle struct{ detector *detect.Detector }

func newOracle(t testing.TB) oracle {
	t.Helper()
	d, err := detect.NewDetectorDefaultConfig()
	must(t, err)
	return oracle{d}
}

// find returns what gitleaks finds, as "rule secret".
func (o oracle) find(path, text string) (found []string) {
	for _, f := range o.detector.Detect(detect.Fragment{Raw: text, FilePath: path}) {
		found = append(found, f.RuleID+" "+Hash(f.Secret))
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func ours(path, text string) (found []string) {
	s := NewFileScan(nil)
	s.Begin(path, int64(len(text)))
	for rest := []byte(text); len(rest) > 0; {
		n := min(len(rest), 64<<10)
		s.Write(rest[:n])
		rest = rest[n:]
	}
	_, matches := s.End()
	for _, m := range matches {
		found = append(found, m.Rule+" "+m.Hash)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestAgainstGitleaks holds what is found against what gitleaks finds, in files
// with credentials of many kinds planted into text and code, and in innocent ones.
func TestAgainstGitleaks(t *testing.T) {
	o := newOracle(t)
	var want, missed, extra int
	for _, file := range oracleFiles(t) {
		theirs, got := o.find(file.path, file.text), ours(file.path, file.text)
		for _, f := range theirs {
			want++
			// Where two rules match the same place, the more telling one alone is told.
			_, hash, _ := strings.Cut(f, " ")
			same := slices.ContainsFunc(got, func(g string) bool { return strings.HasSuffix(g, hash) })
			if !slices.Contains(got, f) && !same && !strings.HasPrefix(f, genericRule) {
				missed++
				t.Logf("%s: missed %s, has %v", file.path, f, got)
			}
			if !slices.Contains(got, f) && !same && strings.HasPrefix(f, genericRule) && len(got) == 0 {
				missed++
				t.Logf("%s: missed %s", file.path, f)
			}
		}
		for _, g := range got {
			if !slices.Contains(theirs, g) && !strings.HasPrefix(g, "url-password ") { // a rule of our own
				extra++
				t.Logf("%s: extra %s, gitleaks has %v", file.path, g, theirs)
			}
		}
	}
	t.Logf("%d findings of gitleaks, %d missed, %d extra", want, missed, extra)
	if want < 150 || missed*100 > want || extra > 0 {
		t.Errorf("%d findings of gitleaks, %d missed, %d extra", want, missed, extra)
	}
}

type oracleFile struct{ path, text string }

// plantedSecrets are made-up credentials, one a rule, put together so that no scanner takes this file for a leak.
func plantedSecrets(r *rand.Rand) []string {
	s := func(letters string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	const (
		lower = "abcdefghijklmnopqrstuvwxyz0123456789"
		upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
		hexes = "0123456789abcdef"
		mixed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	)
	return []string{
		"ghp" + "_" + s(mixed, 36), "gho" + "_" + s(mixed, 36), "github" + "_pat_" + s(mixed, 82), "glpat" + "-" + s(mixed, 20),
		"AKIA" + s(upper, 16), "xoxb" + "-" + s("0123456789", 12) + "-" + s("0123456789", 12) + "-" + s(mixed, 24),
		"sk" + "_live_" + s(mixed, 30), "npm" + "_" + s(lower, 36), "pypi-" + "AgEIcHlwaS5vcmc" + s(mixed, 70), "SG." + s(mixed, 66),
		"hvs." + s(mixed, 95), "AIza" + s(mixed, 35), "dop_v1_" + s(hexes, 64), "shpat_" + s(hexes, 32), "sq0csp-" + s(mixed, 43),
		"ey" + s(mixed, 30) + ".ey" + s(mixed, 40) + "." + s(mixed, 40), "lin_api_" + s(mixed, 40), "PMAK-" + s(hexes, 24) + "-" + s(hexes, 34),
		"-----BEGIN RSA PRIVATE KEY-----\n" + s(mixed, 64) + "\n" + s(mixed, 64) + "\n-----END RSA PRIVATE KEY-----",
		"api_key = \"" + s(mixed, 32) + "\"", "DATABASE_TOKEN: '" + s(lower, 40) + "'", "secret=" + s(mixed, 24), "auth: " + s(mixed, 40) + ";",
		"password := \"" + s(mixed, 18) + "\"", "adafruit_key = \"" + s(lower, 32) + "\"", "mailchimp_key = \"" + s(hexes, 32) + "-us20\"",
		"twilio SK" + s(hexes, 32), "discord_token = \"" + s(hexes, 64) + "\"", "asana_secret = \"" + s(lower, 32) + "\"",
		"datadog_token = \"" + s(lower, 40) + "\"", "heroku_key = \"" + s(hexes, 8) + "-" + s(hexes, 4) + "-" + s(hexes, 4) + "-" + s(hexes, 4) + "-" + s(hexes, 12) + "\"",
		"curl -u admin:" + s(mixed, 16) + " https://internal.example/", "curl -H \"Authorization: Bearer " + s(mixed, 40) + "\" https://internal.example/",
		"kind: Secret\ndata:\n  password: " + s(mixed, 30) + "==\n",
	}
}

func oracleFiles(t testing.TB) []oracleFile {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 11))
	innocent := innocentTexts(t)
	var files []oracleFile
	for i, text := range innocent {
		files = append(files, oracleFile{fmt.Sprintf("innocent/%d.go", i), text})
	}
	for round := range 8 {
		for i, planted := range plantedSecrets(r) {
			text := innocent[r.IntN(len(innocent))]
			at := r.IntN(len(text))
			if nl := strings.IndexByte(text[at:], '\n'); nl >= 0 {
				at += nl + 1
			}
			lead := []string{"", "token = ", "  - ", "\t// ", "export X="}[r.IntN(5)]
			name := []string{"app/settings.yaml", "app/main.go", "etc/config", "run.sh"}[r.IntN(4)]
			files = append(files, oracleFile{fmt.Sprintf("planted/%d-%d/%s", round, i, name), text[:at] + lead + planted + "\n" + text[at:]})
		}
	}
	return files
}

// innocentTexts are sources and documents of this repository.
func innocentTexts(t testing.TB) (texts []string) {
	t.Helper()
	for _, pattern := range []string{"*.go", "../*/*.go", "../../docs/*.md", "../cli/testdata/script/*.txtar", "../../go.sum"} {
		names, err := filepath.Glob(pattern)
		must(t, err)
		for _, name := range names[:min(len(names), 40)] {
			text, err := os.ReadFile(name)
			must(t, err)
			if len(text) > 200 {
				texts = append(texts, string(text))
			}
		}
	}
	return texts
}

// BenchmarkAgainstGitleaks compares the throughput on text, on one core.
func BenchmarkAgainstGitleaks(b *testing.B) {
	var all strings.Builder
	for _, text := range innocentTexts(b) {
		all.WriteString(text)
	}
	for all.Len() < 4<<20 {
		all.WriteString(all.String()[:min(all.Len(), 1<<20)])
	}
	text := all.String()
	b.Run("plimsoll", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for range b.N {
			ours("file.txt", text)
		}
	})
	b.Run("gitleaks", func(b *testing.B) {
		o := newOracle(b)
		b.SetBytes(int64(len(text)))
		for range b.N {
			for rest := text; len(rest) > 0; { // in pieces of 100 KB, as its own reader of files has them
				n := min(len(rest), 100_000)
				o.find("file.txt", rest[:n])
				rest = rest[n:]
			}
		}
	})
}
