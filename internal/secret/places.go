package secret

// placing finds the parts of a text in which rules may match.
type placing struct {
	set   *ruleSet
	path  string
	text  []byte
	rules []rulePlaces
	work  int // steps that are left
}

type rulePlaces struct {
	spans     spans
	asked     bool // whether the rule is for files with this path
	excluded  bool // it is not
	elsewhere bool // a keyword occurs that is no part of what the rule matches
}

func (p *placing) find() []rulePlaces {
	targets := p.set.targets()
	p.set.keywords().find(p.text, func(word int32, at int) {
		for _, t := range targets[word]() {
			if p.concerns(t.rule) {
				p.keyword(t, at-t.offset)
			}
		}
	})
	for i, r := range p.set.rules {
		if (p.rules[i].elsewhere || len(r.Keywords) == 0) && p.concerns(int32(i)) {
			p.rules[i].spans = r.anywhere().in(p.text)
		}
	}
	return p.rules
}

// target is what the place of a keyword says about the matches of a rule.
type target struct {
	rule   int32
	anchor *anchor // nil: they may be elsewhere
	offset int     // of the keyword from the anchor's beginning
}

// targetsOf lists the targets of a keyword. Only the rules of keywords that occur are taken apart.
func (set *ruleSet) targetsOf(word int32) (all []target) {
	search := set.keywords()
	for _, i := range search.rules[word] {
		anchors := set.rules[i].anchors()
		if len(anchors) == 0 {
			all = append(all, target{rule: i})
		}
		for n := range anchors {
			for _, offset := range anchors[n].offsets[search.words[word]] {
				all = append(all, target{i, &anchors[n], offset})
			}
		}
	}
	return all
}

func (p *placing) concerns(i int32) bool {
	at := &p.rules[i]
	if !at.asked {
		at.asked = true
		if p.set.rules[i].Path != "" {
			compiled, err := p.set.rules[i].compiled()
			at.excluded = err != nil || !compiled.path.matches(p.path)
		}
	}
	return !at.excluded
}

// keyword looks for matches of a rule that have their anchor at the place.
func (p *placing) keyword(t target, at int) {
	places := &p.rules[t.rule]
	if t.anchor == nil {
		places.elsewhere = true
		return
	}
	limit := min(followSteps, max(0, p.work))
	end, ok := t.anchor.mayBeAt(p.text, at, limit)
	p.work -= min(limit, end-at)
	if ok {
		places.spans = places.spans.add(t.anchor.around(at, end, len(p.text)))
	}
}

// stepsPerByte bounds the work on texts that are made to cause much.
const stepsPerByte = 8

// mayBeAt tells whether a match may have its anchor at the place, and where such matches end.
func (a *anchor) mayBeAt(text []byte, at, limit int) (end int, ok bool) {
	if at < 0 || a.whole && at > 0 && isWordByte(text[at-1]) {
		return at, false
	}
	end, ok = a.follow.at(text, at, limit)
	if ok && end == at+limit {
		end = at + within(a.after) // it goes on, no one knows how far
	}
	return end, ok
}
