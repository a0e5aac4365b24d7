package buildctx

// Classes are the kinds of files that no image needs, whatever the language,
// and those that few need. The first that matches wins. What holds credentials
// is not here: that is the secret package's. Ecosystems add their own.
func Classes() []Class {
	return []Class{
		{Pattern: "**/.git", What: "version control"},
		{Pattern: "**/.svn", What: "version control", Dir: true},
		{Pattern: "**/.hg", What: "version control", Dir: true},
		{Pattern: "**/.gitignore", What: "version control"},
		{Pattern: "**/.gitattributes", What: "version control"},

		{Marker: "pyvenv.cfg", What: "virtual environment", Dir: true},
		{Pattern: "**/.venv", What: "virtual environment", Dir: true},
		{Pattern: "**/__pycache__", What: "byte code", Dir: true},
		{Pattern: "**/*.py[cod]", What: "byte code"},
		{Pattern: "**/.pytest_cache", What: "test cache", Dir: true},
		{Pattern: "**/.mypy_cache", What: "type checker's cache", Dir: true},
		{Pattern: "**/.ruff_cache", What: "linter's cache", Dir: true},
		{Pattern: "**/.hypothesis", What: "test cache", Dir: true},
		{Pattern: "**/.tox", What: "test environments", Dir: true},
		{Pattern: "**/.nox", What: "test environments", Dir: true},
		{Pattern: "**/.ipynb_checkpoints", What: "notebook checkpoints", Dir: true},
		{Pattern: "**/*.egg-info", What: "package metadata of a local install", Dir: true},
		{Pattern: "**/node_modules", What: "installed packages", Dir: true},
		{Pattern: "**/.gradle", What: "build cache", Dir: true},
		{Pattern: "**/.terraform", What: "infrastructure tool's cache", Dir: true},

		{Pattern: "**/.coverage", What: "test coverage"},
		{Pattern: "**/.nyc_output", What: "test coverage", Dir: true},
		{Pattern: "**/htmlcov", What: "test coverage", Dir: true},
		{Pattern: "**/coverage.xml", What: "test coverage"},

		{Pattern: "**/.idea", What: "editor settings", Dir: true},
		{Pattern: "**/.vscode", What: "editor settings", Dir: true},
		{Pattern: "**/.vs", What: "editor settings", Dir: true},
		{Pattern: "**/.devcontainer", What: "editor settings", Dir: true},
		{Pattern: "**/*.sw[op]", What: "editor's swap files"},
		{Pattern: "**/*~", What: "editor's backup files"},
		{Pattern: "**/.DS_Store", What: "desktop's metadata"},
		{Pattern: "**/Thumbs.db", What: "desktop's metadata"},

		{Pattern: ".github", What: "CI configuration", Dir: true},
		{Pattern: ".gitlab-ci.yml", What: "CI configuration"},
		{Pattern: ".circleci", What: "CI configuration", Dir: true},

		{Pattern: "**/Dockerfile*", What: "image definition"},
		{Pattern: "**/*.Dockerfile", What: "image definition"},
		{Pattern: "**/Containerfile*", What: "image definition"},
		{Pattern: "**/docker-compose*.y*ml", What: "image definition"},
		{Pattern: "**/compose*.y*ml", What: "image definition"},
		{Pattern: "**/.dockerignore", What: "image definition"},
		{Pattern: "**/*.dockerignore", What: "image definition"},

		{Pattern: "**/*.log", What: "logs", Careful: true},
		{Pattern: "coverage", What: "test coverage", Dir: true, Careful: true},
		{Pattern: "dist", What: "build output", Dir: true, Careful: true},
		{Pattern: "build", What: "build output", Dir: true, Careful: true},
		{Pattern: "target", What: "build output", Dir: true, Careful: true},
		{Pattern: "**/*.tar", What: "archives", Careful: true},
		{Pattern: "**/*.tar.*", What: "archives", Careful: true},
		{Pattern: "**/*.tgz", What: "archives", Careful: true},
		{Pattern: "**/*.zip", What: "archives", Careful: true},
		{Pattern: "**/*.7z", What: "archives", Careful: true},
	}
}
