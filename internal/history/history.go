// Package history reads the commits of a git repository and the files that each
// changed, without checking anything out.
package history

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of what is read: a repository is untrusted input.
const (
	// DefaultCommits is how many commits are read when nothing is asked for.
	DefaultCommits = 100
	maxCommits     = 100_000
	maxFiles       = 1_000_000
	maxRecord      = 64 << 10 // bytes of one record: a path or a subject
)

// Options choose the commits.
type Options struct {
	// Commits is how many commits to read, the latest ones; 0 means DefaultCommits.
	Commits int
	// Since leaves out what was committed before; in any form that git log --since takes.
	Since string
	// Branch is where to start; empty means HEAD.
	Branch string
	// Tip is the ID of the last commit, where it is known already; it outranks Branch.
	Tip string
}

// History is a line of commits along first parents, the oldest first.
type History struct {
	// Start are the files before the first of Commits: empty when that is the repository's first.
	Start   []File
	Commits []Commit
	// Shallow says that the repository has no older commits because it was cloned without them.
	Shallow bool
	// Cut says that there are older commits, which the options left out.
	Cut bool
}

// File is one tracked file. Paths are relative to the folder that was read, with slashes.
type File struct {
	Path string
	Mode Mode
	Blob string // the content's object name; of a submodule, its commit
}

// Mode is git's mode of a file.
type Mode uint32

// The modes that git has.
const (
	Regular    Mode = 0o100644
	Executable Mode = 0o100755
	Link       Mode = 0o120000
	Submodule  Mode = 0o160000
)

// Commit is one commit with what it changed against its first parent.
type Commit struct {
	ID      string
	Time    time.Time // of the committer
	Subject string    // the first line of the message
	Parents int
	Changes []Change
}

// Change is one file that a commit added, changed or removed. A rename is one of each.
type Change struct {
	Path    string
	Removed bool
	Mode    Mode   // 0 when removed
	Blob    string // empty when removed
}

// Missing says why there is no history to read.
type Missing struct{ Reason, Hint string }

func (m *Missing) Error() string { return m.Reason + ": " + m.Hint }

// Read reads the history of the repository around a folder. Files outside of the
// folder are left out, commits that changed only such files are kept. The error
// is a *Missing when there is no git, no repository or no commit.
func Read(ctx context.Context, folder string, opts Options) (*History, error) {
	r := reader{ctx: ctx, folder: folder}
	branch := opts.Branch
	if branch == "" {
		branch = "HEAD"
	}
	tip, err := opts.Tip, error(nil)
	if tip == "" {
		tip, err = r.resolve(branch)
	}
	if err != nil {
		return nil, err
	}
	h := &History{}
	if h.Commits, err = r.log(tip, opts); err != nil {
		return nil, err
	}
	if len(h.Commits) == 0 {
		return nil, &Missing{"no commit is that young", "ask for an earlier --since"}
	}
	first := h.Commits[0]
	if first.Parents == 0 { // the repository's first, or the last that a shallow clone has
		shallow, err := r.text("rev-parse", "--is-shallow-repository")
		h.Shallow = shallow == "true"
		return h, err
	}
	h.Cut = true
	h.Start, err = r.tree(first.ID + "^1")
	return h, err
}

type reader struct {
	ctx    context.Context
	folder string
}

// command runs git without anything that a repository could make it run, and about
// this folder, whatever the environment says.
func (r *reader) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.ctx, "git", append([]string{"-C", r.folder, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains([]string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE", "GIT_EXTERNAL_DIFF"}, name)
	})
	cmd.WaitDelay = time.Second // what git starts may outlive it, with its outputs open
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C", "GIT_NO_LAZY_FETCH=1")
	return cmd
}

func (r *reader) text(args ...string) (string, error) {
	out, err := r.command(args...).Output()
	return strings.TrimSpace(string(out)), explain(err)
}

// resolve turns a branch into a commit, and tells the usual reasons why it can't.
func (r *reader) resolve(branch string) (string, error) {
	if strings.HasPrefix(branch, "-") {
		return "", fmt.Errorf("%q is not the name of a branch", branch)
	}
	out, err := r.command("rev-parse", "--verify", "--quiet", "--end-of-options", branch+"^{commit}").Output()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return strings.TrimSpace(string(out)), nil
	case errors.Is(err, exec.ErrNotFound):
		return "", &Missing{"git is not installed", "install it to replay the project's history"}
	case !errors.As(err, &failed):
		return "", err
	case bytes.Contains(failed.Stderr, []byte("dubious ownership")):
		return "", &Missing{"git does not trust the folder, as it belongs to another user", "git config --global --add safe.directory allows it"}
	case bytes.Contains(failed.Stderr, []byte("not a git repository")):
		return "", &Missing{r.folder + " is not in a git repository", "replay needs the project's commits"}
	case branch == "HEAD":
		return "", &Missing{"the repository has no commit yet", "commit something first"}
	}
	return "", &Missing{fmt.Sprintf("there is no branch or commit %q", branch), "git branch lists them"}
}

// explain adds what git wrote about its failure.
func explain(err error) error {
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		first, _, _ := strings.Cut(strings.TrimSpace(string(failed.Stderr)), "\n")
		return fmt.Errorf("git failed: %s", first)
	}
	return err
}

// tree lists the files of a commit below the folder.
func (r *reader) tree(commit string) ([]File, error) {
	var files []File
	err := r.records(func(next func() ([]byte, error)) error {
		for {
			record, err := next()
			if err != nil {
				return err
			}
			// MODE TYPE OBJECT<tab>PATH
			meta, path, ok := bytes.Cut(record, []byte{'\t'})
			fields := strings.Fields(string(meta))
			if !ok || len(fields) != 3 {
				return fmt.Errorf("git ls-tree printed %q", record)
			}
			mode, err := parseMode(fields[0])
			if err != nil {
				return err
			}
			if len(files) >= maxFiles {
				return fmt.Errorf("more than %d files", maxFiles)
			}
			files = append(files, File{Path: string(path), Mode: mode, Blob: fields[2]})
		}
	}, "ls-tree", "-r", "-z", commit)
	if err != nil {
		return nil, fmt.Errorf("listing the files of %.12s: %w", commit, err)
	}
	return files, nil
}

// log reads commits and changes in one pass, and returns the oldest first.
func (r *reader) log(tip string, opts Options) ([]Commit, error) {
	n := opts.Commits
	if n <= 0 {
		n = DefaultCommits
	}
	args := []string{"log", "--first-parent", "-m", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--relative", "--no-color", "--no-show-signature",
		"--ignore-submodules=none", "--format=%x01%H %ct %P%x02%s%x03", "-n", strconv.Itoa(min(n, maxCommits))}
	if opts.Since != "" {
		args = append(args, "--since="+opts.Since)
	}
	p := logParser{}
	err := r.records(func(next func() ([]byte, error)) error {
		for {
			record, err := next()
			if err != nil {
				return err
			}
			if err := p.take(string(record)); err != nil {
				return err
			}
		}
	}, append(args, tip)...)
	if err != nil {
		return nil, fmt.Errorf("reading the history: %w", err)
	}
	slices.Reverse(p.commits)
	return p.commits, nil
}

// logParser puts the records of git log -z together: a header for each commit,
// and two records for each change, ":MODE MODE OBJECT OBJECT LETTER" and the path.
type logParser struct {
	commits []Commit
	pending *Change
	changes int
}

func (p *logParser) take(record string) error {
	record = strings.TrimLeft(record, "\n")
	switch {
	case p.pending != nil:
		p.pending.Path = record
		last := &p.commits[len(p.commits)-1]
		last.Changes = append(last.Changes, *p.pending)
		p.pending = nil
	case record == "":
	case record[0] == 1:
		return p.header(record[1:])
	case record[0] == ':':
		return p.change(record[1:])
	default:
		return fmt.Errorf("git log printed %q", record)
	}
	return nil
}

func (p *logParser) header(text string) error {
	head, rest, ok := strings.Cut(text, "\x02")
	end := strings.LastIndexByte(rest, 3) // a subject may hold any byte
	fields := strings.Fields(head)
	if !ok || end < 0 || len(fields) < 2 {
		return fmt.Errorf("git log printed %q", text)
	}
	subject, after := rest[:end], rest[end+1:]
	seconds, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return fmt.Errorf("git log printed %q: %w", text, err)
	}
	p.commits = append(p.commits, Commit{ID: fields[0], Time: time.Unix(seconds, 0), Subject: subject, Parents: len(fields) - 2})
	if after = strings.TrimLeft(after, "\n"); after != "" {
		return p.take(after)
	}
	return nil
}

func (p *logParser) change(text string) error {
	fields := strings.Fields(text)
	if len(fields) < 5 || len(p.commits) == 0 {
		return fmt.Errorf("git log printed %q", text)
	}
	if p.changes++; p.changes > maxFiles*10 {
		return fmt.Errorf("more than %d changes: ask for fewer --commits", maxFiles*10)
	}
	mode, err := parseMode(fields[1])
	if err != nil {
		return err
	}
	p.pending = &Change{Mode: mode, Blob: fields[3], Removed: fields[4] == "D"}
	if p.pending.Removed {
		p.pending.Mode, p.pending.Blob = 0, ""
	}
	return nil
}

func parseMode(text string) (Mode, error) {
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil {
		return 0, fmt.Errorf("git printed the mode %q", text)
	}
	return Mode(n), nil
}

// records runs git and hands what it prints, record by record, to a reader that ends with io.EOF.
func (r *reader) records(read func(next func() ([]byte, error)) error, args ...string) error {
	cmd := r.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	scanner := bufio.NewScanner(out)
	scanner.Buffer(make([]byte, 64<<10), maxRecord)
	scanner.Split(splitNul)
	readErr := read(func() ([]byte, error) {
		if scanner.Scan() {
			return scanner.Bytes(), nil
		}
		if err := scanner.Err(); err != nil {
			return nil, err
		}
		return nil, io.EOF
	})
	if !errors.Is(readErr, io.EOF) {
		_ = cmd.Process.Kill() // it would wait for somebody to read the rest
		_ = cmd.Wait()
		return readErr
	}
	if err := cmd.Wait(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return fmt.Errorf("git %s: %w: %s", args[0], err, first)
	}
	return nil
}

func splitNul(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}
