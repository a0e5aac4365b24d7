package python

import (
	"errors"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxNesting bounds how deep the keys and values of a manifest lie in one another. The decoder takes time and memory with the
// square of it: "a.a.a…" of 20 kB is a gigabyte. Real manifests have five or six.
const maxNesting = 16

// decodeTOML reads a manifest into a value, as toml.Decode does, unless it is made to keep the decoder busy.
func decodeTOML(text string, into any) error {
	if nestsTooDeep(text) {
		return errors.New("keys or values lie too deep in one another")
	}
	_, err := toml.Decode(text, into)
	return err
}

// nestsTooDeep counts the dots of each key and the brackets that are open, outside strings and comments. Where text is no
// TOML it may count wrongly, but only behind the place where the decoder gives up.
func nestsTooDeep(text string) bool {
	dots, open := 0, 0
	for len(text) > 0 && dots+open <= maxNesting {
		skip := 1
		switch c := text[0]; c {
		case '"', '\'':
			skip = stringLength(text)
		case '#':
			if skip = strings.IndexByte(text, '\n'); skip < 0 {
				skip = len(text)
			}
		case '.':
			dots++
		case '=', ',', '\n':
			dots = 0
		case '[', '{':
			open++
		case ']', '}':
			open = max(open-1, 0)
		}
		text = text[skip:]
	}
	return dots+open > maxNesting
}

// stringLength is how long the string is that text starts with, with its quotes; all of text when it does not end.
func stringLength(text string) int {
	quote := text[:1]
	long := strings.HasPrefix(text, strings.Repeat(quote, 3))
	switch {
	case long:
		quote = text[:3]
	case strings.HasPrefix(text[1:], quote):
		return 2
	}
	for i := len(quote); i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote[0] == '"':
			i++
		case strings.HasPrefix(text[i:], quote):
			end := i + len(quote)
			for long && end < len(text) && end < i+5 && text[end] == quote[0] {
				end++ // one or two quotes of its own stand before the three that end it
			}
			return end
		}
	}
	return len(text)
}
