package ecosystem

// Observed is what one run of the original showed, as plain data. The zero value
// of a field means: not seen, which says nothing about what is so.
type Observed struct {
	// Port is the TCP port that answered; Sockets are all that listened.
	Port    int
	Sockets []Socket
	// Writes are absolute paths of files that the application made or wrote, and of directories in which it did.
	Writes []Write
	// Incomplete says why there may be more writes; empty when there are none.
	Incomplete string
	// Libraries are absolute paths of the shared libraries that its processes had loaded,
	// and Packages the distribution packages that hold them, by their names.
	Libraries []string
	Packages  []string
	// Programs are absolute paths of what its processes run, without repetition.
	Programs []string
	// Processes are the main process and its descendants, the main one first.
	Processes []Process
	// Env has the names of the main process's environment variables.
	Env []string
}

// Socket is a listening TCP socket.
type Socket struct {
	Address string // "0.0.0.0", "127.0.0.1", "::"
	Port    int
	PID     int // 0 when its owner was not found
}

// Process is one process of the running application.
type Process struct {
	PID, PPID int
	Argv      []string
	Dir       string // working directory, absolute
	UID, GID  int
}
