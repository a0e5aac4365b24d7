package recipe

// PythonPackages are the Debian packages that the package index is made of.
// Each holds one Python distribution, or its ready-made wheel (…-whl).
//
// What links to a library that a slim image lacks is not here: uvloop (libuv),
// httptools (libhttp-parser), ujson (libdouble-conversion).
var PythonPackages = []string{
	// FastAPI and what it stands on
	"python3-fastapi", "python3-starlette", "python3-pydantic", "python3-typing-extensions",
	"python3-anyio", "python3-sniffio", "python3-idna", "python3-uvicorn", "python3-h11",
	"python3-click", "python3-multipart", "python3-websockets", "python3-dotenv", "python3-yaml",
	// Flask and Django, and their server
	"python3-flask", "python3-werkzeug", "python3-jinja2", "python3-markupsafe", "python3-itsdangerous",
	"python3-django", "python3-asgiref", "python3-sqlparse", "python3-tz", "python3-gunicorn",
	// clients
	"python3-requests", "python3-urllib3", "python3-certifi", "python3-charset-normalizer", "python3-chardet",
	"python3-httpx", "python3-httpcore", "python3-rfc3986", "python3-six", "python3-wsproto",
	"python3-aiohttp", "python3-aiosignal", "python3-async-timeout", "python3-frozenlist", "python3-multidict", "python3-yarl",
	"python3-redis", "python3-deprecated", "python3-wrapt",
	// Celery
	"python3-celery", "python3-amqp", "python3-billiard", "python3-click-didyoumean", "python3-click-plugins",
	"python3-click-repl", "python3-dateutil", "python3-ephem", "python3-kombu", "python3-anyjson", "python3-memcache",
	"python3-prompt-toolkit", "python3-pyparsing", "python3-vine", "python3-wcwidth",
	// C extensions
	"python3-psutil", "python3-msgpack", "python3-regex", "python3-greenlet", "python3-sqlalchemy",
	"python3-cryptography", "python3-cffi", "python3-cffi-backend", "python3-pycparser", "python3-ply",
	"python3-psycopg2",
	// tests
	"python3-pytest", "python3-iniconfig", "python3-pluggy", "python3-packaging", "python3-attr",
	// building from source, with pip and setuptools from CPython's release
	"python3-wheel-whl", "python3-hatchling", "python3-pathspec", "flit", "python3-poetry-core",
	// Poetry and pipenv
	"python3-poetry", "python3-cachecontrol", "python3-cleo", "python3-crashtest", "python3-distlib", "python3-dulwich",
	"python3-filelock", "python3-html5lib", "python3-importlib-metadata", "python3-jaraco.classes", "python3-jeepney",
	"python3-jsonschema", "python3-keyring", "python3-lockfile", "python3-more-itertools", "python3-pexpect",
	"python3-pkginfo", "python3-platformdirs", "python3-ptyprocess", "python3-pyrsistent", "python3-pylev",
	"python3-requests-toolbelt", "python3-secretstorage", "python3-shellingham", "python3-tomli", "python3-tomlkit",
	"python3-trove-classifiers", "python3-virtualenv", "python3-virtualenv-clone", "python3-webencodings", "python3-zipp", "pipenv",
}

// Part is the one of several distributions in a Debian package that is taken:
// the name of its folder.
var Part = map[string]string{"flit": "flit_core"}

// Linking are packages whose wheels link to libraries that an image must have
// been given: psycopg2 has no wheel on PyPI, so what pip compiles there links
// to libpq too.
var Linking = map[string]bool{"python3-psycopg2": true}

// Joined are packages whose files belong to another package's distribution.
var Joined = map[string]string{"python3-cffi-backend": "python3-cffi"}

// PureFallback are packages whose extensions are left out, since they work
// without: PyYAML's links to libyaml.
var PureFallback = map[string]bool{"python3-yaml": true}
