package main

import (
	"fmt"
	"os"
	"strings"
)

// mark is the line of charts/pingstack/values.yaml below which all is made from the CRD.
const mark = "# The spec of the PingStack. `dev/check-charts write` makes what is below from the CRD.\n"

// pingstackValues is the chart's values.yaml with the part below the mark made anew.
func pingstackValues(spec []field) (string, error) {
	const path = "charts/pingstack/values.yaml"
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	own, _, found := strings.Cut(string(text), mark)
	if !found {
		return "", fmt.Errorf("%s lacks the line %q", path, mark)
	}
	var below strings.Builder
	writeValues(&below, spec, "")
	return own + mark + below.String(), nil
}

// writeValues writes fields as values with their descriptions and defaults.
func writeValues(out *strings.Builder, fields []field, indent string) {
	for _, f := range fields {
		if indent == "" {
			out.WriteString("\n")
		}
		description := f.description
		if f.required && !f.isBlock() {
			description += " It must be given."
		}
		fmt.Fprintf(out, "%s# -- %s\n", indent, description)
		if f.isBlock() {
			fmt.Fprintf(out, "%s%s:\n", indent, f.name)
			writeValues(out, f.fields, indent+"  ")
			continue
		}
		fmt.Fprintf(out, "%s%s: %s\n", indent, f.name, f.value())
		writeShape(out, f.fields, indent, "  ")
	}
}

// writeShape writes what an object that is not there by default may have in it, as a comment.
func writeShape(out *strings.Builder, fields []field, indent, inner string) {
	for _, f := range fields {
		value := " " + f.value()
		if len(f.fields) > 0 {
			value = ""
		} else if value == " null" {
			value = " …"
		}
		fmt.Fprintf(out, "%s# %s%s:%s\n", indent, inner, f.name, value)
		writeShape(out, f.fields, indent, inner+"  ")
	}
}
