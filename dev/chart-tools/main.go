// Writes the parts of the charts that follow from something else, so that nobody keeps them equal by hand:
//
//	chart-tools write REPOSITORY
//	chart-tools check REPOSITORY     writes nothing; what is out of date is an error
//	chart-tools schema REPOSITORY    prints the PingStack's schema for kubeconform
//
//	charts/pingstack/values.yaml          below its mark: every field of the PingStack's spec, from the CRD
//	charts/pingstack/values.schema.json   pingstack.own.schema.json, and the spec from the CRD
//	charts/*/README.md                    the table of values, from the comments of values.yaml and from the CRD
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const crdFile = "charts/ping-operator/files/crd.yaml"

func main() {
	if len(os.Args) != 3 {
		fail("what, and in which repository? usage: chart-tools write|check|schema REPOSITORY")
	}
	if err := os.Chdir(os.Args[2]); err != nil {
		fail(err.Error())
	}
	if err := run(os.Args[1]); err != nil {
		fail(err.Error())
	}
}

func run(action string) error {
	spec, err := readSpec(crdFile)
	if err != nil {
		return err
	}
	if action == "schema" {
		return writePingStackSchema(spec)
	}
	files, err := generate(spec)
	if err != nil {
		return err
	}
	stale := []string{}
	for path, content := range files {
		if current, err := os.ReadFile(path); err == nil && string(current) == content {
			continue
		}
		stale = append(stale, path)
		if action == "write" {
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				return err
			}
			fmt.Println("written:", path)
		}
	}
	if action == "check" && len(stale) > 0 {
		return fmt.Errorf("%s: out of date; run 'dev/check-charts write', and commit what it changes", strings.Join(stale, ", "))
	}
	return nil
}

// generate makes the whole content of every file that has a part made here.
func generate(spec []field) (map[string]string, error) {
	files := map[string]string{}
	values, err := pingstackValues(spec)
	if err != nil {
		return nil, err
	}
	files["charts/pingstack/values.yaml"] = values
	if files["charts/pingstack/values.schema.json"], err = pingstackSchema(spec); err != nil {
		return nil, err
	}
	operatorValues, err := os.ReadFile("charts/ping-operator/values.yaml")
	if err != nil {
		return nil, err
	}
	if err := sameKeys(operatorValues, "charts/ping-operator/values.schema.json"); err != nil {
		return nil, err
	}
	own, _, _ := strings.Cut(values, mark)
	tables := map[string][]row{
		"charts/ping-operator": commentRows(operatorValues),
		"charts/pingstack":     append(commentRows([]byte(own)), specRows("", spec)...),
	}
	for chart, rows := range tables {
		path := filepath.Join(chart, "README.md")
		if files[path], err = withTable(path, rows); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "chart-tools:", message)
	os.Exit(1)
}
