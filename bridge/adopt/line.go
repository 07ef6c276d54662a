package adopt

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// commandLine is what mcp-remote 0.15 reads from its arguments.
type commandLine struct {
	url  string
	port string
	// headers as written, before ${VARIABLE} is replaced; headerNames in order.
	headers     map[string]string
	headerNames []string
	resource    string
	noResource  bool
	authorize   map[string]string
	allowHTTP   bool
	// values of the other options that take one, by name; "" is a value.
	values      map[string]string
	flags       []string // options without a value
	ignoreTools []string
	// unknown are arguments that mcp-remote does not know; it passes them over.
	unknown []string
	// unreadHeaders are header files that could not be read.
	unreadHeaders []string

	clientMetadataURL string
	tokenEndpoint     string
}

// Options of mcp-remote 0.15.1 that take a value, and those that take none.
// --header, --header-file, --authorize-param and --ignore-tool may be repeated;
// of the others the first counts.
var (
	valueOptions = []string{
		"--header", "--header-file", "--host", "--callback-path", "--auth-success-url", "--auth-timeout", "--transport",
		"--protocol", "--resource", "--authorize-param", "--static-oauth-client-metadata", "--static-oauth-client-info",
		"--client-metadata-url", "--token-endpoint", "--connect-timeout", "--headers-timeout", "--body-timeout",
		"--ping-interval", "--ignore-tool",
	}
	bareOptions = []string{
		"--allow-http", "--disable-resource-parameter", "--device-code", "--client-credentials", "--use-id-token",
		"--keep-alive", "--ipv4", "--enable-proxy", "--disable-cookies", "--debug", "--silent",
	}
)

var (
	headerLine = regexp.MustCompile(`^([A-Za-z0-9_-]+):\s*(.*)$`)
	portNumber = regexp.MustCompile(`^[0-9]{1,5}$`)
)

// parseLine reads the arguments as mcp-remote does. It is more lenient in one
// thing: the address may stand behind options.
func parseLine(args []string) commandLine {
	c := commandLine{headers: map[string]string{}, authorize: map[string]string{}, values: map[string]string{}}
	args = splitJoined(args)
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case slices.Contains(valueOptions, arg) && i+1 < len(args):
			i++
			c.take(arg, args[i])
		case slices.Contains(bareOptions, arg):
			c.flags = append(c.flags, arg)
		case strings.HasPrefix(arg, "-"):
			c.unknown = append(c.unknown, arg)
		case c.url == "" && strings.Contains(arg, "://"):
			c.url = arg
		case c.url != "" && c.port == "" && portNumber.MatchString(arg):
			c.port = arg
		default:
			c.unknown = append(c.unknown, arg)
		}
	}
	slices.Sort(c.flags)
	c.flags = slices.Compact(c.flags)
	c.allowHTTP = slices.Contains(c.flags, "--allow-http")
	resource, given := c.values["--resource"]
	c.resource = strings.TrimSpace(resource)
	c.noResource = slices.Contains(c.flags, "--disable-resource-parameter") || given && c.resource == ""
	if c.noResource {
		c.resource = ""
	}
	document := strings.TrimSpace(c.values["--client-metadata-url"])
	if u, err := url.Parse(document); err == nil && u.Scheme == "https" && u.Path != "" && u.Path != "/" {
		c.clientMetadataURL = document
	}
	c.tokenEndpoint = strings.TrimSpace(c.values["--token-endpoint"])
	return c
}

// splitJoined takes "--resource https://…" in one argument apart, which clients
// that have one line for all arguments produce.
func splitJoined(args []string) []string {
	var out []string
	for _, arg := range args {
		name, value, joined := strings.Cut(arg, " ")
		if joined && (slices.Contains(valueOptions, name) || slices.Contains(bareOptions, name)) {
			out = append(out, splitWords(arg)...)
			if name == "--header" { // its value holds blanks
				out = append(out[:len(out)-len(splitWords(arg))], name, strings.Trim(strings.TrimSpace(value), `"'`))
			}
			continue
		}
		out = append(out, arg)
	}
	return out
}

func (c *commandLine) take(name, value string) {
	switch name {
	case "--header":
		c.header(value)
	case "--header-file":
		c.headerFile(value)
	case "--authorize-param":
		if key, v, ok := strings.Cut(value, "="); ok && strings.TrimSpace(key) != "" {
			c.authorize[strings.TrimSpace(key)] = v
		} else {
			c.unknown = append(c.unknown, name)
		}
	case "--ignore-tool":
		c.ignoreTools = append(c.ignoreTools, value)
	default:
		if _, twice := c.values[name]; !twice {
			c.values[name] = value
		}
	}
}

func (c *commandLine) header(line string) {
	m := headerLine.FindStringSubmatch(line)
	if m == nil {
		c.unknown = append(c.unknown, "--header")
		return
	}
	if _, there := c.headers[m[1]]; !there {
		c.headerNames = append(c.headerNames, m[1])
	}
	c.headers[m[1]] = m[2]
}

// largestFile bounds the files of others that are read, in bytes.
const largestFile = 4 << 20

func (c *commandLine) headerFile(path string) {
	raw, err := readBounded(path)
	if err != nil || !filepath.IsAbs(path) { // a relative one is in a folder that only the client knows
		c.unreadHeaders = append(c.unreadHeaders, path)
		return
	}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			c.header(line)
		}
	}
}

// readBounded reads a regular file of at most largestFile bytes.
func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > largestFile {
		return nil, &os.PathError{Op: "read", Path: path, Err: os.ErrInvalid}
	}
	return os.ReadFile(path)
}
