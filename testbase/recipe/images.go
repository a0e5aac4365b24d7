package recipe

// Image names a step, with everything below it, as an image.
type Image struct {
	Repository string
	Tags       []string
	Top        string // name of the step whose layer is its last
	Config     Config
	PipIndex   bool // gets one more layer, with /etc/pip.conf
}

// Config is what an image says about running it.
type Config struct {
	Env        []string `json:"env,omitempty"`
	Entrypoint []string `json:"entrypoint,omitempty"`
	Cmd        []string `json:"cmd,omitempty"`
	User       string   `json:"user,omitempty"`
	WorkDir    string   `json:"work_dir,omitempty"`
	Ports      []string `json:"ports,omitempty"` // "80/tcp"
	StopSignal string   `json:"stop_signal,omitempty"`
}

// Images are all images, under the names and with the settings of the official ones.
func Images() []Image {
	return []Image{
		{Repository: "library/debian", Tags: []string{"bookworm", "12"}, Top: "debian", Config: debian},
		{Repository: "library/debian", Tags: []string{"bookworm-slim", "12-slim"}, Top: "slim debian", Config: debian},
		{Repository: "library/python", Tags: []string{"3.11", "3.11-bookworm"}, Top: "python", Config: python, PipIndex: true},
		{Repository: "library/python", Tags: []string{"3.11-slim", "3.11-slim-bookworm"}, Top: "slim python", Config: python, PipIndex: true},
		{Repository: "library/node", Tags: nodeTags("", "-bookworm"), Top: "node entrypoint", Config: nodeConfig},
		{Repository: "library/node", Tags: nodeTags("-slim", "-bookworm-slim"), Top: "slim node entrypoint", Config: nodeConfig},
		{Repository: "library/golang", Tags: []string{"1.26", "1.26-bookworm", GoVersion, GoVersion + "-bookworm"}, Top: "go path", Config: golang},
		{Repository: "library/nginx", Tags: nginxTags, Top: "nginx", Config: nginx("", "80/tcp")},
		{Repository: "nginxinc/nginx-unprivileged", Tags: nginxTags, Top: "nginx unprivileged", Config: nginx("101", "8080/tcp")},
		{Repository: "distroless/static-debian12", Tags: []string{"latest"}, Top: "static", Config: distroless("0", "/")},
		{Repository: "distroless/static-debian12", Tags: []string{"nonroot"}, Top: "static", Config: distroless("65532", "/home/nonroot")},
		{Repository: "distroless/base-debian12", Tags: []string{"latest"}, Top: "static with libc", Config: distroless("0", "/")},
		{Repository: "distroless/base-debian12", Tags: []string{"nonroot"}, Top: "static with libc", Config: distroless("65532", "/home/nonroot")},
	}
}

// nodeTags are the tags of a release line: its number, its release, its code name.
func nodeTags(forms ...string) (tags []string) {
	for _, version := range []string{"20", NodeVersion, "iron"} {
		for _, form := range forms {
			tags = append(tags, version+form)
		}
	}
	return tags
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

var debian = Config{Env: []string{"PATH=" + systemPath}, Cmd: []string{"bash"}}

var python = Config{
	Env: []string{
		"PATH=/usr/local/bin:" + systemPath,
		"LANG=C.UTF-8",
		"GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D",
		"PYTHON_VERSION=" + PythonVersion,
	},
	Cmd: []string{"python3"},
}

// nodeConfig has one variable more than the official images: Node.js does not
// read the system's certificates unless it is told to.
var nodeConfig = Config{
	Env: []string{
		"PATH=" + systemPath,
		"NODE_VERSION=" + NodeVersion,
		"YARN_VERSION=" + YarnVersion,
		"NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt",
	},
	Entrypoint: []string{"docker-entrypoint.sh"},
	Cmd:        []string{"node"},
}

var golang = Config{
	Env: []string{
		"PATH=/go/bin:/usr/local/go/bin:" + systemPath,
		"GOLANG_VERSION=" + GoVersion,
		"GOTOOLCHAIN=local",
		"GOPATH=/go",
	},
	Cmd:     []string{"bash"},
	WorkDir: "/go",
}

// nginxTags name what Debian 12 has; the official stable and latest are newer.
var nginxTags = []string{"1.22", "1.22.1", "stable", "stable-bookworm", "latest"}

func nginx(user string, ports ...string) Config {
	return Config{
		Env:        []string{"PATH=" + systemPath, "NGINX_VERSION=1.22.1"},
		Entrypoint: []string{"/docker-entrypoint.sh"},
		Cmd:        []string{"nginx", "-g", "daemon off;"},
		User:       user,
		Ports:      ports,
		StopSignal: "SIGQUIT",
	}
}

func distroless(user, workDir string) Config {
	return Config{
		Env:     []string{"PATH=" + systemPath, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
		User:    user,
		WorkDir: workDir,
	}
}
