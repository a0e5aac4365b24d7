package engine

import "testing"

func TestRuns(t *testing.T) {
	native := Info{Platform: "linux/amd64"}
	emulating := Info{Platform: "linux/amd64", Platforms: []string{"linux/amd64", "linux/amd64/v2", "linux/arm64", "linux/arm/v7"}}
	for _, c := range []struct {
		info     Info
		platform string
		want     bool
	}{
		{native, "linux/amd64", true},
		{native, "linux/x86_64", true},
		{native, "linux/amd64/v1", true},
		{native, "linux/amd64/v3", false},
		{native, "linux/arm64", false},
		{native, "windows/amd64", false},
		{native, "linux/am", false},
		{emulating, "linux/amd64/v2", true},
		{emulating, "linux/arm64/v8", true},
		{emulating, "linux/aarch64", true},
		{emulating, "linux/arm/v7", true},
		{emulating, "linux/arm", true},
		{emulating, "linux/arm/v6", false},
		{emulating, "linux/riscv64", false},
	} {
		if got := c.info.Runs(c.platform); got != c.want {
			t.Errorf("%v runs %s: %v, want %v", c.info.Platforms, c.platform, got, c.want)
		}
	}
}
