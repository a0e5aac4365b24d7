package rules

import (
	"fmt"
	"strings"
)

// count writes a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// bytes writes a size in MB or GB (10⁶, 10⁹), as Docker prints sizes.
func bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}

func firstLine(s string) string {
	line, _, more := strings.Cut(s, "\n")
	if more {
		return strings.TrimRight(line, "\\ \r") + " …"
	}
	return line
}

// keywordAs writes a keyword in the author's case.
func keywordAs(author, keyword string) string {
	if author == strings.ToLower(author) {
		return strings.ToLower(keyword)
	}
	return keyword
}
