package observe

import (
	"fmt"
	"testing"
)

// As with docker run, a command keeps the image's entry point, and an entry point drops the image's command.
func TestArgv(t *testing.T) {
	config, err := parseConfig([]byte(`{"config":{"Entrypoint":["/entry"],"Cmd":["image"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		version Version
		want    string
	}{
		{Version{}, "[]"},
		{Version{Command: []string{"other"}}, "[/entry other]"},
		{Version{Command: []string{}}, "[/entry]"},
		{Version{Entrypoint: []string{"/mine"}}, "[/mine]"},
		{Version{Entrypoint: []string{"/mine"}, Command: []string{"other"}}, "[/mine other]"},
	} {
		b := &Built{Version: test.version, config: config}
		if got := fmt.Sprint(b.Argv()); got != test.want {
			t.Errorf("%+v: %s, want %s", test.version, got, test.want)
		}
	}
}
