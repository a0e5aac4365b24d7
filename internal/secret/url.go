package secret

import (
	"regexp"
	"strings"
)

// urlUser is scheme://user:password@host. Blanks, quotes and brackets end an address.
var urlUser = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/:@'"<>{}|\\^` + "`" + `]{0,100}:([^\s/@'"<>|\\^` + "`" + `]{1,200})@[^\s/@'"<>]`)

// urlPasswords finds passwords in addresses, whatever the text around them.
func urlPasswords(text []byte) []Match {
	var out []Match
	for _, s := range urlSpans(text) {
		for _, at := range urlUser.FindAllSubmatchIndex(text[s.from:s.to], -1) {
			if m, ok := urlPassword(text, s.from+at[2], s.from+at[3]); ok {
				out = append(out, m)
			}
		}
	}
	return out
}

func urlPassword(text []byte, start, end int) (Match, bool) {
	password := string(text[start:end])
	if isVariable(strings.ToLower(password)) {
		return Match{}, false
	}
	m := newMatch("url-password", password)
	m.Offset, m.Line = start, lineOf(text, start)
	m.Certainty, m.Why = Likely, "the address has a password in it"
	if isPlaceholder(password) {
		m.Certainty, m.Why = Unlikely, "the address has a password in it, though it reads like a placeholder"
	}
	return m, true
}
