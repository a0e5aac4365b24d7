package inspect

import (
	"iter"
	"slices"
)

// blockSize is how many entries lie side by side. A layer of a million is never copied to make room for more, and those
// that are in the tree can be let go while the others are not yet.
const blockSize = 4096

// entries are those of a layer, in the order of its archive. A copy sees none that are added later, if it is made by clone.
type entries struct {
	blocks [][]entry
	n      int
}

func (e *entries) add(one entry) {
	last := len(e.blocks) - 1
	switch {
	case last < 0:
		e.blocks = append(e.blocks, []entry{one})
	case len(e.blocks[last]) == blockSize:
		e.blocks = append(e.blocks, append(make([]entry, 0, blockSize), one))
	default:
		e.blocks[last] = append(e.blocks[last], one)
	}
	e.n++
}

func (e entries) clone() entries { return entries{slices.Clone(e.blocks), e.n} }

func (e entries) all() iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for _, block := range e.blocks {
			for _, one := range block {
				if !yield(one) {
					return
				}
			}
		}
	}
}

// taken is all, block by block let go.
func (e entries) taken() iter.Seq[entry] {
	return func(yield func(entry) bool) {
		e = e.clone() // another image's layer may be the same
		for i, block := range e.blocks {
			e.blocks[i] = nil
			for _, one := range block {
				if !yield(one) {
					return
				}
			}
		}
	}
}
