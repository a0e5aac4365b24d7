package secret

import (
	"bytes"
	"encoding/base64"
	"net/url"
)

// Form is a way in which a value can be written.
type Form string

// The forms that a Scanner knows.
const (
	Plain      Form = "plain"
	Base64     Form = "base64"
	URLEncoded Form = "url-encoded"
)

// needle is one text that is searched for.
type needle struct {
	value int // index of the value that it stands for
	form  Form
	text  []byte
}

// formsOf are the needles of a value. In base64 a value's digits depend on how
// many bytes stand before it, so that there are three of them, without the digits
// at both ends that depend on the neighbours; each in both alphabets.
func formsOf(value int, text []byte, encoded bool) []needle {
	out := []needle{{value, Plain, bytes.Clone(text)}}
	if !encoded {
		return out
	}
	for shift := range 3 {
		for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			out = appendNew(out, needle{value, Base64, base64Core(text, shift, alphabet)})
		}
	}
	for _, escape := range []func(string) string{url.QueryEscape, url.PathEscape} {
		out = appendNew(out, needle{value, URLEncoded, []byte(escape(string(text)))})
	}
	return out
}

func base64Core(text []byte, shift int, alphabet *base64.Encoding) []byte {
	padded := append(make([]byte, shift), text...)
	first := (shift*8 + 5) / 6
	last := len(padded) * 8 / 6
	return []byte(alphabet.EncodeToString(padded))[first:last]
}

func appendNew(needles []needle, n needle) []needle {
	for _, known := range needles {
		if bytes.Equal(known.text, n.text) {
			return needles
		}
	}
	if len(n.text) < MinNeedle {
		return needles
	}
	return append(needles, n)
}
