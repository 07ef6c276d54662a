package browser

import (
	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// installed are the browsers that have registered themselves for the Start menu.
func installed([]string) []Installed {
	const clients = `Software\Clients\StartMenuInternet`
	seen := map[string]bool{}
	var all []Installed
	for _, root := range []registry.Key{registry.CURRENT_USER, registry.LOCAL_MACHINE} {
		key, err := registry.OpenKey(root, clients, registry.ENUMERATE_SUB_KEYS)
		if err != nil {
			continue
		}
		names, _ := key.ReadSubKeyNames(-1)
		_ = key.Close()
		for _, name := range names {
			title, command := value(root, clients+`\`+name), value(root, clients+`\`+name+`\shell\open\command`)
			argv, err := windows.DecomposeCommandLine(command)
			if err != nil || len(argv) == 0 || seen[name] {
				continue
			}
			if title == "" {
				title = name
			}
			seen[name] = true
			all = append(all, Installed{ID: name, Title: title, argv: argv})
		}
	}
	return all
}

// value is the unnamed value of a key, or "".
func value(root registry.Key, path string) string {
	key, err := registry.OpenKey(root, path, registry.QUERY_VALUE)
	if err != nil {
		return ""
	}
	defer func() { _ = key.Close() }()
	text, _, _ := key.GetStringValue("")
	return text
}
