package dockerfile

import (
	"slices"
	"strconv"
	"strings"
)

type flagKind int

const (
	flagText flagKind = iota
	flagBool
	flagList
)

// syntax is what the builder demands of an instruction's flags and arguments.
type syntax struct {
	flags    map[string]flagKind
	anyFlags bool // the builder does not look at the flags
	min, max int  // arguments; max 0 is without bound
}

// instructionSyntax is what the builder knows. It is never changed.
var instructionSyntax = map[string]syntax{
	"ADD": {min: 2, flags: map[string]flagKind{
		"chown": flagText, "chmod": flagText, "link": flagBool, "keep-git-dir": flagBool,
		"checksum": flagText, "unpack": flagBool, "exclude": flagList,
	}},
	"ARG": {min: 1, anyFlags: true},
	"CMD": {},
	"COPY": {min: 2, flags: map[string]flagKind{
		"chown": flagText, "from": flagText, "chmod": flagText, "link": flagBool,
		"exclude": flagList, "parents": flagBool,
	}},
	"ENTRYPOINT": {},
	"ENV":        {min: 1},
	"EXPOSE":     {min: 1},
	"FROM":       {min: 1, max: 3, flags: map[string]flagKind{"platform": flagText}},
	"HEALTHCHECK": {min: 1, flags: map[string]flagKind{
		"interval": flagText, "timeout": flagText, "start-period": flagText,
		"start-interval": flagText, "retries": flagText,
	}},
	"LABEL":      {min: 1},
	"MAINTAINER": {min: 1, max: 1},
	"ONBUILD":    {min: 1},
	"RUN": {flags: map[string]flagKind{
		"mount": flagList, "network": flagText, "security": flagText, "device": flagList,
	}},
	"SHELL":      {min: 1},
	"STOPSIGNAL": {min: 1, max: 1, anyFlags: true},
	"USER":       {min: 1, max: 1},
	"VOLUME":     {min: 1},
	"WORKDIR":    {min: 1, max: 1},
}

// Keywords are the instructions' names, sorted.
func Keywords() []string {
	names := make([]string, 0, len(instructionSyntax))
	for name := range instructionSyntax {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// didYouMean is a hint that names the closest option within two edits.
func didYouMean(word string, options []string) string {
	best, least := "", 3
	for _, o := range options {
		if d := distance(word, o); d < least {
			best, least = o, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// distance counts the edits between two words; far apart, it only says so.
func distance(a, b string) int {
	if len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

// quote shows a piece of the source in a message, cut where it is long.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
