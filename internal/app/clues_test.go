package app

import (
	"strings"
	"testing"
)

func TestTellingLine(t *testing.T) {
	for output, want := range map[string]string{
		"Traceback:\n  File x\nOSError: libpq.so.5: cannot open shared object file: No such file or directory\nbye\n":      "OSError: libpq.so.5: cannot open shared object file: No such file or directory",
		"PermissionError: [Errno 13] Permission denied: '/srv/a'\nPermissionError: [Errno 13] Permission denied: '/srv/b'": "PermissionError: [Errno 13] Permission denied: '/srv/b'",
		"Error: EACCES: permission denied, open '/srv/x'\n    at open (node:fs)":                                           "Error: EACCES: permission denied, open '/srv/x'",
		"Traceback:\n  File x\njinja2.exceptions.TemplateNotFound: berths.html\n127.0.0.1 - GET /berths 500":               "jinja2.exceptions.TemplateNotFound: berths.html",
		"TypeError [ERR_INVALID]: x\n    at Error (file)":                                                                  "TypeError [ERR_INVALID]: x",
		"listening on 8000\nno Error so far\n":                                                                             "",
		"":                                                                                                                 "",
	} {
		if got := tellingLine(output); got != want {
			t.Errorf("of %q: %q, want %q", output, got, want)
		}
	}
	if got := tellingLine("permission denied " + strings.Repeat("x", 10_000)); len(got) > 300 {
		t.Errorf("%d bytes", len(got))
	}
}
