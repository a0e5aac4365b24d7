package rule

import (
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/replay"
)

// Replay tells what the build cache makes of the project's history. The build arguments
// named have another value at every commit. It is nil when there is no history, or when it could not be replayed.
func (p *Pass) Replay(perCommit ...string) *replay.Result {
	if p.History == nil {
		return nil
	}
	slices.Sort(perCommit)
	return Once(p, replayed(strings.Join(perCommit, " ")), func() *replay.Result { return p.replay(perCommit) })
}

// replayed is the key of a replay: the build arguments that vary.
type replayed string

func (p *Pass) replay(perCommit []string) *replay.Result {
	ignore, err := p.ReadText(p.IgnorePath)
	if err != nil {
		return nil
	}
	res, err := replay.Run(p.History, replay.Version{
		File: p.File, Ignore: []byte(ignore), Same: []string{p.DockerfilePath, p.IgnorePath}, PerCommit: perCommit,
	})
	if err != nil {
		return nil // a cost that is not known
	}
	return res
}
