package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"drawbridge/bridge/fault"
)

// noCommand says that parent has no such command, and which one may be meant.
func noCommand(parent *cobra.Command, name string) error {
	next := "Run: " + parent.CommandPath() + " --help"
	s := slices.DeleteFunc(parent.SuggestionsFor(name), func(s string) bool {
		return len(s) <= 3 && s[0] != name[0] // two letters of three differ from anything
	})
	if len(s) > 0 {
		for i := range s {
			s[i] = parent.CommandPath() + " " + s[i]
		}
		next = "Did you mean: " + strings.Join(s, ", or ") + "?"
	}
	return fault.New(fault.Usage, fmt.Sprintf("There is no command %q.", name), next)
}

// helpCommand is cobra's, except that a command that is not there is an error.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Show what a command does and which options it has",
		Example: "  drawbridge help login",
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				if cmd == nil {
					cmd, rest = root, args
				}
				return noCommand(cmd, rest[0])
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// describeHelpFlags puts the words for -h in, which cobra else makes of the
// command's name.
func describeHelpFlags(cmd *cobra.Command) {
	cmd.Flags().BoolP("help", "h", false, "show this")
	for _, sub := range cmd.Commands() {
		describeHelpFlags(sub)
	}
}

// optionWords says what is wrong with the options.
func optionWords(err error) string {
	var (
		unknown *pflag.NotExistError
		bare    *pflag.ValueRequiredError
		value   *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown):
		return fmt.Sprintf("There is no option %s.", dashed(unknown.GetSpecifiedName()))
	case errors.As(err, &bare):
		return fmt.Sprintf("The option %s needs a value.", dashed(bare.GetSpecifiedName()))
	case errors.As(err, &value):
		return fmt.Sprintf("The option --%s cannot be %q.", value.GetFlag().Name, value.GetValue())
	case errors.As(err, &syntax):
		return fmt.Sprintf("%q is no option.", syntax.GetSpecifiedFlag())
	}
	return "The options cannot be understood."
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
