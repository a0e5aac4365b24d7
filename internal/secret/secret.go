// Package secret finds credentials: by the shape of a value (gitleaks' rules), by
// the name of a variable, and by the name of a file. It also searches streams for
// values that are known.
//
// A Match never holds the value that it is about, only where it is and how it may be shown.
package secret

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"unicode/utf8"
)

// Certainty says how sure it is that a match is a credential.
type Certainty int

const (
	// Unlikely: it is named as a credential, but the value reads like a
	// placeholder. It is still worth a look: what is not replaced is what runs.
	Unlikely Certainty = iota + 1
	// Likely: its name or its surroundings say so.
	Likely
	// Certain: it has the form of a credential of a known kind.
	Certain
)

// String is for messages.
func (c Certainty) String() string {
	switch c {
	case Unlikely:
		return "unlikely"
	case Likely:
		return "likely"
	case Certain:
		return "certain"
	default:
		return "unknown"
	}
}

// Match is a credential that was found.
type Match struct {
	Rule string // "github-pat", "name", "url-password", "file"
	Name string // of the variable or file, if there is one
	Why  string // in a few words, fit to follow "because"
	// Redacted is the value as it may be shown, empty for a file as a whole; Hash
	// tells whether two are the same.
	Redacted  string
	Hash      string
	Certainty Certainty
	// Offset and Length are the value's place in what was searched: the text, or
	// the value of the variable. Both are 0 when a file as a whole is meant.
	Offset, Length int
	Line           int // counts from 1; 0 when there is none
}

func newMatch(rule, value string) Match {
	return Match{Rule: rule, Redacted: Redact(value), Hash: Hash(value), Length: len(value)}
}

func (m Match) overlaps(other Match) bool {
	return m.Offset < other.Offset+other.Length && other.Offset < m.Offset+m.Length
}

// shortValue is the number of characters up to which a value may be a word
// that a person chose. Showing a part of it, or enough of its hash to check a guess
// against, would give it away.
const shortValue = 19

// Redact is a form of a value that can be printed: of a long one the first and last two
// characters and a part of its hash, of a short one its length and less of its hash.
func Redact(value string) string {
	n := utf8.RuneCountInString(value)
	if n == 0 {
		return "(empty)"
	}
	if n <= shortValue {
		return fmt.Sprintf("(%d characters, sha256 %s…)", n, Hash(value))
	}
	runes := []rune(value)
	return fmt.Sprintf("%s…%s (%d characters, sha256 %s…)", visible(runes[:2]), visible(runes[n-2:]), n, Hash(value))
}

func visible(runes []rune) string {
	quoted := fmt.Sprintf("%+q", string(runes))
	return quoted[1 : len(quoted)-1]
}

// Hash is the start of the value's SHA-256 in hexadecimal: 12 digits, or 4 for a short value.
func Hash(value string) string {
	sum := sha256.Sum256([]byte(value))
	digits := hex.EncodeToString(sum[:])
	if utf8.RuneCountInString(value) <= shortValue {
		return digits[:4]
	}
	return digits[:12]
}

// Value holds a credential that must be handed on, to a container for example.
// However it is printed, logged or marshalled, it shows its redacted form.
type Value struct{ raw string }

// NewValue wraps a credential.
func NewValue(raw string) Value { return Value{raw} }

// Reveal returns the credential itself.
func (v Value) Reveal() string { return v.raw }

// String is the redacted form.
func (v Value) String() string { return Redact(v.raw) }

// Format prints the redacted form for every verb.
func (v Value) Format(f fmt.State, _ rune) { io.WriteString(f, v.String()) }

// MarshalJSON writes the redacted form.
func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.String()) }

// MarshalText writes the redacted form.
func (v Value) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// LogValue logs the redacted form.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }
