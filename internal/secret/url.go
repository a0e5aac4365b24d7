package secret

import (
	"bytes"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
)

// Blanks, quotes and brackets end an address.
const (
	urlScheme = `[A-Za-z][A-Za-z0-9+.-]{0,30}`
	urlLogin  = `://[^\s/:@'"<>{}|\\^` + "`" + `]{0,100}:([^\s/@'"<>|\\^` + "`" + `]{1,200})@[^\s/@'"<>]`
)

// urlUser is scheme://user:password@host.
var urlUser = regexp.MustCompile(urlScheme + urlLogin)

// urlLoginAt tells where the part after the scheme may be.
var urlLoginAt = sync.OnceValue(func() *follow {
	re, err := syntax.Parse(urlLogin, syntax.Perl)
	if err != nil {
		panic(err) // a constant, which regexp has compiled
	}
	return newFollow(sequence(re))
})

// urlPasswords finds passwords in addresses, whatever the text around them.
func urlPasswords(text []byte) []Match {
	var out []Match
	for _, s := range urlPlaces(text) {
		for _, at := range urlUser.FindAllSubmatchIndex(text[s.from:s.to], -1) {
			if m, ok := urlPassword(text, s.from+at[2], s.from+at[3]); ok {
				out = append(out, m)
			}
		}
	}
	return out
}

// urlPlaces are the parts of a text in which addresses with a password may stand.
func urlPlaces(text []byte) (places spans) {
	const left = 32 // as long as a scheme can be
	for at := 0; ; {
		next := bytes.Index(text[at:], []byte("://"))
		if next < 0 {
			return places
		}
		at += next
		if end, ok := urlLoginAt().at(text, at, followSteps); ok {
			places = places.add(span{max(0, at-left), min(len(text), end+cutSlack)})
		}
		at += 3
	}
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
