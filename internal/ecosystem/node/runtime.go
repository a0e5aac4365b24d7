package node

import (
	"fmt"
	"strconv"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// probe asks with node:http, which follows no proxy of the environment, and gives up after three
// seconds; without a path a connection is enough. Where a variable moves the port that was read, the probe follows it.
func (d *detection) probe(port int, path string) []string {
	number := strconv.Itoa(port)
	if d.portEnv != "" && port == d.facts.Port.Value {
		number = fmt.Sprintf("process.env.%s||%d", d.portEnv, port)
	}
	code := fmt.Sprintf("const c=require('net').connect(%s,'127.0.0.1',()=>process.exit(0));c.on('error',()=>process.exit(1));setTimeout(()=>process.exit(1),3000)", number)
	if path != "" {
		code = fmt.Sprintf("require('http').get({host:'127.0.0.1',port:%s,path:%s,timeout:3000},r=>process.exit(r.statusCode<400?0:1)).on('timeout',()=>process.exit(1)).on('error',()=>process.exit(1))", number, quote(path))
	}
	return []string{"node", "-e", code}
}

// quote writes a JavaScript string literal with single quotes.
func quote(s string) string {
	q := strconv.Quote(s)
	out := []byte{'\''}
	for i := 1; i < len(q)-1; i++ {
		switch {
		case q[i] == '\\' && q[i+1] == '"':
		case q[i] == '\'':
			out = append(out, '\\', '\'')
		case q[i] == '\\':
			out = append(out, '\\', q[i+1])
			i++
		default:
			out = append(out, q[i])
		}
	}
	return string(append(out, '\''))
}

// runEnv leaves NODE_ENV alone where the source itself looks at it: what it would do then is the author's to say.
func (d *detection) runEnv() {
	for _, f := range d.facts.EnvRead {
		if f.Value == "NODE_ENV" {
			d.note("env", "the source behaves by NODE_ENV, so that setting it is left to you", f.Source)
			return
		}
	}
	d.facts.RunEnv = []ecosystem.RunEnv{{Name: "NODE_ENV", Value: "production", Why: "frameworks cache templates and keep stack traces out of their answers"}}
}

// junk is what Node.js's tools leave behind. bin/ and .yarn/cache are not among it: the one may
// be the application's, the other is what yarn installs from.
func junk() []ecosystem.Junk {
	return []ecosystem.Junk{
		{Pattern: "**/node_modules", What: "installed packages"},
		{Pattern: "**/npm-debug.log*", What: "npm's logs"},
		{Pattern: "**/yarn-error.log", What: "yarn's logs"},
		{Pattern: "**/.npm", What: "npm's cache"},
		{Pattern: "**/coverage", What: "coverage report"},
		{Pattern: "**/.nyc_output", What: "coverage data"},
		{Pattern: "**/.next/cache", What: "Next.js's build cache"},
		{Pattern: "**/.turbo", What: "turbo's cache"},
		{Pattern: "**/.parcel-cache", What: "parcel's cache"},
	}
}
