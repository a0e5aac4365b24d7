package requirements

import (
	"cmp"
	"strconv"
	"strings"
)

// CompareVersions orders two versions by their release numbers (1.10 after 1.9,
// 3.8 equal to 3.8.0). Suffixes such as rc1 are left out.
func CompareVersions(a, b string) int {
	x, y := release(a), release(b)
	for i := 0; i < max(len(x), len(y)); i++ {
		if c := cmp.Compare(number(x, i), number(y, i)); c != 0 {
			return c
		}
	}
	return 0
}

func number(list []int, i int) int {
	if i < len(list) {
		return list[i]
	}
	return 0
}

// maxRelease bounds the parts of a version that are compared.
const maxRelease = 8

func release(v string) []int {
	var list []int
	for _, part := range strings.SplitN(strings.TrimPrefix(v, "v"), ".", maxRelease) {
		end := 0
		for end < len(part) && part[end] >= '0' && part[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(part[:end])
		if err != nil {
			break
		}
		list = append(list, n)
		if end < len(part) {
			break
		}
	}
	return list
}
