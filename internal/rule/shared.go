package rule

// shared is what rules of one run found out about the project and others want to know too.
type shared map[any]any

// Once returns what a key stands for, made when a rule of the run first asks for it. What it is may not be changed, and
// the key has a type of its own.
func Once[K comparable, V any](p *Pass, key K, make func() V) V {
	if v, ok := p.shared[key]; ok {
		return v.(V)
	}
	v := make()
	if p.shared != nil {
		p.shared[key] = v
	}
	return v
}
