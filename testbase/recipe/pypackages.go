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
	// C extensions
	"python3-psutil", "python3-msgpack", "python3-regex", "python3-greenlet", "python3-sqlalchemy",
	// tests
	"python3-pytest", "python3-iniconfig", "python3-pluggy", "python3-packaging", "python3-attr",
	// building from source, with pip and setuptools from CPython's release
	"python3-wheel-whl",
}

// PureFallback are packages whose extensions are left out, since they work
// without: PyYAML's links to libyaml.
var PureFallback = map[string]bool{"python3-yaml": true}
