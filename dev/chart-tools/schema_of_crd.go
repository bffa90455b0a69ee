package main

import (
	"encoding/json"
	"os"
)

// writePingStackSchema prints the schema of a PingStack as kubeconform reads it; fields that do not exist are refused.
func writePingStackSchema(spec []field) error {
	properties := map[string]any{}
	for _, f := range spec {
		properties[f.name] = valueSchema(f.schema, f)
	}
	text := map[string]any{"type": "string"}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"type":                 "object",
		"required":             []string{"apiVersion", "kind", "metadata", "spec"},
		"additionalProperties": false,
		"properties": map[string]any{
			"apiVersion": text, "kind": text, "metadata": map[string]any{"type": "object"},
			"spec": map[string]any{"type": "object", "properties": properties, "additionalProperties": false, "required": []string{"smtp"}},
		},
	})
}
