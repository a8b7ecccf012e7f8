package cli

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// The commands that print no report print text, or JSON for scripts.

func addTextOrJSON(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", "text", "output `FORMAT`: text or json")
	complete(cmd, "output", "text", "json")
}

func textOrJSON(cmd *cobra.Command, output string) error {
	if output != "text" && output != "json" {
		return usagef(cmd, "no output format %q; there are: text, json", output)
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
