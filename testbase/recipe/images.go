package recipe

// Chain is a root file system that grows step by step; every step is a layer.
type Chain struct {
	Name   string
	Steps  []Step
	Images []Image
}

// Step makes one layer: a script that runs inside the root, with arguments.
type Step struct {
	Name      string
	Script    string   // name of a script
	Args      []string // such as the packages to install
	CreatedBy string   // what the image's history says
	Python    bool     // copy the compiled CPython in first
}

// Image names a point of a chain.
type Image struct {
	Repository string
	Tags       []string
	Layers     int // how many steps of the chain it has
	Env        []string
	Cmd        []string
	PipIndex   bool // gets a last layer with /etc/pip.conf
}

// Chains are all images, by the root that they share. The package lists are
// those of the official images (debuerreotype, buildpack-deps, python).
func Chains() []Chain {
	return []Chain{
		{
			Name: "full",
			Steps: []Step{
				{Name: "debian", Script: "nothing", CreatedBy: "debian bookworm, minbase"},
				install("fetch tools", "ca-certificates", "curl", "gnupg", "netbase", "sq", "tzdata", "wget"),
				install("version control", "git", "mercurial", "openssh-client", "procps", "subversion"),
				install("build packages", buildPackages...),
				install("more headers", "libbluetooth-dev", "tk-dev", "uuid-dev"),
				{Name: "python", Script: "python", Python: true, CreatedBy: "CPython " + PythonVersion + ", compiled"},
			},
			Images: []Image{
				{Repository: "library/debian", Tags: []string{"bookworm", "12"}, Layers: 1, Cmd: []string{"bash"}, Env: debianEnv},
				{Repository: "library/python", Tags: []string{"3.11", "3.11-bookworm"}, Layers: 6, Cmd: []string{"python3"}, Env: pythonEnv, PipIndex: true},
			},
		},
		{
			Name: "slim",
			Steps: []Step{
				{Name: "debian", Script: "slim", CreatedBy: "debian bookworm, minbase, without documentation"},
				install("runtime packages", "ca-certificates", "netbase", "tzdata"),
				{Name: "python", Script: "python", Args: []string{"runtime"}, Python: true, CreatedBy: "CPython " + PythonVersion + ", compiled, with the libraries it links to"},
			},
			Images: []Image{
				{Repository: "library/debian", Tags: []string{"bookworm-slim", "12-slim"}, Layers: 1, Cmd: []string{"bash"}, Env: debianEnv},
				{Repository: "library/python", Tags: []string{"3.11-slim", "3.11-slim-bookworm"}, Layers: 3, Cmd: []string{"python3"}, Env: pythonEnv, PipIndex: true},
			},
		},
	}
}

func install(name string, packages ...string) Step {
	return Step{Name: name, Script: "install", Args: packages, CreatedBy: "apt-get install: " + name}
}

var debianEnv = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

var pythonEnv = []string{
	"PATH=/usr/local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LANG=C.UTF-8",
	"GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D",
	"PYTHON_VERSION=" + PythonVersion,
}

// buildPackages are what buildpack-deps adds for compiling other software.
var buildPackages = []string{
	"autoconf", "automake", "bzip2", "default-libmysqlclient-dev", "dpkg-dev", "file", "g++", "gcc",
	"imagemagick", "libbz2-dev", "libc6-dev", "libcurl4-openssl-dev", "libdb-dev", "libevent-dev",
	"libffi-dev", "libgdbm-dev", "libglib2.0-dev", "libgmp-dev", "libjpeg-dev", "libkrb5-dev",
	"liblzma-dev", "libmagickcore-dev", "libmagickwand-dev", "libmaxminddb-dev", "libncurses5-dev",
	"libncursesw5-dev", "libpng-dev", "libpq-dev", "libreadline-dev", "libsqlite3-dev", "libssl-dev",
	"libtool", "libwebp-dev", "libxml2-dev", "libxslt-dev", "libyaml-dev", "make", "patch", "unzip",
	"xz-utils", "zlib1g-dev",
}

// PythonBuildPackages are what CPython is compiled with: all its optional modules.
var PythonBuildPackages = []string{
	"gcc", "make", "libc6-dev", "libbluetooth-dev", "libbz2-dev", "libdb-dev", "libexpat1-dev",
	"libffi-dev", "libgdbm-dev", "liblzma-dev", "libncursesw5-dev", "libnsl-dev", "libreadline-dev",
	"libsqlite3-dev", "libssl-dev", "tk-dev", "uuid-dev", "zlib1g-dev",
	"python3-wheel-whl",
}
