package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// row is a value's line in a README.
type row struct{ path, value, description string }

// commentRows lists the values that have a comment beginning with `# --`, with their defaults.
func commentRows(values []byte) []row {
	var document yaml.Node
	if err := yaml.Unmarshal(values, &document); err != nil || len(document.Content) == 0 {
		fail(fmt.Sprintf("values.yaml cannot be read: %v", err))
	}
	return mappingRows("", document.Content[0])
}

func mappingRows(prefix string, mapping *yaml.Node) []row {
	rows := []row{}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		// A paragraph of its own above the comment belongs to the reader of values.yaml alone.
		paragraphs := strings.Split(key.HeadComment, "\n\n")
		comment := strings.ReplaceAll(paragraphs[len(paragraphs)-1], "\n# ", " ")
		if description, found := strings.CutPrefix(comment, "# -- "); found {
			var content any
			if err := value.Decode(&content); err != nil {
				fail(fmt.Sprintf("%s%s cannot be read: %v", prefix, key.Value, err))
			}
			text, _ := json.Marshal(content)
			rows = append(rows, row{prefix + key.Value, string(text), description})
		} else if value.Kind == yaml.MappingNode && len(value.Content) > 0 {
			rows = append(rows, mappingRows(prefix+key.Value+".", value)...)
		} else {
			fail(prefix + key.Value + " has no comment in values.yaml: describe it in a line that begins with '# --'")
		}
	}
	return rows
}

// specRows lists the fields of the spec, also those of objects that are not there by default.
func specRows(prefix string, fields []field) []row {
	rows := []row{}
	for _, f := range fields {
		if !f.isBlock() {
			value := f.value()
			if f.required {
				value = "required"
			}
			rows = append(rows, row{prefix + f.name, value, f.description})
		}
		rows = append(rows, specRows(prefix+f.name+".", f.fields)...)
	}
	return rows
}

const tableBegins, tableEnds = "<!-- generated: values -->\n", "<!-- end: values -->"

// withTable is the README at path with its table made anew.
func withTable(path string, rows []row) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	before, rest, begins := strings.Cut(string(text), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return "", fmt.Errorf("%s lacks the lines %q and %q", path, tableBegins, tableEnds)
	}
	var table strings.Builder
	table.WriteString("\n| value | default | what |\n|---|---|---|\n")
	for _, r := range rows {
		value := ""
		switch r.value {
		case "null":
		case "required":
			value = r.value
		default:
			value = "`" + r.value + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", r.path, value, strings.ReplaceAll(r.description, "|", "\\|"))
	}
	return before + tableBegins + table.String() + "\n" + tableEnds + after, nil
}
