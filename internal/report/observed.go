package report

// Observed is what the first run of the original showed.
type Observed struct {
	// Port answered; 0 for a program that serves none. Listening are all sockets, as "address:port".
	Port      int
	Listening []string
	// Serving is the process that has the port, as it was started; empty when that is not known.
	Serving []string
	// Writes are files that were written and, with a slash at the end, directories in which something was.
	Writes []string
	// Processes are the main process and its descendants, the main one first.
	Processes []Process
	// Programs and Libraries are the files that they had loaded, Packages the Debian packages that hold these, and
	// Lacking those of them that the runner lacked and was given by name.
	Programs, Libraries, Packages, Lacking []string
	// Files are those that were opened, Modules the packages of the language among them.
	Files, Modules []string
	// Env are the names of the main process's variables.
	Env []string
	// Incomplete says what could not be seen and why.
	Incomplete []string
}

// Process is one process of the running original.
type Process struct {
	PID, Parent int
	Argv        []string
	Dir         string // working directory
	User        string // "uid:gid"
}
