package secret

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

func TestEnv(t *testing.T) {
	const shaped = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a" // made up
	cases := []struct {
		name, value string
		want        bool
	}{
		{"API_KEY", "nk_live_7Qw2mZx84TbVn3RkLs9dYhG5", true},
		{"DATABASE_PASSWORD", "Harb0ur-Lantern-4471", true},
		{"DATABASE_URL", "postgres://app:s3cr3t-harbour@db/notes", true},
		{"ANYTHING", shaped, true},
		{"API_KEY", "", false},
		{"API_KEY", "$API_KEY", false},
		{"API_KEY", "${KEY:-}", false},
		{"TOKEN_TTL", "3600", false},
		{"PASSWORD_FILE", "/run/secrets/password", false},
		{"PUBLIC_KEY", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE", false},
		{"LOG_LEVEL", "info", false},
		{"PATH", "/usr/local/bin:/usr/bin", false},
		{"PYTHONUNBUFFERED", "1", false},
	}
	for _, c := range cases {
		m, got := Env(c.name, c.value)
		if got != c.want {
			t.Errorf("Env(%q, %q) = %v, want %v (%s)", c.name, c.value, got, c.want, m.Why)
		}
		if got && strings.Contains(fmt.Sprintf("%+v", m), c.value) {
			t.Errorf("Env(%q): the match holds the whole value", c.name)
		}
	}
}

func TestFile(t *testing.T) {
	fsys := fstest.MapFS{
		".env":           {Data: []byte("API_KEY=nk_live_7Qw2mZx84TbVn3RkLs9dYhG5\n")},
		".env.example":   {Data: []byte("API_KEY=\n")},
		"deploy/key.pem": {Data: []byte("-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n")},
		"ca.pem":         {Data: []byte("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")},
		".npmrc":         {Data: []byte("//registry.example/:_authToken=0f1e2d3c4b5a69788796a5b4c3d2e1f0\n")},
		"settings.py":    {Data: []byte("DEBUG = False\n")},
	}
	want := map[string]bool{".env": true, "deploy/key.pem": true, ".npmrc": true}
	for name := range fsys {
		if _, got := File(fsys, name); got != want[name] {
			t.Errorf("File(%q) = %v, want %v", name, got, want[name])
		}
	}
}

func TestRedactKeepsTheValueBack(t *testing.T) {
	for _, value := range []string{"x", "hunter2", "nk_live_7Qw2mZx84TbVn3RkLs9dYhG5", strings.Repeat("ä", 40)} {
		if got := Redact(value); len(value) > 1 && strings.Contains(got, value) {
			t.Errorf("Redact(%q) = %q", value, got)
		}
		v := NewValue(value)
		for _, text := range []string{v.String(), fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v)} {
			if len(value) > 1 && strings.Contains(text, value) {
				t.Errorf("printing a Value of %q gives it away: %s", value, text)
			}
		}
	}
}

func TestText(t *testing.T) {
	text := []byte("one\nAWS = \"AKIA" + "QYLPMN5HHHFPZAM2\"\nurl = https://deploy:Harb0urLantern@git.example/x\n")
	found := Text(text)
	if len(found) == 0 {
		t.Fatal("nothing found")
	}
	for _, m := range found {
		if m.Line != 2 && m.Line != 3 {
			t.Errorf("%s on line %d", m.Rule, m.Line)
		}
	}
	if got := Text([]byte("password = os.environ['PASSWORD']\n")); len(got) != 0 {
		t.Errorf("a reference is no credential: %+v", got)
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("token=abc\n"))
	f.Add([]byte("https://a:b@c\n\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, m := range Text(text) {
			if m.Offset < 0 || m.Offset+m.Length > len(text) {
				t.Fatalf("%s at %d+%d of %d", m.Rule, m.Offset, m.Length, len(text))
			}
		}
	})
}
