package term

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// amount writes a value with its unit as people read it.
func amount(value float64, unit string) string {
	switch unit {
	case "bytes":
		return size(value)
	case "seconds":
		return seconds(value)
	case "":
		return count(value)
	}
	if value == 1 {
		return "1 " + strings.TrimSuffix(unit, "s")
	}
	return count(value) + " " + unit
}

// size writes a size in decimal units with three digits, as Docker does.
func size(value float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	i := 0
	// 999.5 would be rounded up to four digits: it belongs to the next unit.
	for ; math.Abs(value) >= 999.5 && i < len(units)-1; i++ {
		value /= 1000
	}
	if i == 0 {
		return fmt.Sprintf("%.0f B", value)
	}
	return digits(value) + " " + units[i]
}

// seconds writes a duration: milliseconds where a hundredth of a second says
// too little, minutes from two on.
func seconds(value float64) string {
	switch {
	case value >= 119.5:
		whole := int(math.Round(value))
		return fmt.Sprintf("%d min %02d s", whole/60, whole%60)
	case value > 0 && value < 0.01:
		return fmt.Sprintf("%.1f ms", value*1000)
	case value < 1:
		return fmt.Sprintf("%.2f s", value)
	}
	return digits(value) + " s"
}

// digits writes a number of at least 1 with three significant digits.
func digits(value float64) string {
	switch {
	case math.Abs(value) < 9.995:
		return fmt.Sprintf("%.2f", value)
	case math.Abs(value) < 99.95:
		return fmt.Sprintf("%.1f", value)
	}
	return fmt.Sprintf("%.0f", value)
}

// count writes a whole number with a comma between thousands.
func count(value float64) string {
	text := strconv.FormatFloat(math.Round(value), 'f', 0, 64)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// plural writes a number with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(float64(n)) + " " + many
}
