// Package ecosystem defines what plimsoll knows about the application in a
// build context. Each ecosystem (python, …) is a package below this one that
// fills in Facts; rules read Facts and never ask which ecosystem it was.
package ecosystem

import (
	"io/fs"
	"path"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/finding"
)

// Source is the place that proves a fact: a line of a file or, when File is empty, what
// was observed in a running container, which Note tells.
type Source struct {
	File string // relative to the context's root, or the Dockerfile's name
	Line int    // 1-based; 0 when the file as a whole is meant
	Note string // why this place proves it, in a few words
}

// Observed reports whether the fact was seen in a running container rather than read in a file.
func (s Source) Observed() bool { return s.File == "" && s.Note != "" }

// Fact is a value with its proof. The zero Fact means: not known.
type Fact[T any] struct {
	Value  T
	Source Source
	// Read is the place in a file that says so too, or says otherwise, of a fact that was observed; zero when none does.
	Read Source
}

// Known reports whether the fact was found.
func (f Fact[T]) Known() bool { return f.Source != (Source{}) }

// Proof is everything that proves the fact, what was observed first.
func (f Fact[T]) Proof() []Source {
	if f.Read == (Source{}) {
		return []Source{f.Source}
	}
	return []Source{f.Source, f.Read}
}

// Input is what an ecosystem may look at: the files that a build would see and
// the Dockerfile, with the state of its final stage.
type Input struct {
	Context    fs.FS
	Dockerfile *dockerfile.File
	Final      *dockerfile.Stage
	// Commands are others that containers of the final stage's image are started with.
	Commands []Fact[Command]
}

// Command takes the place of an image's own.
type Command struct {
	By         string   // what starts it: "the service migrate"
	Entrypoint []string // nil for the image's own
	Argv       []string // nil for the image's own, where that is started by the image's own Entrypoint
	Dir        string   // empty for the image's own
	Chosen     bool     // it is the one that is built for, and run
	Probed     bool     // what starts it says how its health is checked, or that it is not
}

// Detector finds out whether a context belongs to an ecosystem; it returns nil, nil if not.
type Detector struct {
	Name   string
	Detect func(Input) (*Facts, error)
}

// Facts describe one application.
type Facts struct {
	Ecosystem string       // "python"
	Version   Fact[string] // of the language: "3.11", "20"

	// Manifests are the files that the install step reads, the root one
	// first, with everything that they include (-r, -c), each proven.
	Manifests []Fact[Manifest]
	// InstallReadsSource is known when installing needs more than the
	// manifests (an editable install, a setup.py, a local path), so that the
	// source can't be copied after it.
	InstallReadsSource Fact[string]
	// InstallFolders are folders of the context that installing reads besides the manifests, so that an install has them
	// above it with good reason.
	InstallFolders []Fact[string]
	// InstallApart says how dependencies are installed without the source all the same; empty where the install only has to
	// have the files that it reads.
	InstallApart string

	Framework Fact[string] // "fastapi"
	Server    Fact[string] // "uvicorn"

	// Builds are the RUN steps that make outputs out of the source ("npm run build", "go build"), in
	// their order; the Source names the line of the Dockerfile. Empty where the source runs as it is.
	Builds []Fact[string]
	// Checks are the RUN steps that only look at the source ("npm test"): they want what builds, and leave nothing behind.
	Checks []Fact[string]
	// Fetch is the command that downloads what the manifests list, where the Dockerfile leaves that to
	// the build itself; not known where a step of its own does it, or nothing is downloaded. It wants the build step's mounts,
	// and a note about "fetch" says why it can't stand apart from that.
	Fetch Fact[string]
	// ReadsHistory is known when a build step reads git's history without calling git, and the application may tell what it
	// found; the value says how.
	ReadsHistory Fact[string]
	// Global are the steps that install packages for all of the image ("pm2"), which the running application may call, without those
	// that only builds do; the value names the packages, the Source the line of the Dockerfile.
	Global []Fact[string]
	// DevDependencies is known when installing as the Dockerfile does brings packages that only building and
	// testing need; the value names the manifest's section ("devDependencies").
	DevDependencies Fact[string]
	// DevPackages are the names of these packages as an import has them, where the language's packages are called alike,
	// without those that are known to be installed for production too.
	DevPackages []string
	// DevGroups are the groups that list them, by the names that their manager is told to leave out, where it has groups
	// that any project may name and that are not all for development.
	DevGroups []string

	// RunsFromCache is known when the application loads its packages from the cache of the program that installed
	// them (its value, "yarn"), which has to stay in the image then.
	RunsFromCache Fact[string]

	// Start is the command that the container runs: argv, without a shell.
	Start Fact[[]string]
	// StartDir is where Start runs, or else the command of Script, when that is not the image's working directory.
	StartDir string
	// Script is known when Start goes through a package manager to one plain command, of which only the manager
	// knows where its program lies ("next", "start"): nothing else runs, and no variable of the manager's is read.
	Script Fact[[]string]
	Port   Fact[int]
	// Loopback is the address that Port is served on when that is the container's own alone ("127.0.0.1"). Known only from a run.
	Loopback Fact[string]
	Health   Fact[string] // path of a GET route, proven by the source
	Routes   []Fact[Route]
	// OpenAPI is the path where the running application serves its OpenAPI document.
	OpenAPI Fact[string]

	// Native are dependencies with compiled code.
	Native []Fact[NativeDependency]
	// Writes are the paths that the application writes at run time: absolute in
	// the image, or relative to the final stage's working directory. Temporary
	// directories and devices are left out.
	Writes []Fact[Write]
	// EnvRead are the environment variables that the source reads.
	EnvRead []Fact[string]
	// Imports are the names of the packages that the source imports by a literal name, sorted.
	Imports []string
	// Programs are external programs that the source starts ("git", "curl"), or the health check, or the shell scripts that
	// start the application.
	Programs []Fact[string]

	// Process is the process that serves, as it was seen in the running container: what "npm start"
	// really runs. ProcessDir is its working directory when that is not the image's. Known only from a run.
	Process    Fact[[]string]
	ProcessDir string
	// RunPackages are the Debian packages that hold shared libraries which the running application
	// loaded and that a slim base may lack ("libpq5"), known from a run; and those that the bundle's
	// runner needs besides, as its ecosystem knows them ("ca-certificates").
	RunPackages []Fact[string]

	// RunFiles are absolute paths of the application's own files that it opened and that a rewritten image was
	// seen not to have. Known only from a run.
	RunFiles []Fact[string]

	// RunEnv is what the runtime wants in production, each with its reason.
	RunEnv []RunEnv
	// Bundle says how installed dependencies can be carried from a builder
	// stage to the runner; nil when there is no way known to be sound.
	Bundle *Bundle
	// HealthProbe returns the argv of a command that exits 0 when the
	// application answers on 127.0.0.1:port and that needs nothing but the
	// runtime itself. An empty path means: a TCP connect is enough.
	HealthProbe func(port int, path string) []string
	// Junk are patterns (as in .dockerignore) of files that this ecosystem
	// leaves behind and an image never needs, with what they are.
	Junk []Junk
	// Notes say what could not be found out and why, or what is worth knowing besides.
	Notes []Note
}

// Note is a remark about a fact: why it is not known, where the search was cut
// short, what else speaks about it.
type Note struct {
	About  string // the fact, in lower case: "start", "version", "writes", "scan"
	Text   string
	Source Source // zero when no single place is meant
}

// maxNotes bounds the notes about one subject.
const maxNotes = 20

// Remark adds a note, once, and no more than some about one subject.
func (f *Facts) Remark(about, text string, source Source) {
	n := Note{About: about, Text: text, Source: source}
	count := 0
	for _, old := range f.Notes {
		if old == n {
			return
		}
		if old.About == about {
			count++
		}
	}
	if count < maxNotes {
		f.Notes = append(f.Notes, n)
	}
}

// Manifest is a file that lists dependencies.
type Manifest struct {
	Path string // relative to the context's root
	// Kind is what it is to its manager: "requirements", "constraints"; "pyproject", "setup" of a project
	// that is built; "package", "lock", "workspace", "settings" (.npmrc, .yarnrc.yml); "gomod", "gosum".
	Kind string
}

// Route is one HTTP route that the source declares. Parameters stand in the
// path as {name}, however the framework writes them.
type Route struct{ Method, Path string }

// NativeDependency is a dependency with compiled code and what it needs.
type NativeDependency struct {
	Name        string
	Compiles    bool     // has no wheel for glibc: a compiler is needed in the builder
	MuslWheels  bool     // has wheels for musl (alpine)
	BuildDebian []string // Debian packages needed to compile it
	RunDebian   []string // Debian packages with the shared libraries that it loads
}

// Write is a path that the application writes to. For a file, the directory that
// holds it must be writable too: databases keep journals beside their files.
type Write struct {
	Path string
	Dir  bool // the path is a directory in which files are made
}

// Dirname is the directory that has to be writable: the path itself, or what holds the file.
func (w Write) Dirname() string {
	if w.Dir {
		return w.Path
	}
	return path.Dir(w.Path)
}

// RunEnv is a variable to set in the final image.
type RunEnv struct{ Name, Value, Why string }

// Bundle says how the runner gets what the builder made. The stage is cut behind
// the last step that installs or, when Source is set, behind the last that builds.
type Bundle struct {
	// Carries are the files and directories that the runner copies.
	Carries []Carry
	// Create is the shell command that makes the place that dependencies go to, run in the
	// builder before anything is installed; empty when nothing has to be made.
	Create string
	// Prune is the shell command that takes out development dependencies, run in PruneDir when everything is built; empty
	// when there are none, or they have to stay.
	Prune    string
	PruneDir string
	// Installed are the directories, absolute, that installing fills, where building is known to leave them as they are:
	// the runner can take them from the stage that installs, or from one that prunes right behind it. Drop is the command that
	// takes what was installed out of them, for a stage whose result is laid over them.
	Installed []string
	Drop      string
	// Finish is the shell command that takes out what only installing needed, or makes a folder to carry that a build may
	// have made or not, run at the end of the builder; empty when there is nothing.
	Finish string
	// Env must be set in both stages.
	Env []finding.EnvVar
	// BuilderEnv must be set in the builder alone, before the first step that builds ("CGO_ENABLED" "0").
	BuilderEnv []finding.EnvVar
	// Source says that the builder needs the source: it holds all instructions up to the last of
	// Facts.Builds, and the runner gets from the context only what instructions below that one copy.
	Source bool
	// Both says that installing reads the source and the running application may read it
	// too: the instructions that copy it stand in both stages.
	Both bool
	// Manifests says that the running application may read its manifests, as node reads package.json.
	Manifests bool
	// Tool is the program that installs ("poetry") where only the builder needs it: the Source names the
	// instruction that brings it in, which stays there. Create is run below that instruction.
	Tool Fact[string]
	// Start replaces a start command that goes through the tool; nil keeps the author's.
	Start []string
	// Runner describes a runner on another base than the builder's; nil means the same base.
	Runner *Runner
}

// Carry is a file or directory that the runner copies from the builder.
type Carry struct {
	From, To string // absolute; To is the same as From unless it has to lie elsewhere
	Why      string // what it is, in a few words: "dependencies", "the binary"
	Source   Source // what proves that it is needed
}

// Runner is a base image for the runner that is not the builder's.
type Runner struct {
	Base string // reference: "gcr.io/distroless/static-debian12:nonroot"
	// User is the base's own user other than root, as "uid:gid"; empty when it runs as root.
	User string
	// Shell says that the base has a shell, so that RUN and shell forms work there.
	Shell bool
	// Files are small files that the runner needs and nobody wrote, such as a server's configuration.
	Files []RunnerFile
	// Start replaces the author's start command; nil keeps that.
	Start []string
	Why   string // why this base can run the application
}

// RunnerFile is a file that the runner gets with the Dockerfile.
type RunnerFile struct {
	Path string // absolute in the image
	Text string
}

// Junk is a class of files that images never need.
type Junk struct {
	Pattern string // .dockerignore syntax
	What    string // "virtual environment", "byte code"
}
