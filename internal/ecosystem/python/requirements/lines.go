package requirements

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// decode turns a requirements file into text. Files that were written by
// "pip freeze >" in a Windows shell are UTF-16; pip goes by the byte order mark, and so do we.
func decode(src []byte) string {
	for mark, order := range map[string]binary.ByteOrder{"\xff\xfe": binary.LittleEndian, "\xfe\xff": binary.BigEndian} {
		if strings.HasPrefix(string(src), mark) {
			units := make([]uint16, 0, len(src)/2)
			for i := 2; i+1 < len(src); i += 2 {
				units = append(units, order.Uint16(src[i:]))
			}
			return string(utf16.Decode(units))
		}
	}
	return strings.TrimPrefix(string(src), "\ufeff")
}

// logical is a line after joining continuations and removing the comment.
type logical struct {
	number int // of its first physical line
	text   string
}

// logicalLines joins lines that end with a backslash. As in pip, a comment line ends
// a continuation, and a comment starts at a # after a blank or at the start of a line.
func logicalLines(text string) []logical {
	var lines []logical
	var parts []string
	first := 0
	flush := func() {
		if joined := strings.TrimSpace(stripComment(strings.Join(parts, ""))); joined != "" {
			lines = append(lines, logical{first, joined})
		}
		parts = nil
	}
	for i, line := range splitLines(text) {
		if len(parts) == 0 {
			first = i + 1
		}
		comment := stripComment(line) != line
		if strings.HasSuffix(line, `\`) && !comment {
			parts = append(parts, strings.TrimSuffix(line, `\`))
			continue
		}
		if comment {
			line = " " + line
		}
		parts = append(parts, line)
		flush()
	}
	flush()
	return lines
}

func splitLines(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
}

func stripComment(line string) string {
	for i := 0; i < len(line); i++ {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}

// words splits like a shell: quotes group, a backslash takes the next character as it is.
func words(s string) []string {
	var list []string
	var word strings.Builder
	quote, open := byte(0), false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			word.WriteByte(s[i])
			open = true
		case quote == 0 && (c == ' ' || c == '\t'):
			if open {
				list = append(list, word.String())
				word.Reset()
				open = false
			}
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if open {
		list = append(list, word.String())
	}
	return list
}
