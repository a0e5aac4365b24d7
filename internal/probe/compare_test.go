package probe

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// answer makes an answer of a status, a content type and a body.
func answer(status int, contentType, body string) Answer {
	sum := sha256.Sum256([]byte(body))
	return Answer{Path: "/asked", Status: status, Headers: map[string]string{"Content-Type": contentType, "Date": body, "Server": body},
		Body: []byte(body), Length: int64(len(body)), SHA256: hex.EncodeToString(sum[:])}
}

func jsonAnswer(body string) Answer { return answer(200, "application/json", body) }
func textAnswer(body string) Answer { return answer(200, "text/plain", body) }

// compareOne compares the answers to one request.
func compareOne(b1, b2, a Answer) Result {
	request := Request{}
	request.Method, request.Path = "GET", "/template"
	return Compare([]Request{request}, []Answer{b1}, []Answer{b2}, []Answer{a}, nil)[0]
}

func TestCompare(t *testing.T) {
	const (
		same       = "same"
		different  = "different"
		statusOnly = "same, status only"
		not        = "not comparable"
	)
	refused, cut := Answer{Error: "connection refused"}, jsonAnswer(`{}`)
	cut.Error = "reading the body: unexpected EOF"
	moved := func(to string) Answer {
		a := answer(302, "", "")
		a.Headers["Location"] = to
		return a
	}
	big := func(body string) Answer {
		a := jsonAnswer(body)
		a.Truncated, a.Body = true, nil
		return a
	}
	for _, c := range []struct {
		name                string
		b1, b2, a           Answer
		want, noise, differ string
	}{
		{"equal JSON in another order and layout", jsonAnswer(`{"a":1,"b":[true,null]}`), jsonAnswer(`{"a":1,"b":[true,null]}`),
			jsonAnswer(`{ "b": [true, null], "a": 1 }`), same, "", ""},
		{"a member changed", jsonAnswer(`{"items":[0,1,{"name":"a"}]}`), jsonAnswer(`{"items":[0,1,{"name":"a"}]}`),
			jsonAnswer(`{"items":[0,1,{"name":"b"}]}`), different, "", `$.items[2].name: "a" → "b"`},
		{"noise is left out", jsonAnswer(`{"uptime":1,"a":{"id":"x"},"n":1}`), jsonAnswer(`{"uptime":2,"a":{"id":"y"},"n":1}`),
			jsonAnswer(`{"uptime":3,"a":{"id":"z"},"n":1}`), same, "$.a.id, $.uptime", ""},
		{"noise hides no difference elsewhere", jsonAnswer(`{"uptime":1,"n":1}`), jsonAnswer(`{"uptime":2,"n":1}`),
			jsonAnswer(`{"uptime":3,"n":2}`), different, "$.uptime", `$.n: 1 → 2`},
		{"noise that becomes another kind of value", jsonAnswer(`{"at":1,"n":1}`), jsonAnswer(`{"at":2,"n":1}`),
			jsonAnswer(`{"at":{"x":3},"n":1}`), same, "$.at", ""},
		{"what holds noise is gone", jsonAnswer(`{"a":{"id":1},"n":1}`), jsonAnswer(`{"a":{"id":2},"n":1}`),
			jsonAnswer(`{"n":1}`), different, "$.a.id", `$.a: an object of 1 members → absent`},
		{"a list that is never as long", jsonAnswer(`{"l":[1],"n":1}`), jsonAnswer(`{"l":[1,2],"n":1}`), jsonAnswer(`{"l":[],"n":1}`),
			same, "$.l", ""},
		{"a list of another length", jsonAnswer(`[1]`), jsonAnswer(`[1]`), jsonAnswer(`[1,2]`), different, "", `$: a list of 1 → a list of 2`},
		{"odd names", jsonAnswer(`{"a b.c":{"":1}}`), jsonAnswer(`{"a b.c":{"":1}}`), jsonAnswer(`{"a b.c":{"":null}}`), different, "",
			`$["a b.c"][""]: 1 → null`},
		{"all members are noise", jsonAnswer(`{"t":1}`), jsonAnswer(`{"t":2}`), jsonAnswer(`{"t":3}`), statusOnly, "$.t, the whole body", ""},
		{"the value itself is noise", jsonAnswer(`1`), jsonAnswer(`2`), jsonAnswer(`3`), statusOnly, "the whole body", ""},
		{"noise with an additional member", jsonAnswer(`{"t":1}`), jsonAnswer(`{"t":2}`), jsonAnswer(`{"t":3,"u":1}`), different,
			"$.t, the whole body", `$.u: absent → 1`},
		{"several differences", jsonAnswer(`{"a":1,"b":1,"c":1}`), jsonAnswer(`{"a":1,"b":1,"c":1}`), jsonAnswer(`{"a":2,"b":2,"c":2}`),
			different, "", `$.a: 1 → 2; and 2 more`},
		{"a secret's member", jsonAnswer(`{"api_key":"k1"}`), jsonAnswer(`{"api_key":"k1"}`), jsonAnswer(`{"api_key":"k2"}`), different, "",
			`$.api_key: (not shown) → (not shown)`},
		{"JSON with something after it is text", jsonAnswer("{}\n{}"), jsonAnswer("{}\n{}"), jsonAnswer("{}\n[]"), different, "", `line 2: "{}" → "[]"`},
		{"JSON became text", jsonAnswer(`{}`), jsonAnswer(`{}`), textAnswer(`oops`), different, "",
			`content type: application/json → text/plain; and 1 more`},
		{"text by line", textAnswer("a\nt=1\nb"), textAnswer("a\nt=2\nb"), textAnswer("a\nt=3\nB"), different, "line 2", `line 3: "b" → "B"`},
		{"text that differs in noise alone", textAnswer("a\nt=1"), textAnswer("a\nt=2"), textAnswer("a\nt=3"), same, "line 2", ""},
		{"text of one noisy line", textAnswer("a"), textAnswer("b"), textAnswer("c"), statusOnly, "line 1, the whole body", ""},
		{"text never as long", textAnswer("1"), textAnswer("2\n3"), textAnswer("4"), statusOnly, "the whole body", ""},
		{"text of another length", textAnswer("a"), textAnswer("a"), textAnswer("a\nb"), different, "", `number of lines: 1 → 2`},
		{"empty bodies", answer(204, "", ""), answer(204, "", ""), answer(204, "", ""), same, "", ""},
		{"bytes", textAnswer("\xff1"), textAnswer("\xff1"), textAnswer("\xff2"), different, "",
			"body: 2 bytes, sha256 " + textAnswer("\xff1").SHA256[:12] + " → 2 bytes, sha256 " + textAnswer("\xff2").SHA256[:12]},
		{"bytes that always differ", textAnswer("\xff1"), textAnswer("\xff2"), textAnswer("\xff3"), statusOnly, "the whole body", ""},
		{"cut off, by hash", big(`{"a":1}`), big(`{"a":1}`), big(`{"a":1}`), same, "", ""},
		{"status", jsonAnswer(`{}`), jsonAnswer(`{}`), answer(500, "application/json", `{}`), different, "", `status: 200 → 500`},
		{"status is noise", answer(200, "", ""), answer(503, "", ""), answer(503, "", ""), same, "status", ""},
		{"status is noise, and after is neither", answer(200, "", ""), answer(503, "", ""), answer(404, "", ""), different, "status", `status: 200 → 404`},
		{"content type in another spelling", answer(200, "Text/HTML; charset=UTF-8", "x"), answer(200, "text/html;charset=utf-8", "x"),
			answer(200, "text/html; charset=utf-8", "x"), same, "", ""},
		{"redirection", moved("/a"), moved("/a"), moved("/b"), different, "", `redirection: /a → /b`},
		{"no answer on either side", refused, refused, refused, not, "", "before: no answer (connection refused); after: no answer (connection refused)"},
		{"no answer before", refused, refused, jsonAnswer(`{}`), not, "", "before: no answer (connection refused); after: 200"},
		{"an answer in one of two runs", jsonAnswer(`{}`), Answer{}, jsonAnswer(`{}`), not, "", "before answered in one of two runs: no answer; after: 200"},
		{"no answer after", jsonAnswer(`{}`), jsonAnswer(`{}`), refused, different, "", "200 → no answer (connection refused)"},
		{"a body that broke off", jsonAnswer(`{}`), jsonAnswer(`{}`), cut, different, "", "200 → 200, then reading the body: unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := compareOne(c.b1, c.b2, c.a)
			got := different
			switch {
			case !r.Comparable:
				got = not
			case r.Same && r.StatusOnly:
				got = statusOnly
			case r.Same:
				got = same
			}
			if got != c.want || strings.Join(r.Noise, ", ") != c.noise || r.Difference != c.differ {
				t.Errorf("got  %s, noise %q, difference %s\nwant %s, noise %q, difference %s", got, r.Noise, r.Difference, c.want, c.noise, c.differ)
			}
			if !r.Comparable && r.Same {
				t.Error("what can't be compared is called the same")
			}
		})
	}
}

func TestCompareNamesWhatWasReallyAsked(t *testing.T) {
	if r := compareOne(jsonAnswer(`1`), jsonAnswer(`1`), jsonAnswer(`1`)); r.Method != "GET" || r.Path != "/asked" || r.Before != 200 || r.After != 200 {
		t.Errorf("got %+v", r)
	}
	if r := Compare(make([]Request, 2), []Answer{jsonAnswer(`1`)}, nil, nil, nil); len(r) != 2 || r[0].Comparable || r[0].Difference == "" {
		t.Errorf("got %+v", r)
	}
}

func TestDifferencesAreRedactedBeforeTheyAreShortened(t *testing.T) {
	secret := strings.Repeat("s3cr3t", 20)
	redact := func(s string) string { return strings.ReplaceAll(s, secret, "***") }
	for _, c := range [][2]Answer{
		{jsonAnswer(`{"dsn":"db:` + secret + `@h"}`), jsonAnswer(`{"dsn":"none"}`)},
		{textAnswer("dsn=" + secret), textAnswer("dsn=none")},
		{textAnswer("x"), {Error: "dial " + secret + "\nnext line"}},
	} {
		r := Compare(make([]Request, 1), []Answer{c[0]}, []Answer{c[0]}, []Answer{c[1]}, redact)[0]
		if r.Same || strings.Contains(r.Difference, "s3cr3t") || !strings.Contains(r.Difference, "***") || strings.Contains(r.Difference, "\n") {
			t.Errorf("difference %s", r.Difference)
		}
	}
}

func TestLongDifferencesAndMuchNoiseAreBounded(t *testing.T) {
	long := strings.Repeat("ä", 10_000)
	r := compareOne(jsonAnswer(`{"`+long+`":"`+long+`"}`), jsonAnswer(`{"`+long+`":"`+long+`"}`), jsonAnswer(`{"`+long+`":"x"}`))
	if utf8.RuneCountInString(r.Difference) > maxDifference {
		t.Errorf("the difference has %d characters", utf8.RuneCountInString(r.Difference))
	}
	r = compareOne(textAnswer(strings.Repeat("a\n", 100)), textAnswer(strings.Repeat("b\n", 100)), textAnswer(strings.Repeat("c\n", 100)))
	if len(r.Noise) != maxNoise+1 || r.Noise[maxNoise] != "and 81 more" {
		t.Errorf("noise %q", r.Noise)
	}
}

// FuzzCompare holds what must be true of any answers.
func FuzzCompare(f *testing.F) {
	f.Add(`{"a":1}`, `{"a":2}`, `{"a":[1,2]}`)
	f.Add("a\nb", "a\nc", "x")
	f.Add("\xff", "", `{"a":{"b":[{}]}}`)
	f.Add(`{"a.b":{"[":1}}`, `{"a.b":{"[":2}}`, `null`)
	f.Fuzz(func(t *testing.T, x, y, z string) {
		a, b, c := jsonAnswer(x), jsonAnswer(y), jsonAnswer(z)
		if r := compareOne(a, a, a); !r.Same || !r.Comparable || r.Noise != nil || r.Difference != "" {
			t.Errorf("an answer is not the same as itself: %+v", r)
		}
		if compareOne(a, a, b).Same != compareOne(b, b, a).Same {
			t.Error("same one way and not the other")
		}
		r1, r2 := compareOne(a, b, c), compareOne(b, a, c)
		if r1.Same != r2.Same || !slices.Equal(r1.Noise, r2.Noise) {
			t.Errorf("the order of the runs of before matters: %+v, %+v", r1, r2)
		}
		if r := compareOne(a, b, a); !r.Same {
			t.Errorf("after as one of the runs of before is different: %+v", r)
		}
		if (r1.Difference == "") != r1.Same || strings.Contains(r1.Difference, "\n") {
			t.Errorf("difference %q of %+v", r1.Difference, r1)
		}
	})
}
