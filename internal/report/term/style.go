package term

import (
	"charm.land/lipgloss/v2"
	"github.com/plimsoll/plimsoll/internal/finding"
)

// styles are the few looks in use. They keep to the terminal's own sixteen
// colours, which its theme makes readable on light and dark alike.
type styles struct {
	color                            bool
	bold, dim, good, bad, warn, note lipgloss.Style
}

func newStyles(color bool) styles {
	plain := lipgloss.NewStyle().TabWidth(lipgloss.NoTabConversion).Inline(true)
	if !color {
		return styles{false, plain, plain, plain, plain, plain, plain}
	}
	return styles{
		color: true,
		bold:  plain.Bold(true),
		dim:   plain.Faint(true),
		good:  plain.Foreground(lipgloss.Green),
		bad:   plain.Foreground(lipgloss.Red),
		warn:  plain.Foreground(lipgloss.Yellow),
		note:  plain.Foreground(lipgloss.Cyan),
	}
}

func (s styles) severity(of finding.Severity) lipgloss.Style {
	switch of {
	case finding.Error:
		return s.bad
	case finding.Warning:
		return s.warn
	}
	return s.note
}

// style renders text in a look. Without colour the text stays as it is, to the byte.
func (s styles) style(look lipgloss.Style, text string) string {
	if !s.color {
		return text
	}
	return look.Render(text)
}
