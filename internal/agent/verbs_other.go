//go:build !linux

package agent

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
)

// verbs answers everything with the reason why there is no answer: containers run Linux.
func verbs() map[string]verb {
	refuse := func(context.Context, json.RawMessage) (any, error) {
		return nil, errors.New("the agent works on linux alone, not on " + runtime.GOOS)
	}
	all := map[string]verb{}
	for _, name := range []string{VerbWait, VerbAsk, VerbExec, VerbProcesses, VerbSockets,
		VerbKill, VerbELF, VerbWritable, VerbChanged, VerbEnv, VerbLoaded, VerbLacks, VerbTrace, VerbLook} {
		all[name] = refuse
	}
	return all
}
