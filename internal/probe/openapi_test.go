package probe

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// describe writes requests as the wanted files do.
func describe(requests []Request) string {
	var b strings.Builder
	for _, r := range requests {
		fmt.Fprintln(&b, r)
		for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
			fmt.Fprintf(&b, "  %s: %s\n", name, r.Headers[name])
		}
		if r.Body != nil {
			fmt.Fprintf(&b, "  %s\n", strings.TrimSpace(regexp.MustCompile(`\r?\n`).ReplaceAllString(string(r.Body), " ")))
		}
		for _, name := range slices.Sorted(maps.Keys(r.Values)) {
			fmt.Fprintf(&b, "  %s = %s\n", name, r.Values[name])
		}
		for _, name := range slices.Sorted(maps.Keys(r.Captures)) {
			fmt.Fprintf(&b, "  gives %s = %s\n", name, strings.Join(r.Captures[name], ", "))
		}
	}
	return b.String()
}

func openAPICases(t testing.TB) map[string]*txtar.Archive {
	t.Helper()
	files, err := filepath.Glob("testdata/openapi/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases found: %v", err)
	}
	cases := map[string]*txtar.Archive{}
	for _, f := range files {
		if cases[f], err = txtar.ParseFile(f); err != nil || len(cases[f].Files) != 2 {
			t.Fatalf("%s: want openapi.json and want; %v", f, err)
		}
	}
	return cases
}

func TestFromOpenAPI(t *testing.T) {
	for name, c := range openAPICases(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			requests, err := FromOpenAPI(c.Files[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := describe(requests), string(c.Files[1].Data); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestFromOpenAPIRefuses(t *testing.T) {
	for doc, want := range map[string]string{
		``:                        "not a JSON object",
		`[]`:                      "not a JSON object",
		`<html>`:                  "not a JSON object",
		`{}`:                      "names no version",
		`{"openapi":"2.9"}`:       "names no version",
		`{"swagger":"1.2"}`:       "names no version",
		`{"openapi":3}`:           "names no version",
		`{"openapi":"3.0.0"`:      "not a JSON object",
		strings.Repeat("[", 1e5):  "not a JSON object",
		`{"paths":{"/":{}}}`:      "names no version",
		`{"openapi":"3.1.0",}`:    "not a JSON object",
		`{"swagger":"2.0","a":{}`: "not a JSON object",
	} {
		if _, err := FromOpenAPI([]byte(doc)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error %v, want %q in it", doc, err, want)
		}
	}
}

func TestTooManyOperationsKeepTheTellingOnes(t *testing.T) {
	paths := map[string]any{}
	for i := range 40 {
		paths[fmt.Sprintf("/r%02d", i)] = map[string]any{"get": map[string]any{}, "post": map[string]any{}}
		paths[fmt.Sprintf("/r%02d/{id}", i)] = map[string]any{"delete": map[string]any{}}
	}
	doc, err := json.Marshal(map[string]any{"openapi": "3.0.0", "paths": paths})
	if err != nil {
		t.Fatal(err)
	}
	requests, err := FromOpenAPI(doc)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, r := range requests {
		count[r.Method]++
	}
	if len(requests) != MaxRequests || count["GET"] != 40 || count["POST"] != 10 || requests[0].Method != "POST" {
		t.Errorf("got %v, the first is %v", count, requests[0])
	}
}

func FuzzFromOpenAPI(f *testing.F) {
	for _, c := range openAPICases(f) {
		f.Add(c.Files[0].Data)
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		requests, err := FromOpenAPI(doc)
		if err != nil {
			return
		}
		again, _ := FromOpenAPI(doc)
		if describe(requests) != describe(again) {
			t.Error("the same document gave other requests")
		}
		if len(requests) > MaxRequests {
			t.Errorf("%d requests", len(requests))
		}
		for _, r := range requests {
			checkSendable(t, r)
		}
	})
}

// checkSendable makes sure that package net/http takes a request.
func checkSendable(t *testing.T, r Request) {
	t.Helper()
	if !strings.HasPrefix(r.Path, "/") {
		t.Errorf("path %q has no slash", r.Path)
	}
	if _, err := http.NewRequest(r.Method, "http://127.0.0.1"+r.Path, nil); err != nil {
		t.Error(err)
	}
	for name, value := range r.Headers {
		if strings.ContainsAny(name+value, "\r\n") {
			t.Errorf("header %q: %q", name, value)
		}
	}
}
