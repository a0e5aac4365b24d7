package secret

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Env tells whether a variable holds a credential: by the shape of its value,
// by a password in an address, or by its name. Offsets in the Match count from the
// start of the value.
//
// Not a credential: an empty value, one that is a reference to a variable, a file or a
// secret store, a switch, and what only describes a credential (TOKEN_TTL,
// PASSWORD_FILE, PUBLIC_KEY). A placeholder such as "changeme" is a match
// of the lowest certainty: an application that starts with it is open to everyone.
func Env(name, value string) (Match, bool) {
	if value == "" {
		return Match{}, false
	}
	m, ok := byShape(name, value)
	if !ok || m.Certainty < Certain {
		if named, isNamed := byName(name, value); isNamed && named.Certainty > m.Certainty {
			m, ok = named, true
		}
	}
	m.Name, m.Line = name, 0
	return m, ok
}

// byShape looks at the value as it would stand in a file, as some rules want
// the name beside it. The catch-all rule is left to byName, which knows names better.
func byShape(name, value string) (Match, bool) {
	prefix := name + "="
	for _, m := range Text([]byte(prefix + value + "\n")) {
		m.Offset -= len(prefix)
		if m.Offset >= 0 && m.Offset+m.Length <= len(value) && m.Rule != genericRule {
			return m, true
		}
	}
	return Match{}, false
}

func byName(name, value string) (Match, bool) {
	if !namesSecret(words(name)) || slices.Contains(shellNames(), name) || !holdsSecret(name, value) {
		return Match{}, false
	}
	m := newMatch("name", value)
	m.Certainty, m.Why = Likely, "it is named as a credential and has a literal value"
	if isPlaceholder(value) {
		m.Certainty, m.Why = Unlikely, "it is named as a credential, though its value reads like a placeholder"
	}
	return m, true
}

// words splits a name at underscores, dashes, dots and changes of case: DBPassword is DB and PASSWORD.
func words(name string) []string {
	var out []string
	for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		runes := []rune(part)
		start := 0
		for i := 1; i < len(runes); i++ {
			toUpper := unicode.IsUpper(runes[i]) && !unicode.IsUpper(runes[i-1])
			endOfAcronym := unicode.IsUpper(runes[i]) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if toUpper && !unicode.IsDigit(runes[i-1]) || endOfAcronym {
				out = append(out, strings.ToUpper(string(runes[start:i])))
				start = i
			}
		}
		out = append(out, strings.ToUpper(string(runes[start:])))
	}
	return out
}

// namesSecret reports whether the words of a name say that its value is a credential.
func namesSecret(words []string) bool {
	at, n := secretAt(words)
	if at < 0 {
		return false
	}
	return !containsOne(words[:at], describingFirstWords()) && !containsOne(words[at+n:], describingWords())
}

// secretAt finds the first words of a name that mean a credential, and their number.
func secretAt(words []string) (at, n int) {
	for i, word := range words {
		if slices.ContainsFunc(secretEndings(), func(end string) bool { return strings.HasSuffix(word, end) }) {
			return i, 1
		}
		for _, secret := range secretWords() {
			if end := i + len(secret); end <= len(words) && slices.Equal(words[i:end], secret) {
				return i, len(secret)
			}
		}
	}
	if last := len(words) - 1; last > 0 && slices.Contains(lastSecretWords(), words[last]) {
		return last, 1
	}
	return -1, 0
}

func containsOne(words, list []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
}

// holdsSecret rules out the values that are no credential whatever the name says.
func holdsSecret(name, value string) bool {
	trimmed := strings.ToLower(strings.TrimSpace(value))
	switch {
	case trimmed == "" || slices.Contains(constants(), trimmed):
		return false
	case isVariable(trimmed):
		return false
	case slices.ContainsFunc(references(), func(r string) bool { return strings.HasPrefix(trimmed, r) }):
		return false
	case isAddress(trimmed):
		return false // with a password in it, it was found by its shape
	case isNumber(trimmed):
		return containsOne(words(name), []string{"PASSWORD", "PASSWD", "PASS", "PWD", "PASSPHRASE", "SECRET"})
	}
	return true
}

// variable is a reference in the syntax of shells, templates or Windows, which stands for the value's end.
var variable = regexp.MustCompile(`\$\{?[a-z_]|\$\(|\{\{.*\}\}|^%[a-z_]+%$`)

func isVariable(value string) bool { return variable.MatchString(value) }

func isAddress(value string) bool {
	scheme, rest, ok := strings.Cut(value, "://")
	return ok && rest != "" && !strings.ContainsFunc(scheme, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("+-.", r)
	})
}

func isNumber(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
}

func isPlaceholder(value string) bool {
	v := strings.ToLower(strings.TrimSpace(value))
	for _, around := range [][2]string{{"<", ">"}, {"**", "**"}, {"[", "]"}} {
		if len(v) > 2*len(around[0]) && strings.HasPrefix(v, around[0]) && strings.HasSuffix(v, around[1]) {
			return true
		}
	}
	return isOneCharacter(v) || containsAny(v, placeholders())
}

// isOneCharacter tells rows of one character, as in ******** or an UUID of zeros.
func isOneCharacter(v string) bool {
	v = strings.ReplaceAll(v, "-", "")
	return len(v) > 3 && strings.Trim(v, v[:1]) == "" || v == ""
}
