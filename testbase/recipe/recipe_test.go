package recipe

import "testing"

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
		"the chains":    Key(Steps()),
	} {
		if other, ok := keys[key]; ok {
			t.Errorf("%s and %s have the same key", name, other)
		}
		keys[key] = name
	}
	if Key(Steps(), Rootfs) != Key(Steps(), Rootfs) {
		t.Error("the same recipe has two keys")
	}
}

func TestStepsStandOnEarlierOnes(t *testing.T) {
	seen := map[string]bool{"": true, Nothing: true}
	for _, step := range Steps() {
		if seen[step.Name] || !seen[step.On] || step.CreatedBy == "" {
			t.Errorf("%s: there twice, on no earlier step (%q), or without a history", step.Name, step.On)
		}
		if step.Script != "" && Script(step.Script) == "" {
			t.Errorf("%s: an empty script", step.Name)
		}
		if step.Script == "" && step.Add == "" {
			t.Errorf("%s does nothing", step.Name)
		}
		seen[step.Name] = true
	}
}

func TestImagesAreStepsUnderNamesOfTheirOwn(t *testing.T) {
	steps := map[string]bool{}
	for _, step := range Steps() {
		steps[step.Name] = true
	}
	seen := map[string]bool{}
	for _, img := range Images() {
		if !steps[img.Top] {
			t.Errorf("%s is the step %q, which is not there", img.Repository, img.Top)
		}
		for _, tag := range img.Tags {
			name := img.Repository + ":" + tag
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
	}
}
