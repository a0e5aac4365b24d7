package bases

import (
	"slices"

	"github.com/plimsoll/plimsoll/testbase/recipe"
)

// plan are the recipe's steps as the tree that they are.
type plan struct {
	steps []recipe.Step
	above map[string][]recipe.Step // step → the steps on it; "" and recipe.Nothing → the lowest
	keys  map[string]string        // step → hash of everything that its layer is made from
}

func (b *Builder) plan() *plan {
	p := &plan{steps: recipe.Steps(), above: map[string][]recipe.Step{}, keys: map[string]string{
		"":             recipe.Key("root 1", baseKey(), b.CA.key(), recipe.Epoch.String()),
		recipe.Nothing: recipe.Key("nothing 1", b.CA.key(), recipe.Epoch.String()),
	}}
	additions := b.additions()
	for _, s := range p.steps {
		p.above[s.On] = append(p.above[s.On], s)
		script := ""
		if s.Script != "" {
			script = recipe.Script(s.Script) + recipe.Script("tidy")
		}
		// The name is no part of it, nor what history says: neither changes a file.
		p.keys[s.Name] = recipe.Key("layer 1", p.keys[s.On], script, s.Args, additions[s.Add].key)
	}
	return p
}

// chain lists the steps from the lowest up to one.
func (p *plan) chain(top string) (steps []recipe.Step) {
	for name := top; name != "" && name != recipe.Nothing; {
		i := slices.IndexFunc(p.steps, func(s recipe.Step) bool { return s.Name == name })
		steps = append(steps, p.steps[i])
		name = p.steps[i].On
	}
	slices.Reverse(steps)
	return steps
}
