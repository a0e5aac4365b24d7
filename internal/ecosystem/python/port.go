package python

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/dockerfile"
	"github.com/plimsoll/plimsoll/internal/ecosystem"
	"github.com/plimsoll/plimsoll/internal/ecosystem/container"
)

// port finds out where the application listens: what the command says, what
// the source says, the server's environment variable, the server's default, and EXPOSE last.
func (d *detection) port() ecosystem.Fact[int] {
	for _, find := range []func() ecosystem.Fact[int]{d.portOfCommand, d.portOfSource, d.portOfServer, d.portExposed} {
		if p := find(); p.Known() && p.Value > 0 && p.Value < 65536 {
			return p
		}
	}
	return ecosystem.Fact[int]{}
}

// movedPort is a port that nobody has in mind.
const movedPort = 54321

// portVariable is the environment variable that moves the port, found by giving it another value; empty when none does.
func (d *detection) portVariable() string {
	if !d.facts.Port.Known() {
		return ""
	}
	launch, hidden, notes := d.launch, d.portHidden, d.facts.Notes
	for _, name := range d.portVariables() {
		value, set := d.env[name]
		d.env[name] = strconv.Itoa(movedPort)
		d.launch = launchOf(container.StartGiven(d.in.Dockerfile, d.in.Final, name, d.env[name]))
		moved := d.port().Value == movedPort
		if d.env[name] = value; !set {
			delete(d.env, name)
		}
		d.launch, d.portHidden, d.facts.Notes = launch, hidden, notes
		if moved {
			return name
		}
	}
	return ""
}

var expanded = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)

// portVariables are those that the command expands, that the server reads, and that the source reads.
func (d *detection) portVariables() (names []string) {
	for _, inst := range []*dockerfile.Instruction{d.state.Entrypoint, d.state.Cmd} {
		if inst == nil {
			continue
		}
		for _, match := range expanded.FindAllStringSubmatch(d.in.Dockerfile.Text(inst.Rest), -1) {
			names = append(names, match[1])
		}
	}
	// Whoever sets another variable of a server than PORT, by which platforms tell applications where to listen, has it in the Dockerfile.
	if name := servers[d.launch.server].env; name == "PORT" || d.env[name] != "" {
		names = append(names, name)
	}
	for _, read := range d.facts.EnvRead {
		names = append(names, read.Value)
	}
	return names
}

func (d *detection) portOfCommand() ecosystem.Fact[int] {
	spec := servers[d.launch.server]
	if len(spec.option) > 0 {
		if v, ok := option(d.launch.args, spec.option...); ok {
			return d.commandPort(v, "the command's port option")
		}
	}
	if len(spec.bind) > 0 {
		if v, ok := option(d.launch.args, spec.bind...); ok {
			return d.commandPort(v, "the command's bind address")
		}
	}
	if d.launch.server == "runserver" || d.launch.server == "http.server" {
		for _, a := range d.launch.args {
			if portNumber(a) > 0 {
				return d.commandPort(a, "the address given to "+d.launch.server)
			}
		}
	}
	return ecosystem.Fact[int]{}
}

// commandPort reads 8000, :8000, 0.0.0.0:8000 and [::]:8000.
func (d *detection) commandPort(v, note string) ecosystem.Fact[int] {
	n := portNumber(v)
	if n == 0 {
		d.portHidden = true
		d.note("port", "the command binds to "+strconv.Quote(v)+", which names no port", d.docker(d.launch.Line, ""))
		return ecosystem.Fact[int]{}
	}
	return ecosystem.Fact[int]{Value: n, Source: d.docker(d.launch.Line, note)}
}

func portNumber(v string) int {
	n, err := strconv.Atoi(v[strings.LastIndexByte(v, ':')+1:])
	if err != nil {
		return 0
	}
	return n
}

// portOfSource looks at what the script that is started, or gunicorn's configuration, says.
func (d *detection) portOfSource() ecosystem.Fact[int] {
	if d.launch.server == "gunicorn" {
		return d.gunicornConfig()
	}
	if d.served == nil {
		return ecosystem.Fact[int]{}
	}
	p, ok := d.served.portOf(d.resolver)
	if !ok {
		d.portHidden = true
		d.note("port", d.served.server+" is given a port that the source does not show", d.served.m.at(d.served.call.Line(), ""))
		return ecosystem.Fact[int]{}
	}
	return p
}

// gunicornConfig reads bind of gunicorn.conf.py, or of the file that -c names.
func (d *detection) gunicornConfig() ecosystem.Fact[int] {
	file := "gunicorn.conf.py"
	if v, ok := option(d.launch.args, "-c", "--config"); ok {
		file = strings.TrimPrefix(strings.TrimPrefix(v, "file:"), "./")
	}
	m := d.sources.byImage[join(d.workdir, file)]
	if m == nil || m.top.vars["bind"] == nil {
		return ecosystem.Fact[int]{}
	}
	text, ok := d.text(m.top.vars["bind"], m.top)
	if !ok || portNumber(text) == 0 {
		d.portHidden = true
		return ecosystem.Fact[int]{}
	}
	return ecosystem.Fact[int]{Value: portNumber(text), Source: m.at(m.top.vars["bind"].Line(), "bind of gunicorn's configuration")}
}

func (d *detection) portOfServer() ecosystem.Fact[int] {
	if d.portHidden { // it is told to listen elsewhere than by default
		return ecosystem.Fact[int]{}
	}
	spec := servers[d.launch.server]
	if v, ok := d.env[spec.env]; ok && spec.env != "" {
		return ecosystem.Fact[int]{Value: portNumber(v), Source: d.docker(d.launch.Line, d.launch.server+" reads "+spec.env)}
	}
	if spec.port > 0 {
		return ecosystem.Fact[int]{Value: spec.port, Source: d.docker(d.launch.Line, "the default of "+d.launch.server)}
	}
	return ecosystem.Fact[int]{}
}

func (d *detection) portExposed() ecosystem.Fact[int] {
	for _, v := range d.state.Expose {
		number, protocol, _ := strings.Cut(v.Text, "/")
		if n := portNumber(number); n > 0 && protocol != "udp" {
			return ecosystem.Fact[int]{Value: n, Source: d.docker(d.in.Dockerfile.Position(v.By.Span.Start).Line, "EXPOSE")}
		}
	}
	return ecosystem.Fact[int]{}
}
