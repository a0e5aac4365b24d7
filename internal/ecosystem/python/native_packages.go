package python

// nativePackages are well-known packages with compiled code. Which wheels exist
// is what PyPI's file lists of recent releases show for CPython 3.9 and later on
// x86-64 and arm64; names of Debian packages are those of Debian 12 and 13, and
// the build requirements are what each project's installation notes ask for.
// A package is only listed as far as that is certain: "glibc" where musl
// wheels are not known to exist. A C library that a wheel brings along is no
// run-time package. python-ldap's library has another name in each release of
// Debian, so that a package which depends on it stands for it; uwsgi links libxml2
// where it finds its headers, as in the full Python image.
var nativePackages = map[string]native{
	// Compiled on installation.
	"psycopg2":    {none, []string{"gcc", "libc6-dev", "libpq-dev"}, []string{"libpq5"}},
	"mysqlclient": {none, []string{"gcc", "libc6-dev", "default-libmysqlclient-dev", "pkg-config"}, []string{"libmariadb3"}},
	"python-ldap": {none, []string{"gcc", "libc6-dev", "libldap2-dev", "libsasl2-dev"}, []string{"ldap-utils", "libsasl2-2"}},
	"pycairo":     {none, []string{"gcc", "libc6-dev", "libcairo2-dev", "pkg-config"}, []string{"libcairo2"}},
	"uwsgi":       {none, []string{"gcc", "libc6-dev"}, []string{"libxml2"}},
	"mod-wsgi":    {none, []string{"gcc", "libc6-dev", "apache2-dev"}, []string{"apache2"}},
	"psycopg-c":   {none, []string{"gcc", "libc6-dev", "libpq-dev"}, []string{"libpq5"}},
	"pyaudio":     {none, []string{"gcc", "libc6-dev", "portaudio19-dev"}, []string{"libportaudio2"}},
	"dlib":        {none, []string{"g++", "cmake", "make"}, nil},

	// Python code that loads shared libraries of the system.
	"psycopg":      {pure, nil, []string{"libpq5"}},
	"weasyprint":   {pure, nil, []string{"libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"}},
	"cairosvg":     {pure, nil, []string{"libcairo2"}},
	"cairocffi":    {pure, nil, []string{"libcairo2"}},
	"python-magic": {pure, nil, []string{"libmagic1"}},
	"pyzbar":       {pure, nil, []string{"libzbar0"}},

	// Wheels that load libraries which slim images lack.
	"opencv-python":         {glibc, nil, []string{"libgl1", "libglib2.0-0"}},
	"opencv-contrib-python": {glibc, nil, []string{"libgl1", "libglib2.0-0"}},
	"pyodbc":                {glibc, []string{"g++", "unixodbc-dev"}, []string{"unixodbc"}},
	"lightgbm":              {glibc, nil, []string{"libgomp1"}},
	"soundfile":             {glibc, nil, nil},

	// Wheels that need nothing else, for glibc and musl.
	"psycopg2-binary":      {both, []string{"gcc", "libc6-dev", "libpq-dev"}, nil},
	"psycopg-binary":       {both, nil, nil},
	"asyncpg":              {both, []string{"gcc", "libc6-dev"}, nil},
	"lxml":                 {both, []string{"gcc", "libc6-dev", "libxml2-dev", "libxslt1-dev"}, nil},
	"pillow":               {both, []string{"gcc", "libc6-dev", "libjpeg-dev", "zlib1g-dev"}, nil},
	"numpy":                {both, []string{"gcc", "g++", "libc6-dev"}, nil},
	"pandas":               {both, []string{"gcc", "g++", "libc6-dev"}, nil},
	"scipy":                {both, []string{"gcc", "g++", "gfortran", "libopenblas-dev", "pkg-config"}, nil},
	"scikit-learn":         {glibc, nil, nil},
	"matplotlib":           {both, nil, nil},
	"contourpy":            {both, nil, nil},
	"kiwisolver":           {both, nil, nil},
	"cryptography":         {both, []string{"gcc", "libc6-dev", "libssl-dev", "libffi-dev", "cargo", "pkg-config"}, nil},
	"cffi":                 {both, []string{"gcc", "libc6-dev", "libffi-dev"}, nil},
	"bcrypt":               {both, []string{"gcc", "libc6-dev", "cargo"}, nil},
	"argon2-cffi-bindings": {both, nil, nil},
	"pynacl":               {both, []string{"gcc", "libc6-dev", "libffi-dev"}, nil},
	"pyyaml":               {both, []string{"gcc", "libc6-dev"}, nil},
	"markupsafe":           {both, []string{"gcc", "libc6-dev"}, nil},
	"ujson":                {both, []string{"g++", "libc6-dev"}, nil},
	"orjson":               {both, []string{"cargo"}, nil},
	"msgpack":              {glibc, []string{"gcc", "libc6-dev"}, nil},
	"uvloop":               {both, []string{"gcc", "libc6-dev", "make"}, nil},
	"httptools":            {glibc, []string{"gcc", "libc6-dev"}, nil},
	"watchfiles":           {both, []string{"cargo"}, nil},
	"websockets":           {both, []string{"gcc", "libc6-dev"}, nil},
	"pydantic-core":        {both, []string{"cargo"}, nil},
	"pydantic":             {both, nil, nil},
	"rpds-py":              {both, []string{"cargo"}, nil},
	"aiohttp":              {both, []string{"gcc", "libc6-dev"}, nil},
	"frozenlist":           {both, nil, nil},
	"multidict":            {both, nil, nil},
	"yarl":                 {both, nil, nil},
	"greenlet":             {both, []string{"g++", "libc6-dev"}, nil},
	"sqlalchemy":           {both, []string{"gcc", "libc6-dev"}, nil},
	"grpcio":               {both, []string{"g++", "libc6-dev"}, nil},
	"grpcio-tools":         {both, []string{"g++", "libc6-dev"}, nil},
	"zstandard":            {both, nil, nil},
	"lz4":                  {glibc, nil, nil},
	"regex":                {glibc, nil, nil},
	"wrapt":                {both, nil, nil},
	"charset-normalizer":   {both, nil, nil},
	"rapidfuzz":            {both, nil, nil},
	"tornado":              {both, nil, nil},
	"pyzmq":                {both, nil, nil},

	// Wheels that need nothing else, for glibc.
	"psutil":                 {glibc, []string{"gcc", "libc6-dev"}, nil},
	"gevent":                 {glibc, []string{"gcc", "libc6-dev"}, nil},
	"pymssql":                {glibc, []string{"gcc", "libc6-dev", "freetds-dev"}, nil},
	"h5py":                   {glibc, []string{"gcc", "libc6-dev", "libhdf5-dev", "pkg-config"}, nil},
	"opencv-python-headless": {glibc, nil, nil},
	"torch":                  {glibc, nil, nil},
	"torchvision":            {glibc, nil, nil},
	"tensorflow":             {glibc, nil, nil},
	"onnxruntime":            {glibc, nil, nil},
	"pyarrow":                {glibc, nil, nil},
	"polars":                 {glibc, nil, nil},
	"xgboost":                {glibc, nil, nil},
	"faiss-cpu":              {glibc, nil, nil},
	"tokenizers":             {glibc, nil, nil},
	"sentencepiece":          {glibc, nil, nil},
	"confluent-kafka":        {glibc, []string{"gcc", "libc6-dev", "librdkafka-dev"}, nil},
	"shapely":                {glibc, []string{"gcc", "libc6-dev", "libgeos-dev"}, nil},
	"pymupdf":                {glibc, nil, nil},
	"xmlsec":                 {glibc, []string{"gcc", "libc6-dev", "libxml2-dev", "libxmlsec1-dev", "pkg-config"}, nil},
}

// nativeExtras are native packages that an extra pulls in.
var nativeExtras = map[string][]string{
	"uvicorn[standard]":         {"uvloop", "httptools", "watchfiles", "pyyaml", "websockets"},
	"fastapi[all]":              {"uvloop", "httptools", "watchfiles", "orjson", "ujson", "pyyaml"},
	"fastapi[standard]":         {"uvloop", "httptools", "watchfiles"},
	"psycopg[binary]":           {"psycopg-binary"},
	"psycopg[c]":                {"psycopg-c"},
	"sqlalchemy[asyncio]":       {"greenlet"},
	"sqlalchemy[postgresql]":    {"psycopg2"},
	"passlib[bcrypt]":           {"bcrypt"},
	"passlib[argon2]":           {"argon2-cffi-bindings"},
	"python-jose[cryptography]": {"cryptography"},
	"pyjwt[crypto]":             {"cryptography"},
	"django[argon2]":            {"argon2-cffi-bindings"},
	"celery[gevent]":            {"gevent"},
	"gunicorn[gevent]":          {"gevent"},
}
