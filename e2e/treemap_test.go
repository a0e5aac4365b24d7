package e2e

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTreemap writes the treemap of a base image and clicks through it in Chromium.
func TestTreemap(t *testing.T) {
	needSuite(t)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	res := run(t, dir, "inspect", "docker.io/library/nginx:1.22", "--mirror", mirror(), "--no-secrets", "--format", "html")
	if res.code != 0 {
		t.Fatalf("exit code %d\n%s", res.code, res.stderr)
	}
	page := filepath.Join(dir, "image.html")
	if err := os.WriteFile(page, []byte(res.stdout), 0o644); err != nil {
		t.Fatal(err)
	}
	b := openPage(t, page, 1000, 700)
	const named = `(name => [...document.querySelectorAll("main > button")].find(b => b.ariaLabel.startsWith(name + ",")))`
	where := func(want string) {
		t.Helper()
		b.until(`document.querySelector("nav").textContent === "` + want + `"`)
	}
	where("all layers")
	areas(t, b)

	b.click(named + `("final tree")`)
	where("all layers / final tree")
	areas(t, b)
	b.click(named + `("usr")`)
	where("all layers / final tree / usr")
	b.until(`document.querySelector("footer").textContent.includes("% of all layers")`)
	areas(t, b)
	b.press("Escape")
	where("all layers / final tree")
	b.click(`document.querySelector("nav button")`)
	where("all layers")
	b.click(named + `("wasted")`)
	where("all layers / wasted")
	b.click(`document.querySelector("main > button")`) // a cause
	b.click(`document.querySelector("main > button.leaf")`)
	b.until(`document.querySelector("main > button.chosen")`)
	var footer string
	b.value(`document.querySelector("footer").textContent`, &footer)
	if !strings.Contains(footer, "by layer ") || !strings.Contains(footer, "; layer 1: ") {
		t.Errorf("a wasted file is told as %q", footer)
	}
}

// areas holds that the rectangles shown lie in the map, are as large as their
// sizes say, and fill it.
func areas(t *testing.T, b *browser) {
	t.Helper()
	var shown struct {
		Map   struct{ Width, Height float64 }
		Boxes []struct{ X, Y, W, H, Share float64 }
	}
	b.value(`(() => {
		const all = document.querySelector("main").getBoundingClientRect(), folder = trail[trail.length - 1];
		const sum = folder.boxes.reduce((n, b) => n + b.size, 0);
		return { map: { width: all.width, height: all.height }, boxes: [...document.querySelectorAll("main > button")].map((e, i) => {
			const r = e.getBoundingClientRect();
			return { x: r.x - all.x, y: r.y - all.y, w: r.width, h: r.height, share: folder.boxes[i].size / sum };
		}) };
	})()`, &shown)
	var covered float64
	whole := shown.Map.Width * shown.Map.Height
	for i, box := range shown.Boxes {
		area := box.W * box.H / whole
		covered += area
		if math.Abs(area-box.Share) > 0.01 || box.X < -1 || box.Y < -1 || box.X+box.W > shown.Map.Width+1 || box.Y+box.H > shown.Map.Height+1 {
			t.Errorf("rectangle %d of %d is %+v, %.3f of the map", i, len(shown.Boxes), box, area)
		}
	}
	if len(shown.Boxes) < 2 || math.Abs(covered-1) > 0.02 {
		t.Errorf("%d rectangles cover %.3f of the map", len(shown.Boxes), covered)
	}
}
