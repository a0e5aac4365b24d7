package jsonreport

import (
	"bytes"
	"testing"

	"github.com/plimsoll/plimsoll/internal/finding"
	"github.com/plimsoll/plimsoll/internal/rule"
)

func TestWriteRules(t *testing.T) {
	var got bytes.Buffer
	err := WriteRules(&got, []*rule.Rule{{
		ID: "size/heavy-base", Severity: finding.Warning, Safety: finding.Unsafe, Needs: []rule.Need{rule.NeedRegistry},
		Doc: rule.Doc{Summary: "a slimmer variant", Fix: "a <b>"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "schema": "plimsoll.rules/1",
  "rules": [
    {
      "id": "size/heavy-base",
      "severity": "warning",
      "safety": "unsafe",
      "needs": [
        "registry"
      ],
      "summary": "a slimmer variant",
      "what": "",
      "why": "",
      "before": "",
      "after": "",
      "fix": "a <b>",
      "proof": "",
      "links": []
    }
  ]
}
`
	if got.String() != want {
		t.Errorf("got:\n%s", &got)
	}
}
