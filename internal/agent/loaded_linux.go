package agent

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll/plimsoll/internal/procfs"
)

const (
	maxMaps   = 4 << 20 // bytes of one process's table of mappings
	maxLoaded = 4000    // files in an answer
)

// loaded lists what the main process and its descendants have mapped. Processes that ended meanwhile, or whose
// mappings can't be read, are left out.
func loaded(ctx context.Context, r LoadedRequest) (LoadedAnswer, error) {
	members, err := family(mainPID(r.Main))
	if err != nil {
		return LoadedAnswer{}, err
	}
	m := newMapped()
	m.read(ctx, members)
	return m.answer(ctx), nil
}

// mapped is what processes have in memory, added up over several looks.
type mapped struct {
	programs, libraries map[string]bool
	incomplete          string
}

func newMapped() *mapped { return &mapped{programs: map[string]bool{}, libraries: map[string]bool{}} }

func (m *mapped) read(ctx context.Context, processes []int) {
	for _, pid := range processes[:min(len(processes), maxProcesses)] {
		if ctx.Err() != nil {
			m.incomplete = "the time was over"
			return
		}
		err := readAsOwner(pid, func() error { return readMapped(pid, m.programs, m.libraries) })
		if errors.Is(err, fs.ErrPermission) {
			m.incomplete = "the files of some processes could not be read"
		}
	}
}

func (m *mapped) answer(ctx context.Context) LoadedAnswer {
	a := LoadedAnswer{Programs: sortedKeys(m.programs), Libraries: sortedKeys(m.libraries), Incomplete: m.incomplete}
	if len(a.Libraries) > maxLoaded {
		a.Libraries, a.Incomplete = a.Libraries[:maxLoaded], "more libraries than are listed"
	}
	a.Packages = debian{"/"}.packagesOf(ctx, slices.Concat(a.Programs, a.Libraries))
	return a
}

// lookEvery is how often the processes of a command are looked at: what one loads for a shorter time may be missed.
const lookEvery = 20 * time.Millisecond

// keepReading looks at all processes of the container but agents until ctx ends.
func (m *mapped) keepReading(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if all, err := pids(); err == nil {
			m.read(context.WithoutCancel(ctx), all)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// readMapped adds the program that a process runs and the shared libraries that it has mapped.
func readMapped(pid int, programs, libraries map[string]bool) error {
	exe, err := os.Readlink(procfs.Path(pid, "exe"))
	if err != nil {
		return err
	}
	if exe == Path {
		return nil
	}
	if exe = text([]byte(exe)); !strings.HasSuffix(exe, " (deleted)") {
		programs[exe] = true
	}
	f, err := os.Open(procfs.Path(pid, "maps"))
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxMaps))
	if err != nil {
		return err
	}
	for _, path := range parseMaps(string(data)) {
		if path != exe {
			libraries[path] = true
		}
	}
	return nil
}

// parseMaps returns the shared libraries in proc(5)'s table of mappings: files that end in .so, or in .so and a version.
func parseMaps(table string) (paths []string) {
	for line := range strings.Lines(table) {
		at := strings.IndexByte(line, '/')
		if at < 0 {
			continue
		}
		path := text([]byte(strings.TrimRight(line[at:], "\n")))
		if strings.HasSuffix(path, " (deleted)") || !isLibrary(path) {
			continue
		}
		if len(paths) == 0 || paths[len(paths)-1] != path { // one file has several mappings in a row
			paths = append(paths, path)
		}
	}
	return paths
}

// isLibrary recognises a shared library by its name: "libpq.so.5.15", "_speedups.cpython-311-x86_64-linux-gnu.so".
func isLibrary(path string) bool {
	name := path[strings.LastIndexByte(path, '/')+1:]
	return strings.HasSuffix(name, ".so") || strings.Contains(name, ".so.")
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// lacks looks for directories and packages.
func lacks(ctx context.Context, r LacksRequest) (LacksAnswer, error) {
	return debian{"/"}.lacks(ctx, r)
}
