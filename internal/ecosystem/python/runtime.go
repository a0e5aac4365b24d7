package python

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

func runEnv() []ecosystem.RunEnv {
	return []ecosystem.RunEnv{
		{Name: "PYTHONUNBUFFERED", Value: "1", Why: "log lines reach the container's log at once, and none is lost when it is killed"},
		{Name: "PYTHONDONTWRITEBYTECODE", Value: "1", Why: "no .pyc files are written at run time, which a non-root user may not do and which grow the container"},
	}
}

// probe returns the health probe for an interpreter. It uses http.client, which
// follows no proxy of the environment and gives up after three seconds. Where a variable
// moves the port that was read, the probe follows it.
func probe(interpreter string, read int, variable string) func(port int, path string) []string {
	return func(port int, path string) []string {
		imports, number := "", strconv.Itoa(port)
		if variable != "" && port == read {
			imports, number = "os, ", fmt.Sprintf("int(os.environ.get(%s, '%d'))", quote(variable), port)
		}
		code := fmt.Sprintf("import %ssocket; socket.create_connection(('127.0.0.1', %s), 3)", imports, number)
		if path != "" {
			code = fmt.Sprintf("import %shttp.client as h; c = h.HTTPConnection('127.0.0.1', %s, timeout=3); c.request('GET', %s); exit(c.getresponse().status >= 400)", imports, number, quote(path))
		}
		return []string{interpreter, "-c", code}
	}
}

// quote writes a Python string literal.
func quote(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`).Replace(s)
	return "'" + s + "'"
}

// junk is what Python tools leave behind. Metadata directories (*.egg-info) are
// not among it: an editable install needs them.
func junk() []ecosystem.Junk {
	return []ecosystem.Junk{
		{Pattern: "**/.venv", What: "virtual environment"},
		{Pattern: "**/venv", What: "virtual environment"},
		{Pattern: "**/__pycache__", What: "byte code"},
		{Pattern: "**/*.py[cod]", What: "byte code"},
		{Pattern: "**/.pytest_cache", What: "pytest's cache"},
		{Pattern: "**/.mypy_cache", What: "mypy's cache"},
		{Pattern: "**/.ruff_cache", What: "ruff's cache"},
		{Pattern: "**/.hypothesis", What: "hypothesis's examples"},
		{Pattern: "**/.tox", What: "tox's environments"},
		{Pattern: "**/.nox", What: "nox's environments"},
		{Pattern: "**/.coverage", What: "coverage data"},
		{Pattern: "**/.coverage.*", What: "coverage data"},
		{Pattern: "**/htmlcov", What: "coverage report"},
		{Pattern: "**/.ipynb_checkpoints", What: "notebook checkpoints"},
	}
}
