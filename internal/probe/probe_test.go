package probe

import (
	"regexp"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/agent"
)

func TestParse(t *testing.T) {
	for probe, want := range map[string]string{
		"/":                         "GET /\n",
		"GET /path?x=1":             "GET /path?x=1\n",
		" get  /path ":              "GET /path\n",
		"DELETE /notes/1":           "DELETE /notes/1\n",
		`POST /x {"a": [1, "b c"]}`: "POST /x\n  Content-Type: application/json\n  {\"a\": [1, \"b c\"]}\n",
		"POST /login user=a&word=b": "POST /login\n  Content-Type: application/x-www-form-urlencoded\n  user=a&word=b\n",
		"PUT /t just some text":     "PUT /t\n  Content-Type: text/plain; charset=utf-8\n  just some text\n",
		"POST /x {broken":           "POST /x\n  Content-Type: text/plain; charset=utf-8\n  {broken\n",
	} {
		r, err := Parse(probe)
		if got := describe([]Request{r}); err != nil || got != want || r.Origin != OriginUser {
			t.Errorf("Parse(%q) = %q, %v; want %q", probe, got, err, want)
		}
	}
	for probe, want := range map[string]string{
		"":                    "not one of the methods",
		"FETCH /x":            "not one of the methods",
		"GET":                 "must begin with a slash",
		"GET x":               "must begin with a slash",
		"GET http://h/x":      "must begin with a slash",
		"GET /%zz":            "can be asked for",
		"GET /a\x01b":         "can be asked for",
		"example.com/x GET /": "not one of the methods",
	} {
		if _, err := Parse(probe); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): error %v, want %q in it", probe, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("GET /path?x=1")
	f.Add(`POST /x {"a": 1}`)
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := Parse(s); err == nil {
			checkSendable(t, r)
		}
	})
}

func TestFromRoutes(t *testing.T) {
	routes := []Route{
		{"GET", "/notes/<int:note_id>"}, {"GET", "/users/{user_id:path}"}, {"GET", "/users/{id}/posts/:slug"}, {"post", "/notes"},
		{"GET", "/notes"}, {"GET", "/"}, {"GET", "/"}, {"DELETE", "/notes/{id}"}, {"PUT", "/notes"}, {"POST", "/auth/logout"},
		{"GET", "/static/(.*)"}, {"GET", "relative"}, {"GET", "/item/<uuid:key>"},
	}
	want := `GET /
GET /notes
POST /notes
  Content-Type: application/json
  {}
  gives notes = note_id, noteId, id, uuid, _id, key
GET /item/{item}
  item = 00000000-0000-4000-8000-000000000001
GET /notes/{notes}
  notes = 1
GET /users/{users}
  users = 1
GET /users/{users}/posts/{users/*/posts}
  users = 1
  users/*/posts = example
`
	if got := describe(FromRoutes(routes)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzFromRoutes(f *testing.F) {
	for _, path := range []string{"/a/{b}", "/<int:x>/:y", "/{{}}", "/{a}{b}", "/{", "/}{", "/:", "/a?b={c}", "/#x", "/{a/b}"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		for _, r := range FromRoutes([]Route{{"GET", path}, {"POST", path}}) {
			checkSendable(t, r)
		}
	})
}

func TestPlan(t *testing.T) {
	user, err := Parse("POST /notes {}")
	if err != nil {
		t.Fatal(err)
	}
	request := func(origin Origin, method, path string) Request {
		return Request{agent.HTTPRequest{Method: method, Path: path}, origin}
	}
	openapi := []Request{request(OriginOpenAPI, "POST", "/notes"), request(OriginOpenAPI, "GET", "/health"),
		request(OriginOpenAPI, "GET", "/notes?q=1"), request(OriginOpenAPI, "DELETE", "/notes/{notes}")}
	routes := []Request{request(OriginRoute, "GET", "/notes"), request(OriginRoute, "GET", "/hidden")}
	for _, c := range []struct {
		max  int
		want string
	}{
		{50, "health GET /health, user POST /notes, openapi POST /notes, openapi GET /notes?q=1, openapi DELETE /notes/{notes}, route GET /hidden"},
		{4, "health GET /health, user POST /notes, openapi GET /notes?q=1, route GET /hidden"},
		{1, "health GET /health, user POST /notes"},
	} {
		var got []string
		for _, r := range Plan([]Request{user, user}, "/health", openapi, routes, c.max) {
			got = append(got, string(r.Origin)+" "+r.String())
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("max %d:\ngot  %s\nwant %s", c.max, s, c.want)
		}
	}
	if got := Plan(nil, "", nil, nil, 10); len(got) != 0 {
		t.Errorf("out of nothing came %v", got)
	}
}

func TestMatchingMakesWhatMatches(t *testing.T) {
	for _, pattern := range []string{`^[A-Z]{3}-\d{2,4}$`, `^(a|b)+c?$`, `\w+@\w+\.com`, `^$`, `^[^a-z]+$`, `(?i)^abc$`, `^.{5}x*$`, `^\+?[1-9]\d{1,14}$`} {
		got, ok := matching(pattern)
		if !ok || !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("%s: %q, %v", pattern, got, ok)
		}
	}
	for _, pattern := range []string{`(?=look)x`, `[`, `^((((a{100}){10}){10}){10})$`, `a$b`, strings.Repeat("a", 2000)} {
		if got, ok := matching(pattern); ok {
			t.Errorf("%.40s: made %.40q, want nothing", pattern, got)
		}
	}
}
