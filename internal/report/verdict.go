package report

// Verdict is the outcome of a proof.
type Verdict string

const (
	// Proven: every edit in the rewritten files was built and run, and the
	// application behaved as before.
	Proven Verdict = "proven"
	// PartlyProven: some edits are proven; others had to be taken back, or
	// stayed in without a proof. Plan tells which.
	PartlyProven Verdict = "partly-proven"
	// Unproven: there are edits and no proof of any of them, because none
	// was asked for or none could be run.
	Unproven Verdict = "unproven"
	// Unchanged: there is nothing to rewrite, hence nothing to prove.
	Unchanged Verdict = "unchanged"
	// Failed: the proof was run and speaks against the rewritten files, or
	// it broke off; Failure or Requests tell where.
	Failed Verdict = "failed"
)

// OK reports whether nothing stands against using the rewritten files as they are.
func (v Verdict) OK() bool { return v == Proven || v == Unchanged }
