package embedded

import (
	"crypto/sha256"
	"encoding/hex"
)

// CgroupPrefix is how the names of the control groups begin that the engine with a state directory makes. The path is
// absolute and without links.
func CgroupPrefix(root string) string {
	sum := sha256.Sum256([]byte(root))
	return "plimsoll-" + hex.EncodeToString(sum[:6]) + "-"
}
