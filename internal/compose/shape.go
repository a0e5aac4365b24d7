package compose

// known are the keys of a service that this package reads, each in a form that can be merged. problem says
// which of them has another form than compose allows.
func known(value any) (service map[string]any, problem string) {
	all, ok := value.(map[string]any)
	if !ok {
		return nil, ": want a mapping"
	}
	service = map[string]any{}
	for _, k := range keys() {
		inner, set := all[k.name]
		if !set {
			continue
		}
		if inner == nil && k.name != "command" && k.name != "entrypoint" {
			continue
		}
		formed, ok := k.form(inner)
		if !ok {
			return nil, "." + k.name + ": want " + k.want
		}
		service[k.name] = formed
	}
	return service, ""
}

// key is one that is read, with what brings its value into form.
type key struct {
	name, want string
	form       func(any) (any, bool)
}

func keys() []key {
	return []key{
		{"build", "a path or a mapping", build},
		{"configs", "a list", some},
		{"command", "text or a list of words", words},
		{"depends_on", "a list of services or a mapping", namesOf},
		{"entrypoint", "text or a list of words", words},
		{"env_file", "a path or a list of them", envFiles},
		{"environment", "a mapping or a list of NAME=value", pairsOf},
		{"expose", "a list of ports", texts},
		{"extends", "a service", extends},
		{"healthcheck", "a mapping", there},
		{"image", "text", textOf},
		{"platform", "text", textOf},
		{"ports", "a list of ports", mixed},
		{"profiles", "a list of names", texts},
		{"secrets", "a list", some},
		{"user", "text", textOf},
		{"volumes", "a list of mounts", mixed},
		{"working_dir", "a path", textOf},
	}
}

// some is a list of which only that it is there counts.
func some(value any) (any, bool) {
	list, ok := value.([]any)
	if len(list) == 0 {
		return nil, ok
	}
	return true, ok
}

// there is a mapping of which only that it is there counts.
func there(value any) (any, bool) {
	_, ok := value.(map[string]any)
	return true, ok
}

func textOf(value any) (any, bool) {
	s, ok := text(value)
	return s, ok
}

func pairsOf(value any) (any, bool) {
	list, ok := pairs(value)
	return list, ok
}

// texts is a list of scalars.
func texts(value any) (any, bool) {
	list, ok := value.([]any)
	if !ok {
		return nil, false
	}
	for i, inner := range list {
		if list[i], ok = textOf(inner); !ok {
			return nil, false
		}
	}
	return list, true
}

// mixed is a list of scalars and mappings.
func mixed(value any) (any, bool) {
	list, ok := value.([]any)
	if !ok {
		return nil, false
	}
	for i, inner := range list {
		if _, mapping := inner.(map[string]any); mapping {
			continue
		}
		if list[i], ok = textOf(inner); !ok {
			return nil, false
		}
	}
	return list, true
}

// words is a command: text, a list, or nothing, which takes the image's.
func words(value any) (any, bool) {
	if value == nil {
		return nil, true
	}
	if s, ok := text(value); ok {
		return s, true
	}
	return texts(value)
}

// namesOf is a list of names; of a mapping, its keys.
func namesOf(value any) (any, bool) {
	if m, ok := value.(map[string]any); ok {
		names := map[string]any{}
		for name := range m {
			names[name] = map[string]any{}
		}
		return names, true
	}
	list, ok := texts(value)
	if !ok {
		return nil, false
	}
	names := map[string]any{}
	for _, name := range list.([]any) {
		names[name.(string)] = map[string]any{}
	}
	return names, true
}

// envFiles is a list of mappings with a path.
func envFiles(value any) (any, bool) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var files []any
	for _, inner := range list {
		if path, ok := text(inner); ok {
			files = append(files, map[string]any{"path": path})
			continue
		}
		m, ok := inner.(map[string]any)
		if !ok {
			return nil, false
		}
		if _, ok := m["path"].(string); !ok {
			return nil, false
		}
		files = append(files, m)
	}
	return files, true
}

// extends is a mapping with a service and, if it is in another one, a file.
func extends(value any) (any, bool) {
	if name, ok := text(value); ok {
		return map[string]any{"service": name}, true
	}
	m, ok := value.(map[string]any)
	if !ok {
		return nil, false
	}
	_, ok = m["service"].(string)
	return m, ok
}

// build is a mapping; a path alone is the context.
func build(value any) (any, bool) {
	if context, ok := text(value); ok {
		return map[string]any{"context": context}, true
	}
	all, ok := value.(map[string]any)
	if !ok {
		return nil, false
	}
	formed := map[string]any{}
	for _, name := range []string{"context", "dockerfile", "dockerfile_inline", "target"} {
		inner := all[name]
		if inner == nil {
			continue
		}
		if formed[name], ok = textOf(inner); !ok {
			return nil, false
		}
	}
	if args, set := all["args"]; set {
		list, ok := pairs(args)
		if !ok {
			return nil, false
		}
		formed["args"] = list
	}
	if secrets, set := all["secrets"]; set {
		if formed["secrets"], ok = secretsOf(secrets); !ok {
			return nil, false
		}
	}
	for _, name := range leftOut() {
		if all[name] != nil {
			formed[name] = true
		}
	}
	return formed, true
}

// secretsOf is a list of mappings with a source.
func secretsOf(value any) (any, bool) {
	list, ok := value.([]any)
	var secrets []any
	for _, inner := range list {
		if name, named := text(inner); named {
			secrets = append(secrets, map[string]any{"source": name})
			continue
		}
		source, named := text(mapping(inner)["source"])
		if !named {
			return nil, false
		}
		target, _ := text(mapping(inner)["target"])
		secrets = append(secrets, map[string]any{"source": source, "target": target})
	}
	return secrets, ok || value == nil
}

// leftOut are the keys of build that decide about a build and that plimsoll's own don't get.
func leftOut() []string {
	return []string{"additional_contexts", "extra_hosts", "network", "platforms", "privileged", "entitlements", "ssh"}
}
