package wheel

import (
	"regexp"
	"strconv"
	"strings"
)

var releaseForm = regexp.MustCompile(`^[vV]?(?:\d+!)?(\d+(?:\.\d+)*)`)

// release returns the numbers of a version (PEP 440), without what follows
// them: pre-releases and local parts do not occur in what Debian ships.
func release(version string) []int {
	m := releaseForm.FindStringSubmatch(strings.TrimSpace(version))
	if m == nil {
		return nil
	}
	var numbers []int
	for part := range strings.SplitSeq(m[1], ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// compare orders two releases; missing numbers are zero.
func compare(a, b []int) int {
	for i := range max(len(a), len(b)) {
		if d := at(a, i) - at(b, i); d != 0 {
			return d
		}
	}
	return 0
}

func at(numbers []int, i int) int {
	if i < len(numbers) {
		return numbers[i]
	}
	return 0
}

// Satisfies says whether a version meets a specifier such as ">=1.2,<2,!=1.5.*".
// What cannot be read does not satisfy anything.
func Satisfies(version, spec string) bool {
	have := release(version)
	if have == nil {
		return false
	}
	for clause := range strings.SplitSeq(spec, ",") {
		if clause = strings.TrimSpace(clause); clause != "" && !meets(have, clause) {
			return false
		}
	}
	return true
}

func meets(have []int, clause string) bool {
	op := clause[:len(clause)-len(strings.TrimLeft(clause, "<>=!~"))]
	text := strings.TrimSpace(clause[len(op):])
	want := release(text)
	if want == nil {
		return false
	}
	if strings.HasSuffix(text, ".*") {
		same := len(have) >= len(want) && compare(have[:len(want)], want) == 0
		return same == (op == "==")
	}
	order := compare(have, want)
	switch op {
	case "==", "===":
		return order == 0
	case "!=":
		return order != 0
	case ">=":
		return order >= 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case "<":
		return order < 0
	case "~=":
		n := len(want) - 1
		return order >= 0 && n > 0 && len(have) >= n && compare(have[:n], want[:n]) == 0
	}
	return false
}
