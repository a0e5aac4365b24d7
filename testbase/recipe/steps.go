package recipe

// Step makes one layer on top of another step's root file system.
type Step struct {
	Name      string
	On        string   // the step below; "" for the minimal Debian root, Nothing for an empty one
	Script    string   // name of a script that runs inside the root; "" for none
	Args      []string // its arguments, such as the packages to install
	Add       string   // an addition that is copied in before the script runs
	CreatedBy string   // what the image's history says
}

// Nothing stands for an empty root below a step.
const Nothing = "nothing"

// Additions are what steps can copy in; package bases knows how each is made.
const (
	AddPython = "python" // CPython for /usr/local; its script gets the packages that it needs at run time
	AddNode   = "node"   // Node.js with npm and corepack for /usr/local
	AddYarn   = "yarn"   // yarn classic for /opt
	AddGo     = "go"     // the Go toolchain for /usr/local/go
	AddStatic = "static" // what a static program needs around it, and the user nonroot
	AddLibc   = "libc"   // the C library and OpenSSL, unpacked without a package manager
)

// Steps are all layers, each after the one below it. The package lists are
// those of the official images (debuerreotype, buildpack-deps, python, node, golang).
func Steps() []Step {
	return []Step{
		{Name: "debian", Script: "nothing", CreatedBy: "debian bookworm, minbase"},
		install("fetch tools", "debian", "ca-certificates", "curl", "gnupg", "netbase", "sq", "tzdata", "wget"),
		install("version control", "fetch tools", "git", "mercurial", "openssh-client", "procps", "subversion"),
		install("build packages", "version control", buildPackages...),
		install("more headers", "build packages", "libbluetooth-dev", "tk-dev", "uuid-dev"),
		{Name: "python", On: "more headers", Script: "python", Add: AddPython, CreatedBy: "CPython " + PythonVersion + ", compiled"},

		nodeUser("node user", "build packages"),
		node("node", "node user"),
		yarn("yarn", "node"),
		nodeEntrypoint("node entrypoint", "yarn"),

		install("go build packages", "version control", "g++", "gcc", "libc6-dev", "make", "pkg-config"),
		{Name: "go", On: "go build packages", Script: "go", Add: AddGo, CreatedBy: "Go " + GoVersion + ", from its toolchain module"},
		{Name: "go path", On: "go", Script: "gopath", CreatedBy: "mkdir /go"},

		{Name: "slim debian", Script: "slim", CreatedBy: "debian bookworm, minbase, without documentation"},
		install("slim runtime packages", "slim debian", "ca-certificates", "netbase", "tzdata"),
		{Name: "slim python", On: "slim runtime packages", Script: "python", Args: []string{"runtime"}, Add: AddPython,
			CreatedBy: "CPython " + PythonVersion + ", compiled, with the libraries it links to"},

		nodeUser("slim node user", "slim debian"),
		node("slim node", "slim node user"),
		yarn("slim yarn", "slim node"),
		nodeEntrypoint("slim node entrypoint", "slim yarn"),

		{Name: "nginx", On: "slim debian", Script: "nginx", Args: nginxPackages, CreatedBy: "apt-get install: nginx-light, in the official layout"},
		{Name: "nginx unprivileged", On: "nginx", Script: "unprivileged", CreatedBy: "listen on 8080 as uid 101"},

		{Name: "static", On: Nothing, Add: AddStatic, CreatedBy: "base-files, netbase, tzdata, certificates, nonroot"},
		{Name: "static with libc", On: "static", Add: AddLibc, CreatedBy: "libc6, libssl3, openssl"},
	}
}

func install(name, on string, packages ...string) Step {
	return Step{Name: name, On: on, Script: "install", Args: packages, CreatedBy: "apt-get install: " + name}
}

func nodeUser(name, on string) Step {
	return Step{Name: name, On: on, Script: "nodeuser", CreatedBy: "useradd node, uid 1000"}
}

func node(name, on string) Step {
	return Step{Name: name, On: on, Script: "node", Add: AddNode, CreatedBy: "Node.js " + NodeVersion + ", npm " + npmVersion}
}

func yarn(name, on string) Step {
	return Step{Name: name, On: on, Script: "yarn", Add: AddYarn, Args: []string{YarnVersion}, CreatedBy: "yarn " + YarnVersion}
}

func nodeEntrypoint(name, on string) Step {
	return Step{Name: name, On: on, Script: "nodeentry", CreatedBy: "docker-entrypoint.sh"}
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

// nginxPackages: envsubst fills in the official image's templates; curl is
// there as in the official image.
var nginxPackages = []string{"nginx-light", "gettext-base", "ca-certificates", "curl"}

// StaticPackages and LibcPackages are what distroless' static and base images
// are made of, certificates aside: those are the host's.
var (
	StaticPackages = []string{"base-files", "netbase", "tzdata", "media-types"}
	LibcPackages   = []string{"libc6", "libssl3", "openssl"}
)

// PythonBuildPackages are what CPython is compiled with: all its optional modules.
var PythonBuildPackages = []string{
	"gcc", "make", "libc6-dev", "libbluetooth-dev", "libbz2-dev", "libdb-dev", "libexpat1-dev",
	"libffi-dev", "libgdbm-dev", "liblzma-dev", "libncursesw5-dev", "libnsl-dev", "libreadline-dev",
	"libsqlite3-dev", "libssl-dev", "tk-dev", "uuid-dev", "zlib1g-dev",
	"python3-wheel-whl",
}
