// Package blame finds out which edits to take back when all of them together fail: delta
// debugging, with what is suspected tried first and every outcome used for the sets
// that follow from it. It knows nothing of builds; what an edit does is found out by a function that tries.
package blame

import (
	"context"
	"slices"
	"time"
)

// Outcome is what became of one try. Evidence tells a failure; Suspects, if any, are groups
// that the failure itself points at. They are a hint: one that is wrong costs a try and nothing else.
type Outcome[E any] struct {
	Pass     bool
	Evidence E
	Suspects []string
}

// Limits bound a search.
type Limits struct {
	Tries int
	// Time is for all tries together, checked before each; 0 means no limit.
	Time time.Duration
}

// Removed is a group that is taken back.
type Removed[E any] struct {
	Group string
	// Evidence is of the smallest try that failed because of the group: with it and with groups that pass
	// without it.
	Evidence E
	// Untried says that the limits were reached before the group was put to the test.
	Untried bool
}

// Result is what a search came to.
type Result[E any] struct {
	// Kept pass together. Nothing kept means that no try passed.
	Kept    []string
	Removed []Removed[E]
	Tries   int
}

// Find splits groups, the likeliest cause first, into those that pass together and those that fail when
// one of them is put back. All together have failed, as first tells; none at all passes, since
// that is the original. try is told which groups to keep, in the order of groups, and is never asked twice for one set.
//
// When adding a group to a set that fails never makes it pass, the groups removed are
// minimal: each makes the kept ones fail. Else each was seen to fail with some of the kept ones.
func Find[E any](ctx context.Context, groups []string, first Outcome[E], limits Limits, try func(ctx context.Context, keep []string) (Outcome[E], error)) (Result[E], error) {
	s := &search[E]{groups: groups, limits: limits, try: try, begun: time.Now(), last: first, fallen: map[string]E{}}
	s.failed = append(s.failed, failure[E]{groups, first})
	err := s.run(ctx)
	return s.result(), err
}

type failure[E any] struct {
	set     []string
	outcome Outcome[E]
}

type search[E any] struct {
	groups []string
	limits Limits
	try    func(context.Context, []string) (Outcome[E], error)
	begun  time.Time
	tries  int
	last   Outcome[E] // of the latest set that failed

	kept   []string // the largest set so far that passed
	failed []failure[E]
	fallen map[string]E // groups found guilty
}

func (s *search[E]) run(ctx context.Context) error {
	open, err := s.guess(ctx)
	if err != nil {
		return err
	}
	slices.Reverse(open) // what is least suspected passes in large portions
	return s.grow(ctx, open)
}

// guess takes out what the failures point at or, when they point at nothing, what is likeliest; as long as each
// failure points at something new, there is another fault behind the one before.
// It returns the groups whose guilt is open, the likeliest first.
func (s *search[E]) guess(ctx context.Context) (open []string, err error) {
	var out []string
	for round := 0; s.left(); round++ {
		suspects := s.suspects(out)
		if len(suspects) == 0 && round == 0 && len(s.groups) > 0 {
			suspects = s.groups[:1]
		}
		if len(suspects) == 0 {
			break
		}
		out = append(out, suspects...)
		keep := without(s.groups, out)
		if len(keep) == 0 {
			break
		}
		passed, err := s.passes(ctx, keep)
		if err != nil {
			return nil, err
		}
		if passed {
			s.kept = keep
			return s.inOrder(out), nil
		}
	}
	return slices.Clone(s.groups), nil
}

// suspects are groups that the last failure points at and that are not out yet.
func (s *search[E]) suspects(out []string) []string {
	var suspects []string
	for _, g := range s.inOrder(s.last.Suspects) {
		if !slices.Contains(out, g) {
			suspects = append(suspects, g)
		}
	}
	return suspects
}

// grow adds to the kept groups as many of the open ones as pass: all at once or, when that fails, up to
// the first that is guilty, and then what is behind it.
func (s *search[E]) grow(ctx context.Context, open []string) error {
	for len(open) > 0 {
		state, err := s.extend(ctx, open)
		if err != nil || state != failing {
			return err
		}
		guilty, err := s.firstGuilty(ctx, open)
		if err != nil || guilty < 0 {
			return err
		}
		open = open[guilty+1:]
	}
	return nil
}

// firstGuilty halves groups that fail together with the kept ones until one is left that does; those before it
// are kept. It returns the index of the guilty one, -1 when the limits were reached.
func (s *search[E]) firstGuilty(ctx context.Context, open []string) (int, error) {
	low, high := 0, len(open) // open[:low] is kept, open[:high] fails
	for high-low > 1 {
		middle := (low + high) / 2
		state, err := s.extend(ctx, open[low:middle])
		switch {
		case err != nil || state == untried:
			return -1, err
		case state == passing:
			low = middle
		default:
			high = middle
		}
	}
	set := s.inOrder(append(slices.Clone(s.kept), open[low]))
	s.fallen[open[low]] = s.knownFailure(set).Evidence
	return low, nil
}

// state is what is known of a set.
type state int

const (
	untried state = iota // the limits were reached
	passing
	failing
)

// extend finds out whether more groups pass together with the kept ones, and keeps them if so.
func (s *search[E]) extend(ctx context.Context, more []string) (state, error) {
	set := s.inOrder(append(slices.Clone(s.kept), more...))
	if s.knownFailure(set) != nil {
		return failing, nil
	}
	if !s.left() {
		return untried, nil
	}
	passed, err := s.passes(ctx, set)
	if err != nil {
		return untried, err
	}
	if !passed {
		return failing, nil
	}
	s.kept = set
	return passing, nil
}

// passes tries a set.
func (s *search[E]) passes(ctx context.Context, set []string) (bool, error) {
	s.tries++
	o, err := s.try(ctx, set)
	if err != nil || o.Pass {
		return o.Pass, err
	}
	s.last = o
	s.failed = append(s.failed, failure[E]{set, o})
	return false, nil
}

// knownFailure is the outcome of the smallest set that failed and that the set contains; nil when there is none.
func (s *search[E]) knownFailure(set []string) *Outcome[E] {
	var smallest *failure[E]
	for i, f := range s.failed {
		if len(without(f.set, set)) == 0 && (smallest == nil || len(f.set) < len(smallest.set)) {
			smallest = &s.failed[i]
		}
	}
	if smallest == nil {
		return nil
	}
	return &smallest.outcome
}

func (s *search[E]) left() bool {
	return s.tries < s.limits.Tries && (s.limits.Time == 0 || time.Since(s.begun) < s.limits.Time)
}

func (s *search[E]) inOrder(set []string) []string {
	return slices.DeleteFunc(slices.Clone(s.groups), func(g string) bool { return !slices.Contains(set, g) })
}

func (s *search[E]) result() Result[E] {
	r := Result[E]{Kept: s.kept, Tries: s.tries}
	for _, g := range without(s.groups, s.kept) {
		evidence, guilty := s.fallen[g]
		if !guilty {
			evidence = s.last.Evidence
		}
		r.Removed = append(r.Removed, Removed[E]{g, evidence, !guilty})
	}
	return r
}

func without(set, out []string) []string {
	return slices.DeleteFunc(slices.Clone(set), func(g string) bool { return slices.Contains(out, g) })
}
