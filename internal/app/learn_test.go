package app

import (
	"slices"
	"testing"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

func TestPackagesThatOthersBringAreNotNamed(t *testing.T) {
	all := []ecosystem.Package{
		{Name: "libldap", Brings: []string{"libsasl2"}}, {Name: "libpq5", Brings: []string{"libldap", "libsasl2"}},
		{Name: "libsasl2", Brings: []string{"libldap"}}, // as each other's dependency
		{Name: "libxml2"},
	}
	for _, c := range []struct{ lacking, want []string }{
		{[]string{"libldap", "libpq5", "libsasl2", "libxml2"}, []string{"libpq5", "libxml2"}},
		{[]string{"libldap", "libsasl2"}, []string{"libsasl2"}},
		{nil, nil},
	} {
		if got := withoutBrought(c.lacking, all); !slices.Equal(got, c.want) {
			t.Errorf("of %q: %q, want %q", c.lacking, got, c.want)
		}
	}
}

func TestCredentialsInArgumentsAreNotReported(t *testing.T) {
	const key = "AKIAIOSFODNN7EXAMPLQ"
	o := observedOf(&ecosystem.Observed{
		Port: 80, Sockets: []ecosystem.Socket{{Address: "::", Port: 80, PID: 2}},
		Processes: []ecosystem.Process{{PID: 1, Argv: []string{"sh"}}, {PID: 2, PPID: 1, Argv: []string{"app", "--key=" + key}}},
		Writes:    []ecosystem.Write{{Path: "/srv/x"}, {Path: "/srv/y", Dir: true}},
	})
	if len(o.Serving) != 2 || o.Serving[0] != "app" || o.Serving[1] == "--key="+key {
		t.Errorf("serving %q", o.Serving)
	}
	if !slices.Equal(o.Listening, []string{"[::]:80"}) || !slices.Equal(o.Writes, []string{"/srv/x", "/srv/y/"}) {
		t.Errorf("listening %q, writes %q", o.Listening, o.Writes)
	}
}
