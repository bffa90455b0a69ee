package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// copied are the words of the CRD's schema that say the same in a JSON schema.
var copied = []string{"description", "type", "minimum", "maximum", "minLength", "maxLength", "maxItems", "pattern", "enum"}

// pingstackSchema is the schema of the chart's values: its own, and the spec's from the CRD.
func pingstackSchema(spec []field) (string, error) {
	const path = "dev/chart-tools/pingstack.own.schema.json"
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	properties := schema["properties"].(map[string]any)
	for _, f := range spec {
		if _, taken := properties[f.name]; taken {
			return "", fmt.Errorf("the spec has a field %q, and so has %s: rename the chart's own value", f.name, path)
		}
		properties[f.name] = valueSchema(f.schema, f)
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(schema)
	return out.String(), err
}

// valueSchema turns the CRD's schema of a field into that of a value: what is not in it is refused, and null means absent.
func valueSchema(from map[string]any, f field) map[string]any {
	schema := map[string]any{}
	for _, word := range copied {
		if value, found := from[word]; found {
			schema[word] = value
		}
	}
	if items, found := from["items"].(map[string]any); found {
		schema["items"] = valueSchema(items, field{required: true})
	}
	if len(f.fields) > 0 {
		properties := map[string]any{}
		for _, inner := range f.fields {
			// Required in a block that is always there: values.yaml has null for it, and the template asks for it.
			inner.required = inner.required && !f.isBlock()
			properties[inner.name] = valueSchema(inner.schema, inner)
		}
		schema["properties"], schema["additionalProperties"] = properties, false
		if required, found := from["required"]; found && !f.isBlock() {
			schema["required"] = required
		}
	}
	if !f.required && !f.isBlock() {
		schema["type"] = []any{schema["type"], "null"}
		if values, found := schema["enum"].([]any); found {
			schema["enum"] = append(append([]any{}, values...), nil)
		}
	}
	return schema
}

// sameKeys fails unless every value has a place in the schema, and the schema has no others.
func sameKeys(values []byte, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var schema, value map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := yaml.Unmarshal(values, &value); err != nil {
		return err
	}
	wrong := differences("", value, schema)
	sort.Strings(wrong)
	if len(wrong) > 0 {
		return fmt.Errorf("%s: %s", path, strings.Join(wrong, "; "))
	}
	return nil
}

func differences(path string, value any, schema map[string]any) []string {
	properties, isObject := schema["properties"].(map[string]any)
	if !isObject {
		return nil
	}
	wrong := []string{}
	if schema["additionalProperties"] != false {
		wrong = append(wrong, path+" takes anything: write additionalProperties: false")
	}
	values, _ := value.(map[string]any)
	for name := range values {
		if _, found := properties[name]; !found {
			wrong = append(wrong, path+"."+name+" has no schema")
		}
	}
	for name, inner := range properties {
		// Helm's own, for charts that have this one in them.
		if path+name == "global" {
			continue
		}
		if _, found := values[name]; !found {
			wrong = append(wrong, path+"."+name+" is not in values.yaml")
		} else {
			wrong = append(wrong, differences(path+"."+name, values[name], inner.(map[string]any))...)
		}
	}
	return wrong
}
