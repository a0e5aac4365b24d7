package ecosystem

// Observed is what one run of the original showed, as plain data. The zero value
// of a field means: not seen, which says nothing about what is so.
type Observed struct {
	// Port is the TCP port that answered; Sockets are all that listened.
	Port    int
	Sockets []Socket
	// Answered are the paths of GET requests that were answered with status 200.
	Answered []string
	// Writes are absolute paths of files that the application made or wrote, and of directories in which it
	// did. Of directories that it made, the topmost one stands for all below it.
	Writes []Write
	// Libraries are absolute paths of the shared libraries that its processes had loaded, and Packages the Debian
	// packages that hold them or the programs.
	Libraries []string
	Packages  []Package
	// Lacking are those of the packages that the rewritten image was seen not to have, although it could
	// have them, without those that others of them bring in.
	Lacking []string
	// Programs are absolute paths of what its processes run, without repetition.
	Programs []string
	// Processes are the main process and its descendants, the main one first.
	Processes []Process
	// Env has the names of the main process's environment variables.
	Env []string
	// Opened are absolute paths of the files that were opened in a run of its own, Gone those of them that the original
	// image has and the rewritten one was seen not to have. Untraced says why files may be missing there; empty when none is.
	Opened   []string
	Gone     []string
	Untraced string
	// Incomplete says what else could not be seen and why, a line each.
	Incomplete []string
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
	Exe       string // absolute; empty when it could not be read
	Dir       string // working directory, absolute; empty when it could not be read
	UID, GID  int
}

// Package is a Debian package of which files were loaded.
type Package struct {
	Name  string
	Files []string // absolute, those that were loaded
	// Brings are the other packages seen that its installation brings in.
	Brings []string
}
