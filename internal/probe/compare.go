package probe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"strings"
	"unicode/utf8"
)

const (
	maxNoise      = 20  // named places of one answer
	maxValue      = 60  // characters of one value in a Difference
	maxDifference = 300 // characters
	wholeBody     = "the whole body"
)

// Result says whether a request was answered alike before and after.
type Result struct {
	Request Request `json:"-"`
	Method  string  `json:"method"`
	Path    string  `json:"path"`   // as really asked before
	Before  int     `json:"before"` // status of the first run of before; 0 for no answer
	After   int     `json:"after"`
	// Same is set when status, content type, redirection and body are equal
	// but for noise. Where nothing can be compared it is not set.
	Same bool `json:"same"`
	// Comparable is not set when before itself gave no answer, or there was none to compare.
	Comparable bool `json:"comparable"`
	// StatusOnly is set when the body was all noise, so that Same rests on the status and content type.
	StatusOnly bool `json:"status_only,omitempty"`
	// Noise names what differed between two runs of before, and so was not
	// compared: "$.uptime", "line 3", "status", "the whole body".
	Noise []string `json:"noise,omitempty"`
	// Difference is one readable line: `$.items[2].name: "a" → "b"`.
	Difference string `json:"difference,omitempty"`
}

// Compare compares the answers of two runs of before and one of after, each in the
// order of requests. What differs between the two runs of before is noise:
// they should be runs of two containers, so that the noise has what each start makes
// anew. Values in Difference pass through redact if it is not nil, whole, before they are shortened;
// those of members that are called like a secret are never shown.
func Compare(requests []Request, before1, before2, after []Answer, redact func(string) string) []Result {
	if redact == nil {
		redact = func(s string) string { return s }
	}
	results := make([]Result, len(requests))
	for i, r := range requests {
		results[i] = Result{Request: r, Method: r.Method, Path: r.Path}
		if i >= len(before1) || i >= len(before2) || i >= len(after) {
			results[i].Difference = "not asked in every run"
			continue
		}
		c := comparison{Result: &results[i], redact: redact}
		c.run(before1[i], before2[i], after[i])
	}
	return results
}

// comparison fills in one result.
type comparison struct {
	*Result
	redact      func(string) string
	differences []string
	more        int // differences beyond the first few
}

func (c *comparison) run(b1, b2, a Answer) {
	c.Before, c.After = b1.Status, a.Status
	if b1.Path != "" {
		c.Path = b1.Path
	}
	if why := unusable(b1, b2); why != "" {
		c.Difference = c.short(why+"; after: "+outcome(a), maxDifference)
		return
	}
	c.Comparable = true
	if !answered(a) {
		c.Difference = c.short(outcome(b1)+" → "+outcome(a), maxDifference)
		return
	}
	c.value("status", fmt.Sprint(b1.Status), fmt.Sprint(b2.Status), fmt.Sprint(a.Status))
	c.value("redirection", b1.Headers["Location"], b2.Headers["Location"], a.Headers["Location"])
	if !redirects(b1) || !redirects(b2) || !redirects(a) { // what comes with a redirection is for nobody to see
		c.value("content type", mediaType(b1), mediaType(b2), mediaType(a))
		c.body(b1, b2, a)
	}
	c.Same = len(c.differences) == 0
	c.Difference = strings.Join(c.differences, "; ")
	if c.more > 0 {
		c.Difference += fmt.Sprintf("; and %d more", c.more)
	}
	if n := len(c.Noise); n > maxNoise {
		c.Noise = append(c.Noise[:maxNoise:maxNoise], fmt.Sprintf("and %d more", n-maxNoise))
	}
}

// redirects reports whether an answer sends its reader elsewhere.
func redirects(a Answer) bool {
	return a.Status >= 300 && a.Status < 400 && a.Headers["Location"] != ""
}

// unusable says why two runs of before can't be compared with anything, "" if they can.
func unusable(b1, b2 Answer) string {
	switch {
	case answered(b1) && answered(b2):
		return ""
	case answered(b1):
		return "before answered in one of two runs: " + outcome(b2)
	default:
		return "before: " + outcome(b1)
	}
}

// answered reports whether an answer came, whole.
func answered(a Answer) bool { return a.Status != 0 && a.Error == "" }

func outcome(a Answer) string {
	switch {
	case answered(a):
		return fmt.Sprint(a.Status)
	case a.Error == "":
		return "no answer"
	case a.Status != 0:
		return fmt.Sprintf("%d, then %s", a.Status, a.Error)
	}
	return "no answer (" + a.Error + ")"
}

// value compares one value; if it is noise, after must still be like one of the two.
func (c *comparison) value(name, b1, b2, a string) {
	if b1 != b2 {
		c.Noise = append(c.Noise, name)
	}
	if a != b1 && a != b2 {
		c.differ(name, oneLine(c.redact(b1)), oneLine(c.redact(a)))
	}
}

// mediaType is the content type in one spelling.
func mediaType(a Answer) string {
	t, parameters, err := mime.ParseMediaType(a.Headers["Content-Type"])
	if err != nil {
		return strings.ToLower(strings.TrimSpace(a.Headers["Content-Type"]))
	}
	delete(parameters, "boundary")
	if charset, ok := parameters["charset"]; ok {
		parameters["charset"] = strings.ToLower(charset)
	}
	return mime.FormatMediaType(t, parameters)
}

// body compares bodies: as JSON if all are, by line if all are text, else as a whole.
func (c *comparison) body(b1, b2, a Answer) {
	answers := []Answer{b1, b2, a}
	if docs, ok := allJSON(answers); ok {
		c.json(docs[0], docs[1], docs[2])
		return
	}
	for _, one := range answers {
		if one.Truncated || !utf8.Valid(one.Body) {
			c.whole(b1, b2, a)
			return
		}
	}
	c.lines(string(b1.Body), string(b2.Body), string(a.Body))
}

func allJSON(answers []Answer) ([]any, bool) {
	docs := make([]any, len(answers))
	for i, a := range answers {
		if a.Truncated {
			return nil, false
		}
		d := json.NewDecoder(bytes.NewReader(a.Body))
		d.UseNumber()
		if d.Decode(&docs[i]) != nil {
			return nil, false
		}
		if _, err := d.Token(); err != io.EOF { // something follows
			return nil, false
		}
	}
	return docs, true
}

// whole compares bodies by length and hash.
func (c *comparison) whole(b1, b2, a Answer) {
	fingerprint := func(a Answer) string {
		return fmt.Sprintf("%d bytes, sha256 %.12s", a.Length, a.SHA256)
	}
	if fingerprint(b1) != fingerprint(b2) {
		c.allNoise()
	} else if fingerprint(b1) != fingerprint(a) {
		c.differ("body", fingerprint(b1), fingerprint(a))
	}
}

// lines compares texts line by line; texts of different lengths are noise as a whole.
func (c *comparison) lines(b1, b2, a string) {
	l1, l2, la := strings.Split(b1, "\n"), strings.Split(b2, "\n"), strings.Split(a, "\n")
	if len(l1) != len(l2) {
		c.allNoise()
		return
	}
	compared := 0
	for i := range l1 {
		name := fmt.Sprintf("line %d", i+1)
		switch {
		case l1[i] != l2[i]:
			c.Noise = append(c.Noise, name)
		case i < len(la) && l1[i] != la[i]:
			c.differ(name, quote(l1[i], c.redact), quote(la[i], c.redact))
			compared++
		case l1[i] != "":
			compared++
		}
	}
	if len(l1) != len(la) {
		c.differ("number of lines", fmt.Sprint(len(l1)), fmt.Sprint(len(la)))
	}
	if compared == 0 && b1 != b2 {
		c.allNoise()
	}
}

// allNoise notes that nothing of the body could be compared.
func (c *comparison) allNoise() {
	c.Noise, c.StatusOnly = append(c.Noise, wholeBody), true
}

// differ notes a difference; the values are safe to show.
func (c *comparison) differ(name, before, after string) {
	line := fmt.Sprintf("%s: %s → %s", shorten(name, maxValue), shorten(before, maxValue), shorten(after, maxValue))
	if len(c.differences) > 0 {
		c.more++
		return
	}
	c.differences = append(c.differences, line)
}

// short makes a message of the application's or the system's one line that can be shown.
func (c *comparison) short(s string, limit int) string {
	return shorten(oneLine(c.redact(s)), limit)
}
