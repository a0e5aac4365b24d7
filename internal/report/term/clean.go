package term

import (
	"regexp"
	"strings"
	"unicode"

	"charm.land/lipgloss/v2"
)

// escapeSequence matches what ECMA-48 calls control sequences (CSI), control strings
// (OSC, DCS, SOS, PM, APC: up to their terminator, or the end of the text) and two-byte escapes.
var escapeSequence = regexp.MustCompile(`(?s)\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])`)

// clean returns text that can't act on a terminal: escape sequences and
// control characters are gone, line ends are \n, tabs stay.
func clean(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	text = escapeSequence.ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r': // a progress bar that overwrites itself
			return '\n'
		case unicode.IsControl(r) || reorders(r):
			return -1
		}
		return r
	}, text)
}

// reorders reports whether a character changes the direction of the text
// after it, so that a line could read differently from what it says.
func reorders(r rune) bool {
	return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}

// oneLine is clean for text that must not break a line.
func oneLine(text string) string {
	return strings.Join(strings.Fields(clean(text)), " ")
}

// wrap breaks text into lines of at most width columns, at blanks alone: what
// is longer than a line (a path, an address) stays whole, to be copied. A width
// under 20 leaves lines as they are.
func wrap(text string, width int) []string {
	var lines []string
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		lines = append(lines, wrapLine(line, width)...)
	}
	return lines
}

func wrapLine(line string, width int) []string {
	if width < 20 || lipgloss.Width(line) <= width {
		return []string{line}
	}
	var lines []string
	var current string
	for _, word := range strings.Fields(line) {
		switch {
		case current == "":
			current = word
		case lipgloss.Width(current)+1+lipgloss.Width(word) <= width:
			current += " " + word
		default:
			lines = append(lines, current)
			current = word
		}
	}
	return append(lines, current)
}

// cut shortens a line to width columns, with … in place of what is missing.
func cut(line string, width int) string {
	if width <= 0 || lipgloss.Width(line) <= width {
		return line
	}
	return lipgloss.NewStyle().Inline(true).MaxWidth(max(width-1, 0)).Render(line) + "…"
}

// pad fills a text with blanks on the right, padLeft on the left.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-lipgloss.Width(text), 0))
}

func padLeft(text string, width int) string {
	return strings.Repeat(" ", max(width-lipgloss.Width(text), 0)) + text
}
