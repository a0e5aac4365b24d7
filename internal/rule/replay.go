package rule

import (
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/replay"
)

// replays are the replays of one run, each made when a rule first asks for it.
type replays struct{ made map[string]*replay.Result }

// Replay tells what the build cache makes of the project's history. The build arguments
// named have another value at every commit. It is nil when there is no history, or when it could not be replayed.
func (p *Pass) Replay(perCommit ...string) *replay.Result {
	if p.History == nil || p.replays == nil {
		return nil
	}
	slices.Sort(perCommit)
	key := strings.Join(perCommit, " ")
	if res, ok := p.replays.made[key]; ok {
		return res
	}
	ignore, err := p.ReadText(p.IgnorePath)
	if err != nil {
		return nil
	}
	res, err := replay.Run(p.History, replay.Version{
		File: p.File, Ignore: []byte(ignore), Same: []string{p.DockerfilePath, p.IgnorePath}, PerCommit: perCommit,
	})
	if err != nil {
		res = nil // a cost that is not known
	}
	if p.replays.made == nil {
		p.replays.made = map[string]*replay.Result{}
	}
	p.replays.made[key] = res
	return res
}
