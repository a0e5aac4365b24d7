package image

import (
	"slices"
	"strings"
	"testing"
)

func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		ref  string
		want string // kind=tag, the asked one first; another repository's name before the tag
		slim string // the kind recommended
	}{
		{"python:3.11", "full=3.11 slim=3.11-slim alpine=3.11-alpine", "slim"},
		{"python", "full=latest slim=slim alpine=alpine", "slim"},
		{"python:bookworm", "full=bookworm slim=slim-bookworm alpine=alpine", "slim"},
		{"python:3.11-bookworm", "full=3.11-bookworm slim=3.11-slim-bookworm alpine=3.11-alpine", "slim"},
		{"python:3.11-slim-bookworm", "slim=3.11-slim-bookworm full=3.11-bookworm alpine=3.11-alpine", ""},
		{"python:3.11-alpine3.20", "alpine=3.11-alpine3.20 full=3.11 slim=3.11-slim", ""},
		{"python:3.13-rc", "full=3.13-rc slim=3.13-rc-slim alpine=3.13-rc-alpine", "slim"},
		{"node:20", "full=20 slim=20-slim alpine=20-alpine", "slim"},
		{"node:20-bookworm", "full=20-bookworm slim=20-bookworm-slim alpine=20-alpine", "slim"},
		{"golang:1.22", "full=1.22 alpine=1.22-alpine", ""},
		{"php:8.3-fpm", "full=8.3-fpm alpine=8.3-fpm-alpine", ""},
		{"eclipse-temurin:21-jdk-jammy", "jdk=21-jdk-jammy jre=21-jre-jammy jdk-alpine=21-jdk-alpine jre-alpine=21-jre-alpine", "jre"},
		{"eclipse-temurin:21", "jdk=21 jre=21-jre jdk-alpine=21-jdk-alpine jre-alpine=21-jre-alpine", "jre"},
		{"eclipse-temurin:21-jdk-alpine", "jdk-alpine=21-jdk-alpine jdk=21-jdk jre=21-jre jre-alpine=21-jre-alpine", "jre-alpine"},
		{"openjdk:17-slim", "jdk-slim=17-slim jdk=17-jdk jre=17-jre jre-slim=17-jre-slim jdk-alpine=17-jdk-alpine jre-alpine=17-jre-alpine", "jre-slim"},
		{"mcr.microsoft.com/dotnet/sdk:8.0-bookworm-slim", "sdk=8.0-bookworm-slim sdk-alpine=8.0-alpine aspnet=aspnet:8.0-bookworm-slim aspnet-chiseled=aspnet:8.0-bookworm-slim-chiseled aspnet-alpine=aspnet:8.0-alpine runtime=runtime:8.0-bookworm-slim", "aspnet"},
		{"debian:bookworm", "full=bookworm slim=bookworm-slim", "slim"},
		{"debian:12", "full=12 slim=12-slim", "slim"},
		{"debian", "full=latest", "slim"}, // there is no debian:slim to recommend
		{"ubuntu:24.04", "=24.04", ""},
		{"example.com/team/python:3.11", "=3.11", ""},
		{"python:3.11-windowsservercore", "full=3.11-windowsservercore slim=3.11-windowsservercore-slim alpine=3.11-windowsservercore-alpine", "slim"},
	} {
		r, err := ParseReference(c.ref)
		if err != nil {
			t.Fatal(err)
		}
		variants, tag, err := candidates(r)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range variants {
			where := ""
			if v.Repository != r.Repository() {
				where = v.Repository[strings.LastIndexByte(v.Repository, '/')+1:] + ":"
			}
			got = append(got, v.Kind+"="+where+v.Tag)
		}
		if g := strings.Join(got, " "); g != c.want || tag.form.Slimmer != c.slim {
			t.Errorf("%s:\n got %s, slimmer %q\nwant %s, slimmer %q", c.ref, g, tag.form.Slimmer, c.want, c.slim)
		}
	}
}

// The tables are data written by hand, so what they must hold to is tested.
func TestTablesAreSound(t *testing.T) {
	table, err := namings()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	kinds := map[string][]string{}
	for _, n := range table {
		for _, repository := range n.Repositories {
			r, err := ParseReference(repository)
			if err != nil || r.Repository() != repository || seen[repository] {
				t.Errorf("%s: not normalised, or there twice (%v)", repository, err)
			}
			seen[repository] = true
			for _, f := range n.Forms {
				kinds[repository] = append(kinds[repository], f.Kind)
			}
		}
		for _, f := range n.Forms {
			i := slices.IndexFunc(n.Forms, func(g form) bool { return g.Kind == f.Slimmer })
			if f.Slimmer != "" && (i < 0 || n.Forms[i].Musl != f.Musl) {
				t.Errorf("%v: %s recommends %q, which is not there or has another C library", n.Repositories, f.Kind, f.Slimmer)
			}
		}
	}
	sizes, err := estimates()
	if err != nil || sizes.Date == "" || sizes.Source == "" || len(sizes.Sizes) == 0 {
		t.Fatalf("estimates: %+v, %v", sizes, err)
	}
	for _, e := range sizes.Sizes {
		for kind, mb := range e.Megabytes {
			if !slices.Contains(kinds[e.Repository], kind) || mb <= 0 {
				t.Errorf("estimate of %s %s = %d: no such kind or no size", e.Repository, kind, mb)
			}
		}
	}
}
