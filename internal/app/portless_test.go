package app

import "testing"

func TestCompareOutput(t *testing.T) {
	for _, c := range []struct {
		name, first, second, after string
		lines, noise               int
		difference                 string
	}{
		{"the same", "a\nb\n", "a\nb\n", "a\nb\n", 2, 0, ""},
		{"nothing at all", "", "", "", 0, 0, ""},
		{"numbers that vary by themselves", "took 12 ms\nok", "took 15 ms\nok", "took 99 ms\nok", 2, 0, ""},
		{"numbers that do not", "total 12", "total 12", "total 13", 0, 0, `line 1: "total 12" → "total 13"`},
		{"words that vary by themselves", "id abc\nok", "id xyz\nok", "id qqq\nok", 1, 1, ""},
		{"a line more", "a", "a", "a\nerror", 1, 0, `1 lines before, 2 after; the last is "error"`},
		{"as sets, where before varies in length", "tick 1\ndone", "tick 1\ntick 2\ndone", "tick 7\ntick 8\ntick 9\ndone", 2, 0, ""},
		{"as sets, something missing", "tick 1\ndone", "tick 1\ntick 2\ndone", "tick 7", 1, 0, `after never writes "done"`},
	} {
		lines, noise, difference := compareLines(c.first, c.second, c.after)
		if lines != c.lines || noise != c.noise || difference != c.difference {
			t.Errorf("%s: got %d, %d, %q; want %d, %d, %q", c.name, lines, noise, difference, c.lines, c.noise, c.difference)
		}
	}
}
