package image

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed estimates.json
var estimatesJSON []byte

// estimateTable has sizes for when no registry can be asked. It only has what
// is well known, rounded, and everything taken from it is marked as estimated.
type estimateTable struct {
	Date   string     `json:"date"`
	Source string     `json:"source"`
	Sizes  []estimate `json:"sizes"`
}

type estimate struct {
	Repository string           `json:"repository"`
	Versions   []string         `json:"versions"` // with their patch releases
	Exact      []string         `json:"exact"`    // as they stand
	Megabytes  map[string]int64 `json:"megabytes"`
}

var estimates = sync.OnceValues(func() (estimateTable, error) {
	var table estimateTable
	if err := json.Unmarshal(estimatesJSON, &table); err != nil {
		return table, fmt.Errorf("embedded table of image sizes: %w", err)
	}
	return table, nil
})

// estimateVariants keeps those variants whose size the table has. It gives
// none unless the first, the one asked for, is among them.
func estimateVariants(variants []Variant, tag parsedTag) ([]Variant, string, error) {
	table, err := estimates()
	if err != nil {
		return nil, "", err
	}
	known := func(v Variant) int64 {
		for _, e := range table.Sizes {
			if e.Repository == v.Repository && e.covers(tag.version) {
				return e.Megabytes[v.Kind] * 1_000_000
			}
		}
		return 0
	}
	var out []Variant
	for i, v := range variants {
		v.TransferBytes = known(v)
		if v.TransferBytes == 0 && i == 0 {
			return nil, "", nil
		}
		if v.TransferBytes > 0 {
			out = append(out, v)
		}
	}
	return out, fmt.Sprintf("%s, %s", table.Source, table.Date), nil
}

func (e estimate) covers(version string) bool {
	return slices.Contains(e.Exact, version) || slices.ContainsFunc(e.Versions, func(v string) bool {
		return version == v || strings.HasPrefix(version, v+".")
	})
}
