package node

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll/plimsoll/internal/ecosystem"
)

// port is where the application listens: in the file that is started first, then in all others;
// what EXPOSE names is believed only when the source says nothing.
func (d *detection) port() ecosystem.Fact[int] {
	var unclear ecosystem.Source
	for _, s := range d.src {
		for i := range s.toks {
			if !s.tok(i).is("listen") || !s.tok(i-1).is(".") || !s.tok(i+1).is("(") {
				continue
			}
			port, env, ok := s.listens(i + 1)
			if ok {
				note := "listens"
				if d.portEnv = env; env != "" {
					note += "; " + env + " can change it"
				}
				return ecosystem.Fact[int]{Value: port, Source: s.at(s.toks[i].line, note)}
			}
			if unclear.File == "" {
				unclear = s.at(s.toks[i].line, "listens")
			}
		}
	}
	if unclear.File != "" {
		d.note("port", "the port is only known when the program runs", unclear)
	}
	port, next := nextStart(slices.Concat(d.facts.Script.Value, d.nextArgv()))
	byImage := d.portByImage(next || unclear.File != "")
	if next && (port != 0 || !byImage.Known()) {
		source := d.facts.Script.Source
		if source.File == "" {
			source = d.docker(d.start.Line, "")
		}
		source.Note = "next start listens there"
		if d.portEnv = ""; port == 0 {
			d.portEnv = "PORT"
		}
		return ecosystem.Fact[int]{Value: cmp.Or(port, 3000), Source: source}
	}
	return byImage
}

// portByImage is what the image says about the port: PORT, where the application may read that, or the one that is exposed.
func (d *detection) portByImage(listens bool) ecosystem.Fact[int] {
	if v, ok := d.state.EnvVar("PORT"); ok && (listens || len(d.src) == 0) {
		if port, valid := portOf(v.Value); valid {
			d.portEnv = "PORT"
			return ecosystem.Fact[int]{Value: port, Source: d.docker(d.in.Dockerfile.Position(v.By.Span.Start).Line, "PORT is set")}
		}
	}
	if len(d.state.Expose) == 1 {
		e := d.state.Expose[0]
		if port, valid := portOf(strings.TrimSuffix(e.Text, "/tcp")); valid {
			return ecosystem.Fact[int]{Value: port, Source: d.docker(d.in.Dockerfile.Position(e.By.Span.Start).Line, "EXPOSE names it")}
		}
	}
	return ecosystem.Fact[int]{}
}

// listens reads the arguments of listen(PORT, …) or listen({ port: PORT }), with the variable that can change the port.
func (s *source) listens(open int) (port int, env string, ok bool) {
	at := open + 1
	if s.tok(at).is("{") {
		end := s.close(at)
		for i := at + 1; i < end; i++ {
			if s.tok(i).is("port") && s.tok(i+1).is(":") {
				return s.portAt(i + 2)
			}
			if s.tok(i).is("port") && (s.tok(i+1).is(",") || s.tok(i+1).is("}")) {
				return s.portAt(i)
			}
		}
		return 0, "", false
	}
	return s.portAt(at)
}

func (s *source) portAt(i int) (int, string, bool) {
	v, next, ok := s.eval(i, 0)
	if end := s.tok(next); !ok || !end.is(",") && !end.is(")") && !end.is("}") {
		return 0, "", false
	}
	port, valid := portOf(v.text)
	return port, v.env, valid
}

func portOf(text string) (int, bool) {
	port, err := strconv.Atoi(strings.TrimSpace(text))
	return port, err == nil && port > 0 && port < 1<<16
}
