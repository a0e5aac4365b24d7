package agent

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/plimsoll/plimsoll/internal/procfs"
)

// envNames lists the names in the main process's environment as it was started with.
func envNames(_ context.Context, r EnvRequest) (EnvAnswer, error) {
	pid := mainPID(r.Main)
	var data []byte
	err := readAsOwner(pid, func() (err error) {
		data, err = os.ReadFile(procfs.Path(pid, "environ"))
		return err
	})
	if err != nil {
		return EnvAnswer{}, fmt.Errorf("reading the environment of process %d: %w", pid, err)
	}
	names := []string{}
	for entry := range strings.SplitSeq(string(data), "\x00") {
		if name, _, ok := strings.Cut(entry, "="); ok && name != "" {
			names = append(names, text([]byte(name)))
		}
	}
	slices.Sort(names)
	return EnvAnswer{Names: slices.Compact(names)}, nil
}
