package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// field is a field of the spec as the CRD has it.
type field struct {
	name        string
	description string
	schema      map[string]any
	required    bool
	top         bool
	fields      []field
}

// readSpec reads the fields below `spec` of the CRD.
func readSpec(path string) ([]field, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					Root struct {
						Properties map[string]map[string]any `yaml:"properties"`
					} `yaml:"openAPIV3Schema"`
				} `yaml:"schema"`
			} `yaml:"versions"`
		} `yaml:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(crd.Spec.Versions) != 1 {
		return nil, fmt.Errorf("%s has %d versions: say here which one the chart is made for", path, len(crd.Spec.Versions))
	}
	fields := fieldsOf(crd.Spec.Versions[0].Schema.Root.Properties["spec"])
	for i := range fields {
		fields[i].top = true
	}
	return fields, nil
}

// fieldsOf lists the properties of an object, those that must be given first.
func fieldsOf(schema map[string]any) []field {
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	fields := []field{}
	for name, property := range properties {
		schema := property.(map[string]any)
		description, _ := schema["description"].(string)
		fields = append(fields, field{
			name:        name,
			description: strings.Join(strings.Fields(description), " "),
			schema:      schema,
			required:    slices.Contains(required, any(name)),
			fields:      fieldsOf(schema),
		})
	}
	sort.Slice(fields, func(a, b int) bool {
		if fields[a].required != fields[b].required {
			return fields[a].required
		}
		return fields[a].name < fields[b].name
	})
	return fields
}

// isBlock says whether the field is an object that is always there, so that values.yaml lists what is in it.
func (f field) isBlock() bool {
	_, hasDefault := f.schema["default"]
	return len(f.fields) > 0 && !f.isOptional() && (hasDefault || f.top)
}

// isOptional says whether leaving the field out means something else than any value of it.
func (f field) isOptional() bool { return f.schema["nullable"] == true }

// value is the default as one line of JSON, which is YAML too; `null` where there is none.
func (f field) value() string {
	text, err := json.Marshal(f.schema["default"])
	if err != nil || f.isOptional() {
		return "null"
	}
	return string(text)
}
