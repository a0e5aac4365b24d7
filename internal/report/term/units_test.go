package term

import (
	"slices"
	"strings"
	"testing"

	"charm.land/lipgloss/v2"
	"github.com/plimsoll/plimsoll/internal/measure"
)

func TestAmount(t *testing.T) {
	for _, test := range []struct {
		value float64
		unit  string
		want  string
	}{
		{0, "bytes", "0 B"}, {999, "bytes", "999 B"}, {999.6, "bytes", "1.00 kB"}, {1_043_000_000, "bytes", "1.04 GB"},
		{152_300_000, "bytes", "152 MB"}, {54_100_000, "bytes", "54.1 MB"}, {999_900_000, "bytes", "1.00 GB"},
		{0, "seconds", "0.00 s"}, {0.0042, "seconds", "4.2 ms"}, {0.312, "seconds", "0.31 s"}, {9.996, "seconds", "10.0 s"},
		{41.23, "seconds", "41.2 s"}, {119.4, "seconds", "119 s"}, {125, "seconds", "2 min 05 s"},
		{1, "files", "1 file"}, {12345, "files", "12,345 files"}, {3, "", "3"}, {1234567, "", "1,234,567"},
	} {
		if got := amount(test.value, test.unit); got != test.want {
			t.Errorf("amount(%v, %q) = %q, want %q", test.value, test.unit, got, test.want)
		}
	}
}

func TestGain(t *testing.T) {
	m := func(unit string, samples ...float64) measure.Measurement {
		return measure.Measurement{Unit: unit, Samples: samples}
	}
	for _, test := range []struct {
		name          string
		before, after measure.Measurement
		want          string
		better        int
	}{
		{"smaller", m("bytes", 1000), m("bytes", 88), "−91.2%", 1},
		{"larger", m("bytes", 100), m("bytes", 150), "+50.0%", -1},
		{"the same", m("bytes", 100), m("bytes", 100), "same", 0},
		{"from nothing", m("bytes", 0), m("bytes", 5), "+5", -1},
		{"faster", m("seconds", 12.6), m("seconds", 2), "6.3× faster", 1},
		{"slower", m("seconds", 1), m("seconds", 2), "2.0× slower", -1},
		{"hardly faster", m("seconds", 1.02), m("seconds", 1), "same", 0},
		{"much faster", m("seconds", 1500), m("seconds", 1), "1,500× faster", 1},
		{"the median counts", m("seconds", 9, 1, 2), m("seconds", 1), "2.0× faster", 1},
		{"fewer layers", m("layers", 11), m("layers", 9), "−2", 1},
		{"no secret left", m("places", 3), m("places", 0), "−3", 1},
		{"nothing before", m("seconds"), m("seconds", 1), "", 0},
		{"a text", measure.Measurement{Text: "0"}, measure.Measurement{Text: "10001"}, "", 0},
	} {
		got, better := gain(test.before, test.after)
		if got != test.want || better != test.better {
			t.Errorf("%s: gain = %q, %d, want %q, %d", test.name, got, better, test.want, test.better)
		}
	}
}

func TestClean(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"plain", "a b\tc\n", "a b\tc\n"},
		{"colours", "\x1b[1;31mred\x1b[0m", "red"},
		{"a title", "\x1b]0;title\x07x\x1b]0;t\x1b\\y", "xy"},
		{"an unfinished string", "a\x1bPq evil", "a"},
		{"a reset", "\x1bcx\x1b(By", "xy"},
		{"carriage returns", "10%\r20%\r\n", "10%\n20%\n"},
		{"control characters", "a\x00\x07\x08\x7fb\u009bc", "abc"},
		{"reordering", "a\u202Eb\u2066c", "abc"},
		{"broken UTF-8", "a\xffb", "a\uFFFDb"},
		{"a lone escape", "a\x1b", "a"},
	} {
		if got := clean(test.in); got != test.want {
			t.Errorf("%s: clean(%q) = %q, want %q", test.name, test.in, got, test.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text  string
		width int
		want  string
	}{
		{"short", 20, "short"},
		{"one two three four five", 20, "one two three four|five"},
		{"a https://example.org/a/very/long/path b", 20, "a|https://example.org/a/very/long/path|b"},
		{"first\nsecond", 20, "first|second"},
		{"anything at all, since it is too narrow", 10, "anything at all, since it is too narrow"},
		{"", 20, ""},
	} {
		if got := strings.Join(wrap(test.text, test.width), "|"); got != test.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", test.text, test.width, got, test.want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"\x1b[31m", "a\r\nb", "\x1b\x1b[[", "\xc2\x9b0m", "語\u202E"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := clean(text)
		if strings.ContainsAny(once, "\x1b\r\x00\u009b\u202e") {
			t.Errorf("clean(%q) = %q", text, once)
		}
		lines := wrap(once, 20)
		if slices.ContainsFunc(lines, func(l string) bool { return lipgloss.Width(l) > 20 && len(strings.Fields(l)) > 1 }) {
			t.Errorf("wrap(%q) = %q", once, lines)
		}
	})
}

func TestInstruction(t *testing.T) {
	for history, want := range map[string]string{
		`/bin/sh -c #(nop)  CMD ["python3"]`:                 `CMD ["python3"]`,
		`/bin/sh -c #(nop) COPY file:1c098ece in /app/ `:     `COPY file:1c098ece in /app/`,
		`/bin/sh -c apt-get update`:                          `RUN apt-get update`,
		`RUN /bin/sh -c apt-get update # buildkit`:           `RUN apt-get update`,
		`|2 A=1 B=two /bin/sh -c make`:                       `RUN make`,
		`RUN |1 A=1 /bin/sh -c echo /bin/sh -c x # buildkit`: `RUN echo /bin/sh -c x`,
		`RUN --mount=type=cache,target=/x /bin/sh -c make`:   `RUN --mount=type=cache,target=/x /bin/sh -c make`,
		`COPY . /app # buildkit`:                             `COPY . /app`,
		`bazel build`:                                        `bazel build`,
		`RUN /bin/bash -o pipefail -c make # buildkit`:       `RUN /bin/bash -o pipefail -c make`,
		"": "",
		"# debian.sh --arch 'amd64' out/ 'bookworm' '@1714000000'": "# debian.sh --arch 'amd64' out/ 'bookworm' '@1714000000'",
		`/bin/sh -c #(nop) ADD file:2a in / `:                      `ADD file:2a in /`,
	} {
		if got := instruction(history); got != want {
			t.Errorf("%q is told as %q, want %q", history, got, want)
		}
	}
}
