package htmlreport

import (
	"regexp"
	"strings"
	"testing"

	"github.com/plimsoll/plimsoll/internal/report/reporttest"
)

func TestReplay(t *testing.T) {
	r := reporttest.Replayed()
	r.Replay.Commits[1].Subject = `<script>alert("x")</script>`
	page := string(Replay(r))
	for _, want := range []string{"COPY requirements.txt ./", "<h2>before</h2>", "<h2>after</h2>", `class="unclear"`, "20.10 s", "(estimated)", "app/main.py: 4×"} {
		if !strings.Contains(page, want) {
			t.Errorf("the chart lacks %q", want)
		}
	}
	for _, bad := range []string{"<script>", reporttest.Secret, "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("the chart has %q", bad)
		}
	}
	if m := regexp.MustCompile(`(src|href)=|@import|url\(`).FindString(page); m != "" {
		t.Errorf("the chart fetches something: %s", m)
	}
	if n := strings.Count(page, `<i class=`); n != 2*2*5 {
		t.Errorf("%d cells, want one for each step and commit of both versions", n)
	}
}

func TestReplayWithoutAfter(t *testing.T) {
	r := reporttest.Replayed()
	r.Replay.After = nil
	if page := string(Replay(r)); strings.Contains(page, "<h2>after</h2>") || !strings.Contains(page, "<h2>before</h2>") {
		t.Error("want before alone")
	}
}
