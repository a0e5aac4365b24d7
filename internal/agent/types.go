package agent

import (
	"errors"
	"time"

	"github.com/plimsoll/plimsoll/internal/engine"
)

// WaitRequest asks to wait until the application answers on loopback.
type WaitRequest struct {
	// Port on 127.0.0.1 or, failing that, ::1. 0 means: any TCP port on which the
	// container listens.
	Port int `json:"port"`
	// Path makes it an HTTP GET, and any HTTP status counts as an answer.
	// Empty means that a TCP connection is enough. Prefer a path: the kernel
	// accepts connections for a process that is frozen.
	Path string `json:"path,omitempty"`
	// Elsewhere, when over 0, is how long the application may have listened on other ports alone until one of these
	// counts too: Port may be a guess.
	Elsewhere time.Duration `json:"elsewhere_ns,omitempty"`
	// Timeout is how long to wait; 0 means 30 s.
	Timeout time.Duration `json:"timeout_ns"`
	// Main is the main process; 0 means 1.
	Main int `json:"main,omitempty"`
}

// WaitAnswer says whether and when the application answered.
type WaitAnswer struct {
	Up bool `json:"up"`
	// Seconds from the start of the main process until the answer was
	// complete. The kernel records the start in ticks of 10 ms, rounded down: the figure
	// is at most 10 ms too long. It counts from the fork of the process that
	// the container runtime then turns into the application, so it contains
	// the runtime's own last steps (a few ms).
	Seconds float64 `json:"seconds,omitempty"`
	// Late is set when the very first attempt was answered: the application
	// was up before the agent looked, and Seconds is an upper limit.
	Late bool `json:"late,omitempty"`
	// Address and Port that answered ("127.0.0.1" or "::1").
	Address string `json:"address,omitempty"`
	Port    int    `json:"port,omitempty"`
	// Status is the HTTP status; 0 for TCP.
	Status   int `json:"status,omitempty"`
	Attempts int `json:"attempts"`
	// Ended is set when the main process was gone or a zombie.
	Ended bool `json:"ended,omitempty"`
	// LastError is why the last attempt failed, when not Up.
	LastError string `json:"last_error,omitempty"`
}

// AskRequest sends HTTP requests to the application, one after another, each on a
// connection of its own, so that no answer depends on what was asked before
// on the same connection. Redirects are not followed.
type AskRequest struct {
	Port     int           `json:"port"`
	Requests []HTTPRequest `json:"requests"`
	// Repeat, when over 0, sends the whole list that many times as load
	// and answers with counts alone.
	Repeat int `json:"repeat,omitempty"`
	// Each bounds one request; 0 means 10 s.
	Each time.Duration `json:"each_ns,omitempty"`
	// Timeout bounds them all; what was not asked by then has Error set.
	Timeout time.Duration `json:"timeout_ns"`
}

// HTTPRequest is one request, possibly with variables in braces in its path.
type HTTPRequest struct {
	Method string `json:"method"`
	// Path with query; "{name}" is replaced by a captured value or else by Values[name].
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    []byte            `json:"body,omitempty"`
	// Values holds the values for variables in Path that nothing has captured.
	Values map[string]string `json:"values,omitempty"`
	// Captures names variables that this request's answer gives a value to, each
	// with the members of the JSON answer to take it from, the best first.
	Captures map[string][]string `json:"captures,omitempty"`
}

// HTTPAnswer is the answer to one request.
type HTTPAnswer struct {
	// Path is what was really asked, variables replaced.
	Path   string `json:"path"`
	Status int    `json:"status"` // 0 when there was no answer
	// Headers by canonical name; several values are joined by ", ". Values of cookies are left out.
	Headers map[string]string `json:"headers,omitempty"`
	// Body holds the first megabyte; Length and SHA256 are of all of it,
	// up to 64 MB, where reading stops with an Error.
	Body         []byte  `json:"body,omitempty"`
	Length       int64   `json:"length"`
	SHA256       string  `json:"sha256,omitempty"`
	Truncated    bool    `json:"truncated,omitempty"`
	Milliseconds float64 `json:"milliseconds"`
	Error        string  `json:"error,omitempty"`
}

// AskAnswer has one answer per request in their order or, for a load, Load.
type AskAnswer struct {
	Answers []HTTPAnswer `json:"answers,omitempty"`
	Load    *Load        `json:"load,omitempty"`
}

// Load counts what a repeated list of requests was answered with.
type Load struct {
	Sent   int `json:"sent"`
	Failed int `json:"failed"` // no HTTP answer
	// Statuses counts answers by HTTP status.
	Statuses  map[int]int `json:"statuses"`
	Seconds   float64     `json:"seconds"`
	LastError string      `json:"last_error,omitempty"`
	// Stopped is set when the time-out came before the last round.
	Stopped bool `json:"stopped,omitempty"`
}

// ExecRequest runs a command in the container, as a HEALTHCHECK is run.
type ExecRequest struct {
	// Argv is the command; for a shell form the shell and its flags come first
	// ("/bin/sh", "-c", "…").
	Argv []string `json:"argv"`
	// Env is the whole environment ("NAME=value"). HOME is added from
	// /etc/passwd when absent, as Docker does.
	Env []string `json:"env,omitempty"`
	Dir string   `json:"dir,omitempty"` // "" means /
	// User is as in the image's config: "", "10001", "10001:10001", "name", "name:group".
	User    string        `json:"user,omitempty"`
	Timeout time.Duration `json:"timeout_ns"`
	// Stop is the number of the signal that ends the command when its time is over, and that has a moment to be heeded;
	// 0 means that it is killed at once, and all that it started.
	Stop int `json:"stop,omitempty"`
	// Frozen stops the application's processes while the command runs, all but the main one, which only the engine can stop.
	Frozen bool `json:"frozen,omitempty"`
	Main   int  `json:"main,omitempty"` // 0 means 1
}

// ExecAnswer says how the command ended.
type ExecAnswer struct {
	Exit     int     `json:"exit"` // -1 when it did not start or was ended by a signal
	Signal   string  `json:"signal,omitempty"`
	Stdout   string  `json:"stdout,omitempty"` // the first 64 KiB
	Stderr   string  `json:"stderr,omitempty"` // the first 64 KiB
	Seconds  float64 `json:"seconds"`
	TimedOut bool    `json:"timed_out,omitempty"`
	// Error says why it could not be started (no such program, no such user).
	Error string `json:"error,omitempty"`
	// Unfrozen says why the application's processes could not be stopped: the command was not run.
	Unfrozen string `json:"unfrozen,omitempty"`
}

// ProcessesRequest asks for the application's processes.
type ProcessesRequest struct {
	Main    int           `json:"main,omitempty"` // 0 means 1
	Timeout time.Duration `json:"timeout_ns"`
}

// ProcessesAnswer lists the main process and its descendants, the main one
// first. Processes started from outside (the agent, its commands) are not among them.
type ProcessesAnswer struct {
	Processes []Process `json:"processes"`
	// PeakBytes is the sum of the peak resident sizes (VmHWM). Pages that
	// processes share count once for each; processes that have ended are missing.
	PeakBytes int64 `json:"peak_bytes"`
	// ResidentBytes is the sum of the resident sizes now (VmRSS).
	ResidentBytes int64 `json:"resident_bytes"`
	// ProportionalBytes is the sum of the proportional sizes now (PSS), in
	// which a shared page counts once. It is known when Proportional is set:
	// when every process's figure was readable.
	ProportionalBytes int64 `json:"proportional_bytes,omitempty"`
	Proportional      bool  `json:"proportional,omitempty"`
}

// Process is one process of the application.
type Process struct {
	PID     int      `json:"pid"`
	PPID    int      `json:"ppid"`
	UID     int      `json:"uid"` // effective
	GID     int      `json:"gid"` // effective
	Groups  []int    `json:"groups,omitempty"`
	Name    string   `json:"name"`
	Argv    []string `json:"argv,omitempty"`
	Exe     string   `json:"exe,omitempty"`
	Dir     string   `json:"dir,omitempty"` // working directory
	State   string   `json:"state"`         // "R", "S", "T" (stopped), "Z" (zombie) …
	Threads int      `json:"threads"`
	// Peak, Resident and Proportional are VmHWM, VmRSS and PSS in bytes;
	// Proportional is -1 where it was not readable.
	Peak         int64 `json:"peak_bytes"`
	Resident     int64 `json:"resident_bytes"`
	Proportional int64 `json:"proportional_bytes"`
}

// SocketsRequest asks for the TCP ports on which the container listens.
type SocketsRequest struct {
	Timeout time.Duration `json:"timeout_ns"`
}

// SocketsAnswer lists listening TCP sockets, ordered by port and address.
type SocketsAnswer struct {
	Sockets []Socket `json:"sockets"`
}

// Socket is a listening TCP socket.
type Socket struct {
	Address string `json:"address"` // "0.0.0.0", "127.0.0.1", "::"
	Port    int    `json:"port"`
	UID     int    `json:"uid"` // of whoever made it
	Inode   uint64 `json:"inode"`
	PID     int    `json:"pid,omitempty"` // 0 when no owner was found
}

// KillRequest sends one signal to the main process alone, as from outside of the container: STOP and KILL, which
// the kernel drops for process 1 when they come from inside, go through a trace of it.
type KillRequest struct {
	Signal  int           `json:"signal"`         // its number on Linux
	Main    int           `json:"main,omitempty"` // 0 means 1
	Timeout time.Duration `json:"timeout_ns"`
}

// KillAnswer says that the signal was sent.
type KillAnswer struct{}

// ELFRequest looks for programs and libraries whose shared libraries are missing.
type ELFRequest struct {
	// Dirs are walked; links are not followed. Files are looked at directly.
	Dirs  []string `json:"dirs,omitempty"`
	Files []string `json:"files,omitempty"`
	// LibraryPath is the application's LD_LIBRARY_PATH.
	LibraryPath string        `json:"library_path,omitempty"`
	Timeout     time.Duration `json:"timeout_ns"`
}

// ELFAnswer lists what the dynamic loader would not find.
type ELFAnswer struct {
	Examined int              `json:"examined"` // dynamic ELF files
	Missing  []MissingLibrary `json:"missing,omitempty"`
	// Incomplete says why not everything was looked at.
	Incomplete string `json:"incomplete,omitempty"`
}

// MissingLibrary is a shared library (or program interpreter) that a file
// needs and that the loader does not find.
type MissingLibrary struct {
	File    string `json:"file"`
	Library string `json:"library"`
	// Elsewhere is a file of that name outside of the loader's path: a
	// program may load it by path beforehand, so that nothing is missing.
	Elsewhere string `json:"elsewhere,omitempty"`
}

// WritableRequest asks whether a user can write to paths. It creates and
// removes a file in each directory: ask for changes (Changed) first.
type WritableRequest struct {
	User  string   `json:"user"` // as in ExecRequest
	Paths []string `json:"paths"`
	// Home is another user's home directory: in the place of a path below it, the one below the user's own is tried.
	Home    string        `json:"home,omitempty"`
	Timeout time.Duration `json:"timeout_ns"`
}

// WritableAnswer has one entry per path, in their order.
type WritableAnswer struct {
	Paths []PathAccess `json:"paths"`
}

// PathAccess describes one path and whether the user can write to it. A path that
// does not exist is writable when it can be created in its parent.
type PathAccess struct {
	Path   string `json:"path"`
	Exists bool   `json:"exists"`
	Dir    bool   `json:"dir,omitempty"`
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	Mode   string `json:"mode,omitempty"` // "drwxr-xr-x"
	// Tried is what was really tried: the path, or its nearest parent that exists.
	Tried    string `json:"tried,omitempty"`
	Writable bool   `json:"writable"`
	// Reason says why not: "permission denied", "read-only file system".
	Reason string `json:"reason,omitempty"`
}

// ChangedRequest asks what was written since the main process started.
type ChangedRequest struct {
	// Dirs are looked below; none means the root. /proc, /sys, /dev and the
	// agent's own directory are always left out.
	Dirs []string `json:"dirs,omitempty"`
	// Limit bounds the entries in the answer; 0 means 1000.
	Limit   int           `json:"limit,omitempty"`
	Main    int           `json:"main,omitempty"` // 0 means 1
	Timeout time.Duration `json:"timeout_ns"`
}

// ChangedAnswer lists files and directories whose inode changed after the start,
// by path.
type ChangedAnswer struct {
	Changes []Change `json:"changes,omitempty"`
	// Incomplete says why there may be more ("more than 1000 entries").
	Incomplete string `json:"incomplete,omitempty"`
}

// Change is a file that was created, written, or opened for writing in a lower
// layer, or a directory in which an entry was made or removed.
type Change struct {
	Path string `json:"path"`
	Dir  bool   `json:"dir,omitempty"`
	UID  int    `json:"uid"`
	GID  int    `json:"gid"`
	Mode string `json:"mode"`
	Size int64  `json:"size"` // 0 for directories
}

// EnvRequest asks for the names of the main process's environment variables.
type EnvRequest struct {
	Main    int           `json:"main,omitempty"` // 0 means 1
	Timeout time.Duration `json:"timeout_ns"`
}

// EnvAnswer has names alone, sorted: values may be secrets and stay inside.
type EnvAnswer struct {
	Names []string `json:"names"`
}

// LoadedRequest asks which programs and shared libraries the application's processes have in memory.
type LoadedRequest struct {
	Main    int           `json:"main,omitempty"` // 0 means 1
	Timeout time.Duration `json:"timeout_ns"`
}

// LoadedAnswer lists files by path, and the Debian packages that hold them by name.
type LoadedAnswer struct {
	Programs  []string        `json:"programs,omitempty"`
	Libraries []string        `json:"libraries,omitempty"`
	Packages  []LoadedPackage `json:"packages,omitempty"`
	// Incomplete says why there may be more.
	Incomplete string `json:"incomplete,omitempty"`
}

// LoadedPackage is a Debian package of which files are in memory.
type LoadedPackage struct {
	Name  string   `json:"name"`
	Files []string `json:"files"`
	// Brings are those of the other packages that its installation brings in, by dependencies that have no alternative.
	Brings []string `json:"brings,omitempty"`
}

// LacksRequest asks what an image does not have.
type LacksRequest struct {
	Dirs     []string      `json:"dirs,omitempty"`     // absolute; one that is a link to a directory is there
	Files    []string      `json:"files,omitempty"`    // absolute, of any kind
	Packages []string      `json:"packages,omitempty"` // Debian packages by name
	Timeout  time.Duration `json:"timeout_ns"`
}

// LacksAnswer lists what of a request is not there.
type LacksAnswer struct {
	Dirs  []string `json:"dirs,omitempty"`
	Files []string `json:"files,omitempty"`
	// Packages is known when the image is one of Debian's, with its package manager: Debian is set.
	Packages []string `json:"packages,omitempty"`
	Debian   bool     `json:"debian,omitempty"`
}

// TraceRequest asks to run a command, in a container whose main process is an agent that holds, and to note which
// files are opened meanwhile. One that serves is asked, and then ended.
type TraceRequest struct {
	Command ExecRequest `json:"command"` // its own time-out is not heeded
	// Serves says that the command goes on and answers on Port (0 means any) and Path, as in WaitRequest.
	Serves   bool          `json:"serves,omitempty"`
	Port     int           `json:"port,omitempty"`
	Path     string        `json:"path,omitempty"`
	Requests []HTTPRequest `json:"requests,omitempty"`
	// For is how long one that serves nothing goes on before it is ended, where that is before Timeout; 0 means never.
	For time.Duration `json:"for_ns,omitempty"`
	// Loaded asks for what the processes have in memory meanwhile, too.
	Loaded  bool          `json:"loaded,omitempty"`
	Timeout time.Duration `json:"timeout_ns"`
}

// TraceAnswer says how the command went.
type TraceAnswer struct {
	Command ExecAnswer `json:"command"`
	// Up is set when a command that serves answered all requests in time.
	Up bool `json:"up,omitempty"`
	// Opened are the files that were opened, by path: regular ones, programs among them, whether or not that failed
	// for lack of permission. Those of the kernel, of temporary directories, of documentation and in directories
	// that were made meanwhile are left out.
	Opened []string `json:"opened,omitempty"`
	// Packages are the Debian packages that hold those of them that are programs, or zones of time.
	Packages []LoadedPackage `json:"packages,omitempty"`
	// Loaded is what was seen in memory, every few milliseconds, if that was asked for.
	Loaded LoadedAnswer `json:"loaded"`
	// Incomplete says why there may be more.
	Incomplete string `json:"incomplete,omitempty"`
}

// WatchRequest says what a container is held to. 0 leaves a limit to the machine, less than 0 is none.
type WatchRequest struct {
	Limits engine.Limits `json:"limits"`
}

// WatchLine is one thing that a watcher has to say.
type WatchLine struct {
	Watching *Watching       `json:"watching,omitempty"`
	Reached  *engine.Reached `json:"reached,omitempty"`
	Error    string          `json:"error,omitempty"`
}

// Watching is what the watcher says when it lets the program start.
type Watching struct {
	Limits   engine.Limits `json:"limits"`      // with the machine's defaults
	Released time.Duration `json:"released_ns"` // since boot
}

// LookRequest asks for all that the running application shows of itself, in one start of the agent: what the requests of
// Sockets, Processes, Env, Loaded and Changed do one by one.
type LookRequest struct {
	Main    int           `json:"main,omitempty"`    // 0 means 1
	Changes int           `json:"changes,omitempty"` // the most to list; 0 means 1000
	Timeout time.Duration `json:"timeout_ns"`
}

// LookAnswer has the answers, each with why it could not be given.
type LookAnswer struct {
	Sockets   Look[SocketsAnswer]   `json:"sockets"`
	Processes Look[ProcessesAnswer] `json:"processes"`
	Env       Look[EnvAnswer]       `json:"env"`
	Loaded    Look[LoadedAnswer]    `json:"loaded"`
	Changed   Look[ChangedAnswer]   `json:"changed"`
}

// Look is the answer to one of several questions.
type Look[Answer any] struct {
	Answer Answer `json:"answer"`
	Error  string `json:"error,omitempty"`
}

// Get is the answer, or why there is none.
func (l Look[Answer]) Get() (Answer, error) {
	if l.Error != "" {
		return l.Answer, errors.New(l.Error)
	}
	return l.Answer, nil
}
