package rules

// manager is what rules know about a package manager. Paths and flags are those
// of the managers' own documentation.
type manager struct {
	name     string
	programs []string // names it is called by
	verbs    []string // subcommands that install, of one word or several
	system   bool     // installs packages of the distribution, not dependencies of the application
	// noCache is the flag that leaves no cache behind; empty when there is none.
	noCache string
	// noCacheEnv is the variable that has the same effect, with any non-empty value.
	noCacheEnv string
	// caches are the directories that hold what was downloaded, for root.
	caches []string
	// clean is the shell command that empties the caches, for the end of the same RUN.
	clean string
	// bare says that the program without a subcommand installs, too.
	bare bool
	// refresh is the subcommand that fetches the package lists.
	refresh string
	// purge is the subcommand that empties the cache.
	purge string
	// production is the option of an install that leaves development dependencies out; empty when there is none.
	production string
	// without is the option that leaves groups of dependencies out, which are named behind it; empty when there are no groups,
	// or production leaves out the one for development.
	without string
	// development are the options of an install that bring them, where they are left out otherwise.
	development []string
	// names are options of an install that name what it brings, beside which neither production nor without has a say.
	names []string
	// valued are options of an install whose value is the next word. Those that change the directory are not among them: what
	// stands behind such a one may be another subcommand.
	valued []string
	// cacheDirEnv is the variable that moves the cache.
	cacheDirEnv string
	// apart are options of an install that leave the project itself out, itself that with which it adds nothing else.
	apart  []string
	itself string
	// settles are subcommands that only change the manager's own settings or fill its cache, or tell what there is.
	settles []string
}

var managers = []manager{
	{
		name: "apt", programs: []string{"apt-get", "apt"}, verbs: []string{"install"}, system: true,
		caches: []string{"/var/lib/apt/lists"}, clean: "rm -rf /var/lib/apt/lists/*", refresh: "update",
	},
	{
		name: "apk", programs: []string{"apk"}, verbs: []string{"add"}, system: true,
		noCache: "--no-cache", caches: []string{"/var/cache/apk"}, clean: "rm -rf /var/cache/apk/*", refresh: "update",
	},
	{
		name: "pip", programs: []string{"pip", "pip3"}, verbs: []string{"install"},
		noCache: "--no-cache-dir", noCacheEnv: "PIP_NO_CACHE_DIR",
		caches: []string{"/root/.cache/pip"}, clean: "rm -rf /root/.cache/pip",
		purge: "cache purge", cacheDirEnv: "PIP_CACHE_DIR", settles: []string{"uninstall", "check", "list", "freeze"},
	},
	{
		name: "poetry", programs: []string{"poetry"}, verbs: []string{"install", "sync", "export"},
		without: "--without", names: []string{"--only", "--all-groups"}, apart: []string{"--no-root", "--no-directory"}, itself: "--only-root",
		valued:  []string{"-E", "--extras", "--with", "--without", "--only", "-f", "--format", "-o", "--output"},
		noCache: "--no-cache", caches: []string{"/root/.cache/pypoetry"}, clean: "rm -rf /root/.cache/pypoetry",
		cacheDirEnv: "POETRY_CACHE_DIR", settles: []string{"config", "check"},
	},
	{
		name: "pipenv", programs: []string{"pipenv"}, verbs: []string{"install", "sync"},
		development: []string{"--dev", "-d"}, valued: []string{"--python", "-i", "--index", "--pypi-mirror", "--categories", "--extra-pip-args"}, caches: []string{"/root/.cache/pipenv"}, clean: "rm -rf /root/.cache/pipenv",
		cacheDirEnv: "PIPENV_CACHE_DIR", settles: []string{"verify"},
	},
	{
		name: "uv", programs: []string{"uv"}, verbs: []string{"sync", "pip"},
		production: "--no-dev", names: []string{"--only-dev"}, apart: []string{"--no-install-project", "--no-install-workspace"}, noCache: "--no-cache", noCacheEnv: "UV_NO_CACHE", caches: []string{"/root/.cache/uv"}, clean: "rm -rf /root/.cache/uv",
		cacheDirEnv: "UV_CACHE_DIR",
		valued: []string{
			"--extra", "--no-extra", "--group", "--no-group", "--only-group", "--package", "--no-install-package", "--index", "--default-index", "-i", "--index-url",
			"--extra-index-url", "-f", "--find-links", "--index-strategy", "--keyring-provider", "--resolution", "--prerelease", "--exclude-newer", "--link-mode",
			"-p", "--python", "--python-preference", "-C", "--config-setting", "--config-file", "--no-build-package", "--no-binary-package", "-P", "--upgrade-package",
			"--reinstall-package", "--refresh-package", "--no-build-isolation-package", "--cache-dir", "--color", "--allow-insecure-host",
		},
	},
	{
		name: "npm", programs: []string{"npm"}, verbs: []string{"install", "i", "ci", "clean-install", "add"}, production: "--omit=dev",
		valued: []string{
			"--loglevel", "--registry", "--cache", "--userconfig", "--globalconfig", "--omit", "--include", "--only", "--install-strategy", "--fetch-retries", "--fetch-timeout",
			"--fetch-retry-factor", "--fetch-retry-mintimeout", "--fetch-retry-maxtimeout", "--maxsockets", "--tag", "--proxy", "--https-proxy", "--noproxy", "--audit-level",
			"--before", "--os", "--cpu", "--libc", "--script-shell",
		},
		caches: []string{"/root/.npm"}, clean: "npm cache clean --force",
		purge: "cache clean", cacheDirEnv: "npm_config_cache", settles: []string{"config", "set", "get"},
	},
	{
		name: "yarn", programs: []string{"yarn", "yarnpkg"}, verbs: []string{"install", "add", "workspaces focus"}, bare: true, production: "--production",
		valued: []string{
			"--network-timeout", "--network-concurrency", "--mutex", "--registry", "--cache-folder", "--preferred-cache-folder", "--modules-folder", "--global-folder",
			"--link-folder", "--use-yarnrc", "--proxy", "--https-proxy", "--otp", "--mode",
		},
		caches: []string{"/usr/local/share/.cache/yarn"}, clean: "yarn cache clean",
		purge: "cache clean", cacheDirEnv: "YARN_CACHE_FOLDER",
	},
	{
		// The store holds what node_modules links to where both are on one file system: deleting it saves little, and is left to the author.
		name: "pnpm", programs: []string{"pnpm"}, verbs: []string{"install", "i", "add"}, production: "--prod",
		valued:  []string{"--loglevel", "--reporter", "--registry", "--store-dir", "--network-concurrency", "--child-concurrency", "--fetch-timeout", "--fetch-retries", "--node-linker", "--package-import-method"},
		settles: []string{"config", "set", "get", "fetch"},
	},
	{
		// A build below needs what was downloaded: nothing is cleaned up here.
		name: "go", programs: []string{"go"}, verbs: []string{"mod"},
	},
}

// buildTools are Debian packages that only compile things. Packages ending in
// -dev are treated the same.
var buildTools = map[string]bool{
	"autoconf": true, "automake": true, "binutils": true, "bison": true, "build-essential": true,
	"clang": true, "cmake": true, "cpp": true, "dpkg-dev": true, "flex": true, "g++": true, "gcc": true,
	"gfortran": true, "libtool": true, "m4": true, "make": true, "meson": true, "ninja-build": true,
	"patch": true, "pkg-config": true, "pkgconf": true, "rustc": true, "cargo": true, "swig": true,
}

// harmless are programs of a RUN that change nothing that a later stage could miss:
// they clean up, set shell options or print.
var harmless = map[string]bool{
	"true": true, ":": true, "set": true, "echo": true, "rm": true, "find": true, "ls": true, "cat": true, "which": true,
	"test": true, "[": true, "exit": true, "export": true, "unset": true, "printf": true, "sleep": true,
	// An environment for dependencies is carried whole, or the ecosystem has no bundle.
	"venv": true, "virtualenv": true,
}

// harmlessVerbs are the same for single subcommands: they fetch into a cache that only builds read or empty it, look at the source, or print.
var harmlessVerbs = map[string][]string{
	"go":   {"mod", "vet", "version", "env", "list", "test", "clean"},
	"npm":  {"cache"},
	"yarn": {"cache"},
	// It puts programs into the image that call the package managers which it downloads.
	"corepack": {"enable", "prepare", "install", "use"},
}

// accountPrograms make users, directories and permissions: they belong to the
// stage that runs, and installing dependencies does not need them.
var accountPrograms = map[string]bool{
	"useradd": true, "groupadd": true, "adduser": true, "addgroup": true, "usermod": true,
	"mkdir": true, "chown": true, "chgrp": true, "chmod": true, "install": true, "touch": true, "ln": true,
}
