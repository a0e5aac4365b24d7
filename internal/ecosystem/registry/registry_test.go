package registry

import (
	"testing"
	"testing/fstest"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

func TestDetect(t *testing.T) {
	for src, want := range map[string]string{
		"FROM python:3.11\nCMD [\"python\", \"-m\", \"http.server\"]\n": "python",
		"FROM golang:1.22\nCMD [\"go\", \"run\", \".\"]\n":              "golang",
		"FROM node:20\nCMD [\"node\", \"server.js\"]\n":                 "node",
		"FROM alpine\nCMD [\"true\"]\n":                                 "",
	} {
		f, err := dockerfile.Parse("Dockerfile", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		facts, err := Detect(ecosystem.Input{Context: fstest.MapFS{}, Dockerfile: f, Final: f.Final()})
		if err != nil {
			t.Fatal(err)
		}
		if got := nameOf(facts); got != want {
			t.Errorf("%q: got %q, want %q", src, got, want)
		}
	}
}

func nameOf(f *ecosystem.Facts) string {
	if f == nil {
		return ""
	}
	return f.Ecosystem
}

func TestNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range Detectors() {
		if d.Name == "" || d.Detect == nil || seen[d.Name] {
			t.Errorf("%q is empty or there twice", d.Name)
		}
		seen[d.Name] = true
	}
}
