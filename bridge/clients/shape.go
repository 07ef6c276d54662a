package clients

import "maps"

// fields are the members of a mapping in the order in which they are written.
// A value is a string, a bool, an int, a []string or fields.
type fields []field

type field struct {
	name  string
	value any
}

// shape is what an entry looks like in one client's settings.
type shape struct {
	ahead  fields // fixed members before the command
	behind fields // and after it
	// The names of the members; "" for one that the client has not.
	name, description  string
	command, args, env string
	// joined: the command and its arguments are one list, named command.
	joined bool
}

// write is the entry as members.
func (s shape) write(e Entry) fields {
	out := append(fields{}, s.ahead...)
	if s.name != "" {
		out = append(out, field{s.name, e.Name})
	}
	if s.description != "" {
		out = append(out, field{s.description, e.Name + " through Drawbridge"})
	}
	out = append(out, s.start(e)...)
	if len(e.Env) > 0 {
		out = append(out, field{s.env, e.Env})
	}
	return append(out, s.behind...)
}

// start are the members that say what is started.
func (s shape) start(e Entry) fields {
	if s.joined {
		return fields{{s.command, append([]string{e.Command}, e.Args...)}}
	}
	return fields{{s.command, e.Command}, {s.args, append([]string{}, e.Args...)}}
}

// read is the entry that a decoded value describes; one of another form comes
// back without a command.
func (s shape) read(value any) Entry {
	members, ok := value.(map[string]any)
	if !ok {
		return Entry{}
	}
	var e Entry
	switch {
	case s.joined:
		if all, ok := texts(members[s.command]); ok && len(all) > 0 {
			e.Command, e.Args = all[0], all[1:]
		}
	default:
		e.Command, _ = members[s.command].(string)
		e.Args, ok = texts(members[s.args])
		if !ok && members[s.args] != nil {
			return Entry{}
		}
	}
	if env, ok := members[s.env].(map[string]any); ok {
		e.Env = map[string]string{}
		for name, value := range env {
			if text, ok := value.(string); ok {
				e.Env[name] = text
			}
		}
	}
	return e
}

func texts(value any) ([]string, bool) {
	list, ok := value.([]any)
	if !ok {
		return nil, false
	}
	out := make([]string, len(list))
	for i, each := range list {
		if out[i], ok = each.(string); !ok {
			return nil, false
		}
	}
	return out, true
}

// plain is a value as a decoder of the file would give it.
func plain(value any) any {
	switch v := value.(type) {
	case fields:
		out := map[string]any{}
		for _, f := range v {
			out[f.name] = plain(f.value)
		}
		return out
	case map[string]string:
		out := map[string]any{}
		for name, text := range v {
			out[name] = text
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i, text := range v {
			out[i] = text
		}
		return out
	case map[string]any:
		return maps.Clone(v)
	}
	return value
}
