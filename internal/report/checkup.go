package report

// Checkup is what a machine has of what plimsoll needs.
type Checkup struct {
	Version string `json:"version"` // of plimsoll
	// Engine is the one that prove takes when nothing is said; empty when none can be used.
	Engine string  `json:"engine"`
	Checks []Check `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	Subject string      `json:"subject"` // "engine embedded", "git"
	Status  CheckStatus `json:"status"`
	Detail  string      `json:"detail"` // what was found; or what is missing, and how to get it
}

// CheckStatus is how a check came out.
type CheckStatus string

// The statuses.
const (
	Ready   CheckStatus = "ready"
	Missing CheckStatus = "missing"
	NotSet  CheckStatus = "not-set" // nobody asked for it, and it need not be there
)
