package app

import (
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/engine"
)

func TestForeignPlatformsAreRefused(t *testing.T) {
	amd64 := engine.Info{Name: "embedded", Platform: "linux/amd64", Platforms: []string{"linux/amd64", "linux/386"}}
	for name, c := range map[string]struct {
		text, target string
		want         string // of the message; empty means that there is none
		line         int
	}{
		"own":                              {"FROM a\nRUN x\n", "", "", 0},
		"own, by name":                     {"FROM a\nRUN x\n", "linux/amd64", "", 0},
		"another that it runs":             {"FROM a\nRUN x\n", "linux/386", "", 0},
		"foreign":                          {"FROM a\nRUN x\n", "linux/arm64", "no programs for linux/arm64", 0},
		"foreign without RUN":              {"FROM a\nCOPY . .\n", "linux/arm64", "no programs for linux/arm64", 0}, // it is run for the proof
		"foreign stage":                    {"FROM --platform=linux/arm64 a AS b\nRUN x\nFROM c\nCOPY --from=b /x /x\n", "", "no programs for linux/arm64", 1},
		"foreign stage that is not needed": {"FROM --platform=linux/arm64 a AS b\nRUN x\nFROM c\n", "", "", 0},
		"foreign files alone":              {"FROM --platform=linux/arm64 a AS b\nFROM c\nCOPY --from=b /x /x\n", "", "", 0},
		"foreign, and from it a RUN":       {"FROM --platform=linux/arm64 a AS b\nRUN x\nFROM b AS d\nFROM c\nCOPY --from=d /x /x\n", "", "no programs for linux/arm64", 1},
		"cross-compiled":                   {"FROM --platform=$BUILDPLATFORM a AS b\nRUN x\nFROM c\nCOPY --from=b /x /x\n", "", "", 0},
		"not known":                        {"ARG P\nFROM --platform=$P a\nRUN x\n", "", "", 0},
	} {
		f, err := dockerfile.Parse("Dockerfile", []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		got := foreign(f, amd64, c.target)
		if c.want == "" {
			if got != nil {
				t.Errorf("%s: %v", name, got)
			}
			continue
		}
		if got == nil || !strings.Contains(got.Message, c.want) || !strings.Contains(got.Hint, "arm64") || got.Line != c.line {
			t.Errorf("%s: %+v, want %q on line %d", name, got, c.want, c.line)
		}
	}
}
