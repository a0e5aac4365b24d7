// Package agent is the part of plimsoll that works inside a container:
// plimsoll's own static binary, mounted read-only and started next to the
// application as
//
//	/.plimsoll/plimsoll __agent VERB
//
// It reads one JSON request, an argument behind the verb or else stdin, and writes one JSON answer to stdout. It
// needs nothing from the image (no shell, no libc), runs as root in the
// container's process and network namespaces, and keeps two promises:
//
//   - It always exits 0. A second process that exits non-zero makes BuildKit
//     end the whole container, so failures travel in the answer.
//   - It always answers in time: every request has a time-out, and a
//     watchdog answers when a verb overruns it.
//
// The side outside of the container uses Client; Main is the side inside.
package agent

import (
	"encoding/json"
	"time"
)

const (
	// Path is where the binary is mounted in a container.
	Path = "/.plimsoll/plimsoll"
	// Command is the hidden command that starts the agent.
	Command = "__agent"
)

// The verbs, each with its request and its answer type.
const (
	VerbWait      = "wait"      // WaitRequest → WaitAnswer
	VerbAsk       = "ask"       // AskRequest → AskAnswer
	VerbExec      = "exec"      // ExecRequest → ExecAnswer
	VerbProcesses = "processes" // ProcessesRequest → ProcessesAnswer
	VerbSockets   = "sockets"   // SocketsRequest → SocketsAnswer
	VerbKill      = "kill"      // KillRequest → KillAnswer
	VerbELF       = "elf"       // ELFRequest → ELFAnswer
	VerbWritable  = "writable"  // WritableRequest → WritableAnswer
	VerbChanged   = "changed"   // ChangedRequest → ChangedAnswer
	VerbEnv       = "env"       // EnvRequest → EnvAnswer
	VerbLoaded    = "loaded"    // LoadedRequest → LoadedAnswer
	VerbLacks     = "lacks"     // LacksRequest → LacksAnswer
	VerbTrace     = "trace"     // TraceRequest → TraceAnswer
	VerbLook      = "look"      // LookRequest → LookAnswer
)

// Hold, in the place of a verb, makes the agent sleep until it is killed or an hour is over: as the main process
// of a container, so that an image can be looked at without starting what it holds.
const Hold = "hold"

// Launch, in the place of a verb, makes the agent become the program behind it: as the main process of a container on
// engines that can't signal it from outside.
const Launch = "launch"

// LaunchWatched is Launch after somebody has come to watch (see Watch).
const LaunchWatched = "launch-watched"

// Watch, in the place of a verb, makes the agent watch the container until it ends, and hold it to limits: it lets the main
// process, which waits with LaunchWatched, become its program, and ends the container when that takes too much. Behind it
// comes a WatchRequest. It writes a WatchLine for what happens, and an empty line each second.
const Watch = "watch"

// StartedVariable tells the agent when the program was released, in nanoseconds since boot: the main process was there before.
const StartedVariable = "PLIMSOLL_STARTED"

// maxHold bounds how long the agent sleeps.
const maxHold = time.Hour

const (
	// defaultTimeout holds for requests that name none.
	defaultTimeout = 30 * time.Second
	// grace is what a verb may take beyond its time-out before the
	// watchdog answers in its place.
	grace = time.Second
	// readTimeout bounds the wait for the request itself.
	readTimeout = 10 * time.Second
	// maxArgument is the size up to which a request travels as an argument (Linux takes 128 KiB in one). BuildKit
	// gives up on all containers of an image when it writes to the stdin of a process that has ended with its
	// container, as the agent does in one that ends at once.
	maxArgument = 64 << 10
	// maxRequest bounds the request read from stdin.
	maxRequest = 16 << 20
	// maxAnswer bounds the answer that a client reads.
	maxAnswer = 64 << 20
)

// limits is the part that all requests have in common.
type limits struct {
	Timeout time.Duration `json:"timeout_ns"`
}

// reply is what travels back: an answer or the reason why there is none.
type reply struct {
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  string          `json:"error,omitempty"`
}
