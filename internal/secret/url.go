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
	for _, at := range urlUser.FindAllSubmatchIndex(text, -1) {
		password := string(text[at[2]:at[3]])
		if isVariable(strings.ToLower(password)) {
			continue
		}
		m := newMatch("url-password", password)
		m.Offset, m.Line = at[2], lineOf(text, at[2])
		m.Certainty, m.Why = Likely, "the address has a password in it"
		if isPlaceholder(password) {
			m.Certainty, m.Why = Unlikely, "the address has a password in it, though it reads like a placeholder"
		}
		out = append(out, m)
	}
	return out
}
