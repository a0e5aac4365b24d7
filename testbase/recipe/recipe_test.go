package recipe

import (
	"strings"
	"testing"
)

func TestKeyTellsRecipesApart(t *testing.T) {
	keys := map[string]string{}
	for name, key := range map[string]string{
		"nothing":       Key(),
		"one string":    Key("ab"),
		"two strings":   Key("a", "b"),
		"other cut":     Key("", "ab"),
		"a list":        Key([]string{"a", "b"}),
		"another order": Key([]string{"b", "a"}),
		"the files":     Key(Rootfs),
		"the chains":    Key(Chains()),
	} {
		if other, ok := keys[key]; ok {
			t.Errorf("%s and %s have the same key", name, other)
		}
		keys[key] = name
	}
	if Key(Chains(), Rootfs) != Key(Chains(), Rootfs) {
		t.Error("the same recipe has two keys")
	}
}

func TestChainsAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, chain := range Chains() {
		for _, step := range chain.Steps {
			if Script(step.Script) == "" || step.CreatedBy == "" {
				t.Errorf("%s, %s: no script or no history", chain.Name, step.Name)
			}
		}
		for _, img := range chain.Images {
			if img.Layers < 1 || img.Layers > len(chain.Steps) {
				t.Errorf("%s: %d of %d layers", img.Repository, img.Layers, len(chain.Steps))
			}
			for _, tag := range img.Tags {
				name := img.Repository + ":" + tag
				if seen[name] || !strings.HasPrefix(name, "library/") {
					t.Errorf("%s is there twice, or not under library/", name)
				}
				seen[name] = true
			}
		}
	}
}
