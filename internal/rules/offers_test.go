package rules_test

import (
	"errors"
	"maps"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/plimsoll/plimsoll/internal/rewrite"
	"github.com/plimsoll/plimsoll/internal/rules"
)

// Whoever says yes to every offer gets what nobody is asked for; whoever says no to every one
// gets the files as they were; and an error ends it.
func TestOffers(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/bad-*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	stop := errors.New("stop")
	offered := 0
	for i, name := range cases {
		if i%4 != 0 {
			continue // a sample: every case is rewritten three times here
		}
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		p := load(t, inputOf(archive))
		answer := func(take bool) *rewrite.Result {
			res, err := rewrite.Run(p, rules.All(), rewrite.Options{Accept: func(o rewrite.Offer) (bool, error) {
				offered++
				if maps.Equal(o.Before, o.After) {
					t.Errorf("%s: the offer %q changes nothing", name, o.Finding.Fix.Title)
				}
				return take, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			return res
		}
		plain, err := rewrite.Run(p, rules.All(), rewrite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if yes := answer(true); !maps.Equal(yes.Plan.After, plain.Plan.After) {
			t.Errorf("%s: saying yes gives\n%v\nand nobody asked\n%v", name, yes.Plan.After, plain.Plan.After)
		}
		if no := answer(false); no.Plan.Changed() {
			t.Errorf("%s: saying no changes %v", name, no.Plan.After)
		}
		if !plain.Plan.Changed() {
			continue
		}
		_, err = rewrite.Run(p, rules.All(), rewrite.Options{Accept: func(rewrite.Offer) (bool, error) { return true, stop }})
		if !errors.Is(err, stop) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if offered == 0 {
		t.Error("nothing was offered")
	}
}
