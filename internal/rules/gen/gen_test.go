package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListIsFresh(t *testing.T) {
	want, err := list("..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", output))
	if err != nil || string(got) != string(want) {
		t.Errorf("internal/rules/%s is stale: run go generate ./... (%v)\nwant:\n%s", output, err, want)
	}
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"b.go":      "package rules\nvar bee = &rule.Rule{ID: \"b\"}\nvar other = &rule.Pass{}\n",
		"a.go":      "package rules\nvar (\n\tant = &rule.Rule{}\n\tn = 1\n)\n",
		"a_test.go": "package rules\nvar fake = &rule.Rule{}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := list(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), "{\n\t\tant,\n\t\tbee,\n\t}") {
		t.Errorf("got\n%s", got)
	}
}
