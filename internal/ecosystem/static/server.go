package static

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// server is a program that serves files, as its arguments tell.
type server struct {
	name   string
	dir    string // as written
	port   int
	single bool // a path without a file is answered with index.html
}

// readServer recognises the commands whose answers nginx can be configured to give: so far serve.
// With an option that is not known, the command is not recognised.
func readServer(argv []string, port string) (server, bool) {
	if len(argv) > 1 && path.Base(argv[0]) == "npx" {
		argv = slices.DeleteFunc(slices.Clone(argv[1:]), func(w string) bool { return w == "--yes" || w == "-y" || w == "--no-install" })
	}
	if len(argv) == 0 {
		return server{}, false
	}
	if name, _, _ := strings.Cut(path.Base(argv[0]), "@"); name != "serve" {
		return server{}, false
	}
	return readServe(argv[1:], port)
}

// readServe reads the arguments of serve (github.com/vercel/serve). Without one it serves the working directory.
func readServe(args []string, env string) (server, bool) {
	s := server{name: "serve", dir: ".", port: 3000}
	if n := number(env); n > 0 {
		s.port = n
	}
	dirs := 0
	for i := 0; i < len(args); i++ {
		name, value, joined := strings.Cut(args[i], "=")
		next := func() string {
			if !joined && i+1 < len(args) {
				i++
				return args[i]
			}
			return value
		}
		switch name {
		case "-s", "--single":
			s.single = true
		case "-l", "--listen", "-p", "--port":
			if s.port = endpoint(next()); s.port == 0 {
				return s, false
			}
		case "-n", "--no-clipboard", "-L", "--no-request-logging", "--no-port-switching":
		default:
			if strings.HasPrefix(name, "-") || dirs > 0 {
				return s, false
			}
			s.dir = args[i]
			dirs++
		}
	}
	return s, true
}

// endpoint reads 3000, tcp://0.0.0.0:3000 and 0.0.0.0:3000; 0 for anything else.
func endpoint(text string) int {
	text = strings.TrimPrefix(text, "tcp://")
	host, digits, ok := strings.Cut(text, ":")
	if !ok {
		return number(text)
	}
	if host != "0.0.0.0" && host != "" {
		return 0
	}
	return number(digits)
}

// number is a port; 0 when the text is none.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 {
		return 0
	}
	return n
}

// root is where the runner has the site, which is where nginx's own image has its own.
const root = "/usr/share/nginx/html"

// config makes nginx answer as serve does (serve-handler's README and its function shouldRedirect): asking for
// /a.html leads to /a, and for /a/index to /a, one step at a time; without --single, a page is found without
// .html; with it, paths that name no file get index.html; text has its charset.
func (s server) config() string {
	find, page := "        try_files $uri $uri.html $uri/index.html =404;", ""
	if s.single {
		find = "        try_files $uri @page;"
		page = "    location @page {\n        rewrite ^ /index.html break;\n    }\n"
	}
	return fmt.Sprintf(`server {
    listen %d;
    root %s;
    absolute_redirect off;
    charset utf-8;
    charset_types text/css text/plain text/xml application/javascript text/javascript application/json image/svg+xml application/manifest+json;
    location = /index {
        return 301 /;
    }
    location ~ ^(?<page>.+)(\.html?|/index)$ {
        return 301 $page;
    }
    location / {
%s
    }
%s    error_page 404 /404.html;
    location = /404.html {
        internal;
    }
}
`, s.port, root, find, page)
}
