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
	search := p.set.keywords()
	search.find(p.text, func(word int32, at int) {
		for _, i := range search.rules[word] {
			if p.concerns(i) {
				p.keyword(i, search.words[word], at)
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

func (p *placing) concerns(i int32) bool {
	at := &p.rules[i]
	if !at.asked {
		at.asked = true
		if p.set.rules[i].Path != "" {
			compiled, err := p.set.rules[i].compiled()
			at.excluded = err != nil || !compiled.path.MatchString(p.path)
		}
	}
	return !at.excluded
}

// keyword looks for matches of a rule where one of its keywords stands.
func (p *placing) keyword(i int32, word string, at int) {
	anchors := p.set.rules[i].anchors()
	p.rules[i].elsewhere = p.rules[i].elsewhere || len(anchors) == 0
	for n := range anchors {
		for _, offset := range anchors[n].offsets[word] {
			limit := min(followSteps, max(0, p.work))
			end, ok := anchors[n].mayBeAt(p.text, at-offset, limit)
			p.work -= min(limit, end-at+offset)
			if ok {
				p.rules[i].spans = p.rules[i].spans.add(anchors[n].around(at-offset, end, len(p.text)))
			}
		}
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
