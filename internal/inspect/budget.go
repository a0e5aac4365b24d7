package inspect

import "fmt"

// Budget is what an image may have. Limits below zero are none.
type Budget struct {
	Size         int64   // bytes of the layers' archives, uncompressed
	Waste        int64   // bytes
	WastePercent float64 // of the layers' files
	Layers       int
	// FailOn is the least grave level of a point that is too much; "" allows all.
	FailOn Level
}

// Unlimited is a budget that every image keeps.
func Unlimited() Budget { return Budget{Size: -1, Waste: -1, WastePercent: -1, Layers: -1} }

// WastePercent is the share of the layers' files that is wasted, 0 for an image without files.
func (r *Report) WastePercent() float64 {
	if r.LayerBytes == 0 {
		return 0
	}
	return float64(r.Waste.Bytes) / float64(r.LayerBytes) * 100
}

// Exceeded says in what respects the image is over the budget.
func (b Budget) Exceeded(r *Report) (over []string) {
	if b.Size >= 0 && r.ArchiveBytes > b.Size {
		over = append(over, fmt.Sprintf("size: %s, allowed are %s", megabytes(r.ArchiveBytes), megabytes(b.Size)))
	}
	if b.Waste >= 0 && r.Waste.Bytes > b.Waste {
		over = append(over, fmt.Sprintf("waste: %s, allowed are %s", megabytes(r.Waste.Bytes), megabytes(b.Waste)))
	}
	if b.WastePercent >= 0 && r.WastePercent() > b.WastePercent {
		over = append(over, fmt.Sprintf("waste: %.1f%% of the layers' files, allowed are %g%%", r.WastePercent(), b.WastePercent))
	}
	if b.Layers >= 0 && len(r.Layers) > b.Layers {
		over = append(over, fmt.Sprintf("layers: %d, allowed are %d", len(r.Layers), b.Layers))
	}
	for _, p := range r.Points {
		if b.FailOn != "" && p.Level.rank() <= b.FailOn.rank() {
			over = append(over, fmt.Sprintf("%s (%s): %s", p.ID, p.Level, p.Message))
		}
	}
	return over
}

func (l Level) rank() int {
	switch l {
	case Fatal:
		return 0
	case Warn:
		return 1
	}
	return 2
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
