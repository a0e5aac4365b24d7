package dockerfile

import (
	"fmt"
	"testing"
)

func TestPlatformArguments(t *testing.T) {
	const text = `FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ARG TARGETARCH
ENV ARCH=$TARGETARCH
FROM base-${TARGETARCH}:1
FROM --platform=linux/arm/v7 alpine
`
	for platform, want := range map[string]string{
		"":               "golang:1.26 base-${TARGETARCH}:1 alpine $TARGETARCH",
		"linux/arm64":    "golang:1.26 base-arm64:1 alpine arm64",
		"linux/amd64/v3": "golang:1.26 base-amd64:1 alpine amd64",
	} {
		f, err := ParseFor("Dockerfile", []byte(text), Build{Platform: platform})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, s := range f.Stages {
			got += f.BaseOf(s) + " "
		}
		end := f.EndState(f.Stages[0])
		arch, _ := end.EnvVar("ARCH")
		if got += arch.Value; got != want {
			t.Errorf("for %q:\ngot  %s\nwant %s", platform, got, want)
		}
	}
}

func TestPlatformOf(t *testing.T) {
	const text = `ARG OTHER=linux/s390x
FROM a
FROM --platform=$BUILDPLATFORM b
FROM --platform=$TARGETPLATFORM c
FROM --platform=linux/${TARGETARCH} d
FROM --platform=$OTHER e
FROM --platform=$UNKNOWN f
`
	f, err := Parse("Dockerfile", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range f.Stages {
		got = append(got, f.PlatformOf(s, "linux/arm64", "linux/amd64"))
	}
	if want := "[linux/arm64 linux/amd64 linux/arm64 linux/arm64 linux/s390x ]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestNeeded(t *testing.T) {
	const text = `FROM a AS one
FROM b AS two
FROM one AS three
FROM c AS four
COPY --from=three /x /x
FROM d AS five
COPY --from=two /x /x
`
	for target, want := range map[string]string{"four": "one three four", "": "two five", "one": "one", "none": ""} {
		f, err := ParseFor("Dockerfile", []byte(text), Build{Target: target})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, s := range f.Needed() {
			got += " " + s.Name
		}
		if got != "" {
			got = got[1:]
		}
		if got != want {
			t.Errorf("of target %q: %q, want %q", target, got, want)
		}
	}
}
