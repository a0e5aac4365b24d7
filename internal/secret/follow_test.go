package secret

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
)

// everywhere is what is found when every rule of which a keyword occurs is
// matched against the whole text, as gitleaks does it: slow, and the measure of byRules.
func everywhere(t testing.TB, path string, text []byte) []Match {
	t.Helper()
	set, err := rules()
	must(t, err)
	lower := bytes.ToLower(text)
	var out []Match
	for _, r := range set.rules {
		if !slices.ContainsFunc(r.Keywords, func(k string) bool { return bytes.Contains(lower, []byte(k)) }) {
			continue
		}
		compiled, err := r.compiled()
		must(t, err)
		if compiled.path == nil || compiled.path.matches(path) {
			out = append(out, r.find(compiled, set, path, text, span{0, len(text)})...)
		}
	}
	return out
}

// example writes a text that an expression matches, but for what it asks of the place.
func example(b *strings.Builder, re *syntax.Regexp, r *rand.Rand) {
	times := func(from, to int) {
		for range from + r.IntN(to-from+1) {
			example(b, re.Sub[0], r)
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, c := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 && r.IntN(2) == 0 {
				b.WriteString(strings.ToLower(string(c)))
			} else {
				b.WriteRune(c)
			}
		}
	case syntax.OpCharClass:
		i := 2 * r.IntN(len(re.Rune)/2)
		for re.Rune[i] >= 0x80 { // at random: other letters than ASCII's are rare
			if i = 2 * r.IntN(len(re.Rune)/2); r.IntN(9) == 0 {
				break
			}
		}
		from, to := re.Rune[i], min(re.Rune[i+1], re.Rune[i]+90)
		b.WriteRune(from + r.Int32N(to-from+1))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteString([]string{"x", " ", "é", "\"", "_"}[r.IntN(5)])
	case syntax.OpStar:
		times(0, 5)
	case syntax.OpPlus:
		times(1, 40)
	case syntax.OpQuest:
		times(0, 1)
	case syntax.OpRepeat:
		most := re.Max
		if most < 0 || most > re.Min+40 {
			most = re.Min + 40
		}
		times(re.Min, most)
	case syntax.OpAlternate:
		example(b, re.Sub[r.IntN(len(re.Sub))], r)
	default:
		for _, sub := range re.Sub {
			example(b, sub, r)
		}
	}
}

// TestPlaces plants examples of every rule's expression into texts, and finds
// around the keywords what is found when all rules are matched against the whole text.
func TestPlaces(t *testing.T) {
	set, err := rules()
	must(t, err)
	r := rand.New(rand.NewPCG(3, 9))
	paths := []string{"main.go", "config.yaml", "x.php", "main.tf", "nuget.config"}
	innocent := innocentTexts(t)
	found := map[string]int{}
	for _, rule := range set.rules {
		re, err := syntax.Parse(rule.Regex, syntax.Perl)
		must(t, err)
		for range 6 {
			text := innocent[r.IntN(len(innocent))]
			text = text[:min(len(text), 1500)]
			var b strings.Builder
			b.WriteString(text[:r.IntN(len(text))])
			for range 1 + r.IntN(3) {
				b.WriteString([]string{"\n", " ", "x", "é", "= ", "\xff\""}[r.IntN(6)])
				example(&b, re, r)
				b.WriteString([]string{"\n", " ", "\"", "é", ".", ""}[r.IntN(6)])
			}
			if r.IntN(3) > 0 {
				b.WriteString(text[r.IntN(len(text)):])
			}
			b.WriteString("\n" + rule.Keywords[r.IntN(len(rule.Keywords))])
			path := paths[r.IntN(len(paths))]
			want, got := everywhere(t, path, []byte(b.String())), byRules(path, []byte(b.String()))
			if !slices.Equal(want, got) {
				t.Fatalf("%s: found %+v, want %+v in\n%q", rule.ID, got, want, b.String())
			}
			for _, m := range want {
				found[m.Rule]++
			}
		}
	}
	if len(found) < len(set.rules)*9/10 {
		t.Errorf("examples of %d of %d rules were found", len(found), len(set.rules))
	}
}

// TestAnchors names the rules whose matches need not hold a keyword: all others are looked for around theirs.
func TestAnchors(t *testing.T) {
	set, err := rules()
	must(t, err)
	var without []string
	for _, r := range set.rules {
		if len(r.anchors()) == 0 {
			without = append(without, r.ID)
		}
	}
	want := "airtable-personnal-access-token facebook-access-token sidekiq-sensitive-url slack-config-access-token slack-user-token slack-webhook-url sourcegraph-access-token"
	if got := strings.Join(without, " "); got != want {
		t.Errorf("rules without an anchor:\n%s\nwant\n%s", got, want)
	}
}

// TestFollowMissesNothing holds the automaton against regexp itself.
func TestFollowMissesNothing(t *testing.T) {
	for _, c := range []struct{ expression, text string }{
		{`ab{3,5}c`, "abbbc"}, {`a[^"]{2}"`, "aé€\""}, {`a[^"]{3}"`, "a\x80\xff\x81\""}, {`a.{30}z`, "a" + strings.Repeat("ü", 30) + "z"},
		{`a(?:;|$)`, "a"}, {`\bkey\b =`, "key ="}, {`(?i)token`, "to\u212aen"}, {`a(?s:.)*z`, "a\n\nz"}, {`x{0,40}y`, strings.Repeat("x", 40) + "y"},
		{`(?:a|b)+?c`, "ababc"}, {`a\z`, "a"}, {`(?i)ſ`, "s"},
	} {
		if at := regexp.MustCompile("^(?:" + c.expression + ")").FindStringIndex(c.text); at == nil {
			t.Fatalf("%s does not match %q", c.expression, c.text)
		}
		re, err := syntax.Parse(c.expression, syntax.Perl)
		must(t, err)
		if end, ok := newFollow(sequence(re)).at([]byte(c.text), 0, followSteps); !ok || end < len(c.text) {
			t.Errorf("%s may not match %q, or only to %d", c.expression, c.text, end)
		}
		text := []byte("---" + c.text + "---")
		if strings.Contains(c.expression, "$") || strings.Contains(c.expression, `\z`) {
			text = text[:len(text)-3]
		}
		places := newUnanchored(c.expression).in(text)
		if !slices.ContainsFunc(places, func(s span) bool { return s.from <= 3 && s.to >= 3+len(c.text) }) {
			t.Errorf("%s is looked for at %v of %q", c.expression, places, text)
		}
	}
}

// TestFollowTellsNo holds it to the texts that make it worth its while.
func TestFollowTellsNo(t *testing.T) {
	for _, text := range []string{"token := next()\n", "access the value of it from there\n", "key, ok := m[k]\n", "they ", "password: ${PASSWORD}\n", "secret = \"short\"\n"} {
		if m := byRules("", []byte(text)); len(m) > 0 {
			t.Errorf("%q: %v", text, m)
		}
		p := placing{text: []byte(text), work: 1 << 20}
		var err error
		p.set, err = rules()
		must(t, err)
		p.rules = make([]rulePlaces, len(p.set.rules))
		for i, places := range p.find() {
			if len(places.spans) > 0 {
				t.Errorf("%q: %s is matched against %v", text, p.set.rules[i].ID, places.spans)
			}
		}
	}
}

// TestWorkIsBounded counts the steps that texts made to cause many take.
func TestWorkIsBounded(t *testing.T) {
	for _, piece := range []string{"curl ", "-----BEGIN ", "key", "s.aaaaaaaaa ", "kind: secret data:", "ey", "password=\"x", "https://a:b"} {
		text := bytes.Repeat([]byte(piece), 100_000/len(piece))
		set, err := rules()
		must(t, err)
		p := placing{set: set, path: "a.yaml", text: text, rules: make([]rulePlaces, len(set.rules)), work: stepsPerByte * len(text)}
		p.find()
		if p.work < 0 {
			t.Errorf("%q: %d steps too many", piece, -p.work)
		}
		for i, places := range p.rules {
			if n := len(places.spans); n > 2000 {
				t.Errorf("%q: %s: %d places", piece, set.rules[i].ID, n)
			}
		}
	}
}

func FuzzPlaces(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for i, planted := range plantedSecrets(r) {
		f.Add(fmt.Sprintf("%d.yaml", i), "before "+planted+" after\n"+planted)
	}
	f.Fuzz(func(t *testing.T, path, text string) {
		if len(text) > 8<<10 {
			return
		}
		if want, got := everywhere(t, path, []byte(text)), byRules(path, []byte(text)); !slices.Equal(want, got) {
			t.Errorf("found %+v, want %+v", got, want)
		}
	})
}
